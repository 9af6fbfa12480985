"""Pods that are all alike, on whichever orchestrator."""

from __future__ import annotations

from ._objects import Workload


class Deploy(Workload):
    """Pods that are all alike."""
