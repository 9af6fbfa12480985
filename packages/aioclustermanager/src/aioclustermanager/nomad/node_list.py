"""Nodes of Nomad."""

from __future__ import annotations

from typing import Any

from ..node_list import NodeList
from .node import NomadNode


class NomadNodeList(NodeList):
    """Nodes, in the server's order."""

    def __init__(self, data: Any = None, **kw: Any) -> None:
        super().__init__(data, **kw)
        self._nodes = [NomadNode(data=node) for node in data or []]
