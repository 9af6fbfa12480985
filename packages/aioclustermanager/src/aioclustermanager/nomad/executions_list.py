"""Allocations: the executions of Nomad."""

from __future__ import annotations

from ..executions_list import ExecutionList
from .execution import NomadExecution


class NomadExecutionList(ExecutionList):
    """Allocations, the oldest first (Nomad lists them by their random IDs)."""

    def process(self) -> None:
        found = sorted(self._raw or [], key=lambda allocation: allocation.get('CreateIndex', 0))
        self._executions = [NomadExecution(data=allocation) for allocation in found]

    def statuses(self) -> list[str]:
        """Return the status of each."""
        return [execution.status for execution in self._executions]

    def has_failed_anytime(self) -> bool:
        """Whether any of them failed."""
        return any(execution.failed for execution in self._executions)

    def is_running(self) -> bool:
        """Whether the last one runs."""
        return bool(self._executions) and bool(self._executions[-1].running)

    def is_done(self) -> bool:
        """Whether the last one ended well; also when there is none."""
        return not self._executions or bool(self._executions[-1].finished)
