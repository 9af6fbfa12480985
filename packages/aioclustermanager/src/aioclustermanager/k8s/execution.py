"""Pods: the executions of Kubernetes."""

from __future__ import annotations

from typing import Any

from ..execution import Execution
from . import _views
from .const import FAILED, PENDING, RUNNING


class K8SExecution(Execution):
    """A pod."""

    @property
    def pending(self) -> bool:
        return self.status == PENDING

    @property
    def running(self) -> bool:
        return self.status == RUNNING

    @property
    def failed(self) -> bool:
        return self.status == FAILED

    @property
    def status(self) -> str:
        """The phase; '' before the server has given it one."""
        return str(_views.status(self._raw).get('phase') or '')

    @property
    def events(self) -> list[tuple[str, str | None]]:
        """The conditions: type, and when it last changed (RFC 3339)."""
        conditions = _views.status(self._raw).get('conditions') or []
        return [(condition['type'], condition.get('lastTransitionTime')) for condition in conditions]

    @property
    def id(self) -> str | None:
        return _views.name(self._raw)

    @property
    def internal_id(self) -> str | None:
        return _views.name(self._raw)

    def get_payload(self) -> Any:
        """Return what the environment variable PAYLOAD of the first container says (JSON); None without one."""
        return _views.payload(self._raw.get('spec') or {})
