"""What jobs, deployments and stateful sets are read alike by."""

from __future__ import annotations

from typing import Any

from .._objects import Workload
from . import _views

Json = dict[str, Any]


class K8SWorkload(Workload):
    """Reads the object; `create` is each kind's own."""

    _raw: Json

    @property
    def active(self) -> int:
        return _views.count(self._raw, 'active')

    @property
    def id(self) -> str | None:
        return _views.name(self._raw)

    @property
    def command(self) -> list[str] | None:
        """The command of the first container; None where the image's own is run."""
        found: list[str] | None = _views.first_container(_views.template_spec(self._raw)).get('command')
        return found

    @property
    def image(self) -> str | None:
        """The image of the first container."""
        found: str | None = _views.first_container(_views.template_spec(self._raw)).get('image')
        return found

    def get_payload(self) -> Any:
        return _views.payload(_views.template_spec(self._raw))


class K8SReplicated(K8SWorkload):
    """One with a selector of labels for its pods."""

    @property
    def selector(self) -> dict[str, str]:
        """The labels that its pods have."""
        return dict(((self._raw.get('spec') or {}).get('selector') or {}).get('matchLabels') or {})

    @property
    def label_selector(self) -> str:
        """All of the selector, as text: also what is more than labels and their values."""
        selector = (self._raw.get('spec') or {}).get('selector') or {}
        return ','.join([*_equal(self.selector), *map(_expression, selector.get('matchExpressions') or [])])


def _equal(labels: dict[str, str]) -> list[str]:
    return [f'{key}={value}' for key, value in labels.items()]


def _expression(requirement: Json) -> str:
    key, values = requirement['key'], ','.join(requirement.get('values') or [])
    if requirement['operator'] == 'Exists':
        return str(key)
    if requirement['operator'] == 'DoesNotExist':
        return f'!{key}'
    return f'{key} {"in" if requirement["operator"] == "In" else "notin"} ({values})'
