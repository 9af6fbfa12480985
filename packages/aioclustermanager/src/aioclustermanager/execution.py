"""One run of a job or one copy of a service: a pod, an allocation."""

from __future__ import annotations

from typing import Any

from ._objects import Object


class Execution(Object):
    """A pod or an allocation."""

    def __init__(self, data: Any = None) -> None:
        self._raw = data

    @property
    def id(self) -> Any:
        raise NotImplementedError

    @property
    def pending(self) -> Any:
        raise NotImplementedError

    @property
    def running(self) -> Any:
        raise NotImplementedError

    @property
    def status(self) -> Any:
        """The state as the orchestrator calls it."""
        raise NotImplementedError

    @property
    def events(self) -> Any:
        """What happened to it: pairs of what and when."""
        raise NotImplementedError

    def get_payload(self) -> Any:
        raise NotImplementedError

    def sort_status_executions(self) -> list[tuple[Any, Any]]:
        """Return the events, the oldest first; those without a time before all others."""
        return sorted(self.events, key=lambda event: (event[1] is not None, '' if event[1] is None else event[1]))
