"""Jobs of Nomad, under the names that 0.3.44 gave them."""

from __future__ import annotations

from typing import Any

from ..job import Job
from . import _templates
from ._templates import NOMAD_JOB
from .const import DEAD, SUCCEEDED

__all__ = ['NOMAD_JOB', 'NomadJob']


class NomadJob(Job):
    """A job: as the server gives it, as a list shows it, or wrapped ({'Job': ...}) as a registration sends it."""

    _raw: dict[str, Any]
    _namespace = ''
    _is_emulated = True

    @property
    def namespace(self) -> str:
        """The namespace it was asked for in; '' for one made from an answer alone."""
        return self._namespace

    @property
    def active(self) -> bool:
        """Whether it may still do something."""
        return self.status not in ('', DEAD, SUCCEEDED)

    @property
    def finished(self) -> bool:
        """Whether it ended, well or not."""
        return self.status in (DEAD, SUCCEEDED)

    @property
    def status(self) -> str:
        """pending, running or dead; '' for one that was not registered yet."""
        return str(self._job.get('Status') or '')

    @property
    def id(self) -> str:
        """The name within the namespace."""
        found = str(self._job.get('ID') or '')
        return found.removeprefix(f'{self._namespace}-') if self._namespace and self._is_emulated else found

    @property
    def command(self) -> str | None:
        """The command of the first task; None where the image's own is run."""
        found: str | None = (_templates.first_task(self._raw).get('Config') or {}).get('command')
        return found

    @property
    def image(self) -> str | None:
        """The image of the first task."""
        found: str | None = (_templates.first_task(self._raw).get('Config') or {}).get('image')
        return found

    @property
    def scale(self) -> int:
        """How many allocations of the first group there should be."""
        groups = self._job.get('TaskGroups') or [{}]
        return int(groups[0].get('Count', 1))

    @scale.setter
    def scale(self, scale: int) -> None:
        self._job['TaskGroups'][0]['Count'] = scale

    @property
    def _job(self) -> dict[str, Any]:
        return _templates.specification(self._raw)

    def rewrap(self) -> None:
        """Turn what the server gave into what a registration sends."""
        self._raw = {'Job': self._raw}

    def get_payload(self) -> Any:
        """Return what PAYLOAD in the first task's environment says (JSON), or its last template; None if neither."""
        return _templates.sent_payload(self._raw)

    def set_datacenters(self, datacenters: list[str]) -> None:
        """Say where it may run."""
        self._job['Datacenters'] = datacenters

    def create(self, namespace: str | None, name: str | None, image: str | None, **kw: Any) -> Any:
        made = _templates.payload(_templates.emulated_id(namespace or '', name or ''), image, kw)
        _templates.specification(made)['Meta'] = {_templates.MARK: namespace or ''}
        return made
