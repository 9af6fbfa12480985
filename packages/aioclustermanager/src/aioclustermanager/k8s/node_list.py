"""Nodes of Kubernetes."""

from __future__ import annotations

from typing import Any

from .._objects import items
from ..node_list import NodeList
from .node import K8SNode


class K8SNodeList(NodeList):
    """Nodes."""

    def __init__(self, data: Any = None, **kw: Any) -> None:
        super().__init__(data, **kw)
        self._nodes = [K8SNode(data=item) for item in items(data)]

    @property
    def total(self) -> int:
        return len(self._nodes)

    def values(self) -> list[K8SNode]:
        return self._nodes
