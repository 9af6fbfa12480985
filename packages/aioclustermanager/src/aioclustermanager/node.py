"""A machine that runs pods, on whichever orchestrator."""

from __future__ import annotations

from typing import Any


class Node:
    """A machine that runs pods."""

    def __init__(self, data: Any = None, **kw: Any) -> None:  # noqa: ARG002  (taken by 0.3.44, and ignored)
        self._raw = data

    @property
    def id(self) -> Any:
        """Its name in the cluster."""
        raise NotImplementedError

    @property
    def hostname(self) -> Any:
        """Its own name for itself."""
        raise NotImplementedError
