"""Jobs of Nomad."""

from __future__ import annotations

from typing import Any

from ..job_list import JobList
from .job import NomadJob


class NomadJobList(JobList):
    """Jobs, in the order of their IDs."""

    def __init__(self, data: Any = None, namespace: str = '', **kw: Any) -> None:
        super().__init__(data, **kw)
        self._jobs: list[NomadJob] = []
        for raw in data or []:
            job = NomadJob(data=raw)
            job._namespace = namespace
            job._is_emulated = kw.get('emulated', True)
            self._jobs.append(job)

    def _items(self) -> list[Any]:
        return list(self._jobs)

    @property
    def total(self) -> int:
        return len(self._jobs)

    def values(self) -> list[NomadJob]:
        return self._jobs
