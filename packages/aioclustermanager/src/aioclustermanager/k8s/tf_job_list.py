"""TFJobs of Kubernetes."""

from __future__ import annotations

from typing import Any

from .._objects import items
from ..job_list import JobList
from ._listed import Listed
from .tf_job import K8STFJob


class K8STFJobList(Listed, JobList):  # type: ignore[misc]  # there `values` is a property, and was in 0.3.44
    """TFJobs."""

    def __init__(self, data: Any = None, **kw: Any) -> None:
        super().__init__(data, **kw)
        self._jobs = [K8STFJob(data=item) for item in items(data)]

    def _items(self) -> list[K8STFJob]:
        return self._jobs
