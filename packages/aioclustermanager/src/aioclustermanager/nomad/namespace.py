"""Namespaces of Nomad, emulated or real."""

from __future__ import annotations

import copy
from typing import Any

NOMAD_NAMESPACE: dict[str, Any] = {'name': ''}


class NomadNamespace:
    """A namespace."""

    def __init__(self, name: str | None = None, data: Any = None) -> None:
        if data is None:
            self._raw = self.create(name)
        else:
            self._raw = data

    def create(self, name: str | None) -> Any:
        return {**NOMAD_NAMESPACE, 'name': name}

    def payload(self) -> Any:
        """Return a copy of the JSON."""
        return copy.deepcopy(self._raw)
