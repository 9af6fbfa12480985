"""Stateful sets, on whichever orchestrator."""

from __future__ import annotations

from typing import Any

from ._objects import List


class StatefulSetList(List[Any]):
    """Stateful sets; what `values` gives, each orchestrator says."""

    @property
    def values(self) -> Any:
        raise NotImplementedError
