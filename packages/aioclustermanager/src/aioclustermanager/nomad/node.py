"""Nodes of Nomad."""

from __future__ import annotations

from typing import Any

from ..node import Node


class NomadNode(Node):
    """A node that runs allocations."""

    _raw: dict[str, Any]

    @property
    def id(self) -> str:
        """Its name; Nomad's own ID is `_raw['ID']`."""
        return str(self._raw.get('Name') or '')

    @property
    def hostname(self) -> str:
        """Its own name for itself; the name in the cluster where the server does not tell (lists)."""
        return str((self._raw.get('Attributes') or {}).get('unique.hostname') or self.id)
