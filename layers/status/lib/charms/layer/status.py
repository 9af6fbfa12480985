"""One workload status a hook.

Any code may say what state it sees, any number of times; when the hook ends the gravest is set, the first one said
among equals, and only if the unit shows something else. `maintenance` shows at once, for work that takes long.
"""

from __future__ import annotations

from enum import Enum

from charmhelpers.core import hookenv


class WorkloadState(Enum):
    """The states a charm may set, gravest first; maintenance passes."""

    BLOCKED = 'blocked'
    WAITING = 'waiting'
    ACTIVE = 'active'
    MAINTENANCE = 'maintenance'


_said: list[tuple[WorkloadState, str]] = []


def blocked(message: str) -> None:
    """Say that the unit needs the operator."""
    status_set(WorkloadState.BLOCKED, message)


def waiting(message: str) -> None:
    """Say that the unit waits for another one."""
    status_set(WorkloadState.WAITING, message)


def maintenance(message: str) -> None:
    """Say what the unit is doing; shows at once, and at the end of the hook if nothing else was said."""
    status_set(WorkloadState.MAINTENANCE, message)
    _set(WorkloadState.MAINTENANCE, message)


def active(message: str) -> None:
    """Say that the unit works."""
    status_set(WorkloadState.ACTIVE, message)


maint = maintenance


def status_set(workload_state: WorkloadState, message: str) -> None:
    """Say that the unit is in `workload_state`."""
    _said.append((WorkloadState(workload_state), message))


def gravest(said: list[tuple[WorkloadState, str]]) -> tuple[WorkloadState, str] | None:
    """Return the first of the gravest; the last of maintenance if there is no other; None when nothing was said."""
    lasting = [item for item in said if item[0] is not WorkloadState.MAINTENANCE]
    order = list(WorkloadState)
    return min(lasting, key=lambda item: order.index(item[0]), default=said[-1] if said else None)


def finish() -> None:
    """Set what was said in this hook."""
    chosen = gravest(_said)
    _said.clear()
    if chosen is not None:
        _set(*chosen)


def _set(state: WorkloadState, message: str) -> None:
    # what the unit shows is asked of Juju: a hook that failed has set a status that our own memory knows nothing of
    if hookenv.status_get() != (state.value, message):
        hookenv.status_set(state.value, message)
