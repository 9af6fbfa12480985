"""Deployments, on whichever orchestrator."""

from __future__ import annotations

from typing import Any

from ._objects import List


class DeployList(List[Any]):
    """Deployments; what `values` gives, each orchestrator says."""

    @property
    def values(self) -> Any:
        raise NotImplementedError
