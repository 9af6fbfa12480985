"""A task that ends, on whichever orchestrator."""

from __future__ import annotations

from typing import Any

from ._objects import Workload


class Job(Workload):
    """A task that ends."""

    @property
    def finished(self) -> Any:
        """Whether it ended, well or not."""
        raise NotImplementedError
