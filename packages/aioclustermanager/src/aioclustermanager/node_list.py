"""Machines that run pods, on whichever orchestrator."""

from __future__ import annotations

from typing import Any

from ._objects import List
from .node import Node


class NodeList(List[Node]):
    """Machines that run pods, in the server's order."""

    def __init__(self, data: Any = None, **kw: Any) -> None:
        super().__init__(data, **kw)
        self._nodes: list[Any] = []

    def _items(self) -> list[Any]:
        return self._nodes

    def __setitem__(self, key: int, value: Any) -> None:
        self._nodes[key] = value

    def __getitem__(self, key: int) -> Any:
        return self._nodes[key]

    @property
    def total(self) -> int:
        return len(self._nodes)

    def values(self) -> list[Any]:
        return self._nodes
