"""What an engine tells while it works, as plain data: the command line renders it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class MachineStarting:
    machine: str


@dataclass(frozen=True)
class MachineStarted:
    machine: str
    seconds: float


@dataclass(frozen=True)
class MachineFailed:
    machine: str
    reason: str


@dataclass(frozen=True)
class MachineRemoved:
    machine: str


@dataclass(frozen=True)
class RunStarted:
    """A hook (`kind` hook), action, command or charm upgrade begins."""

    unit: str
    kind: str
    name: str


@dataclass(frozen=True)
class RunEnded:
    """`reason` is that of a failure, '' if it succeeded; `calls` counts hook tools."""

    unit: str
    kind: str
    name: str
    seconds: float
    calls: int
    reason: str


@dataclass(frozen=True)
class Retrying:
    """Nothing else runs; failed hooks are run again after so many seconds."""

    units: tuple[str, ...]
    in_seconds: float


@dataclass(frozen=True)
class Waiting:
    """Nothing else runs; update-status is sent to units that still wait, after so many seconds."""

    units: tuple[str, ...]
    in_seconds: float


@dataclass(frozen=True)
class Following:
    """Another process is at work on this model; we go on after it."""


@dataclass(frozen=True)
class Stopping:
    """Interrupted: no new hook starts, these units' hooks are let end (interrupt again to kill them)."""

    units: tuple[str, ...]


Event = (
    MachineStarting
    | MachineStarted
    | MachineFailed
    | MachineRemoved
    | RunStarted
    | RunEnded
    | Retrying
    | Waiting
    | Following
    | Stopping
)
Progress = Callable[[Event], None]


@dataclass(frozen=True)
class Settled:
    """How a model came to rest."""

    waiting: Mapping[str, str] = field(default_factory=dict)  # unit -> workload message, where the limit was reached
    errors: Mapping[str, str] = field(default_factory=dict)  # unit -> hook that failed
    machine_errors: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False
