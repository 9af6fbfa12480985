"""Jobs, on whichever orchestrator."""

from __future__ import annotations

from typing import Any

from ._objects import List
from .job import Job


class JobList(List[Any]):
    """Jobs; what `values` gives, each orchestrator says."""

    @property
    def values(self) -> Any:
        raise NotImplementedError

    def _items(self) -> list[Any]:
        raise NotImplementedError

    def schedulled_pods(self) -> int:
        """Return how many executions the jobs of this list have running."""
        return sum(int(job.active) for job in self if isinstance(job, Job))
