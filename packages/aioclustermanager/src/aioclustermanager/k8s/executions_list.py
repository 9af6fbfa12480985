"""Pods: the executions of Kubernetes."""

from __future__ import annotations

from .._objects import items
from ..executions_list import ExecutionList
from .const import FAILED, RUNNING, SUCCEEDED
from .execution import K8SExecution


class K8SExecutionList(ExecutionList):
    """Pods."""

    def process(self) -> None:
        self._executions = [K8SExecution(data=item) for item in items(self._raw)]

    def statuses(self) -> list[str]:
        """Return the phase of each."""
        return [execution.status for execution in self._executions]

    def has_failed_anytime(self) -> bool:
        """Whether any of them failed."""
        return FAILED in self.statuses()

    def is_running(self) -> bool:
        """Whether any of them runs."""
        return RUNNING in self.statuses()

    def is_done(self) -> bool:
        """Whether any of them ended well."""
        return SUCCEEDED in self.statuses()
