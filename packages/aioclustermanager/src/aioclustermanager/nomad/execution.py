"""Allocations: the executions of Nomad."""

from __future__ import annotations

from typing import Any

from ..execution import Execution
from .const import FAILED, PENDING, RUNNING, SUCCEEDED


class NomadExecution(Execution):
    """An allocation."""

    _raw: dict[str, Any]

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
    def finished(self) -> bool:
        """Whether it ended well."""
        return self.status == SUCCEEDED

    @property
    def status(self) -> str:
        """pending, running, complete, failed, lost or unknown."""
        return str(self._raw.get('ClientStatus') or '')

    @property
    def events(self) -> list[tuple[str, int]]:
        """What happened to the task named like the job, or else to the first one: type, nanoseconds since 1970."""
        states: dict[str, Any] = self._raw.get('TaskStates') or {}
        state: dict[str, Any] = states.get(self.id) or next(iter(states.values()), {})
        return [(event['Type'], event['Time']) for event in state.get('Events') or []]

    @property
    def id(self) -> str:
        """The ID of its job."""
        return str(self._raw.get('JobID') or '')

    @property
    def internal_id(self) -> str:
        """Its own ID: what logs are asked for by."""
        return str(self._raw.get('ID') or '')
