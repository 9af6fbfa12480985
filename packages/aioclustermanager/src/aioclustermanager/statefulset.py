"""Pods with names of their own, on whichever orchestrator."""

from __future__ import annotations

from ._objects import Workload


class StatefulSet(Workload):
    """Pods with names of their own."""
