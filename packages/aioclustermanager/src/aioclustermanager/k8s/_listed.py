"""Lists of the API server's objects."""

from __future__ import annotations

from typing import Any


class Listed:
    """For the lists: `values` and `total`, as 0.3.44 has them."""

    def _items(self) -> list[Any]:
        raise NotImplementedError

    @property
    def total(self) -> int:
        return len(self._items())

    def values(self) -> list[Any]:
        return self._items()
