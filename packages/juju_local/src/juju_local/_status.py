"""What status shows: the states of units and applications as Juju reports them. Computing only."""

from __future__ import annotations

from juju_local._state import Model, Status, Unit

SEVERITY = ('error', 'blocked', 'waiting', 'maintenance', 'active', 'terminated', 'unknown')


def workload(unit: Unit) -> Status:
    """Return the workload status as shown: a failed hook hides what the charm said last."""
    return unit.agent_status if unit.agent_status.current == 'error' else unit.workload


def agent(unit: Unit) -> Status:
    """Return the agent status as shown: idle while a hook is in error."""
    if unit.agent_status.current == 'error':
        return Status('idle', since=unit.agent_status.since)
    return unit.agent_status


def application(model: Model, app: str) -> Status:
    """Return what the charm set with --application, else the worst of its units."""
    own = model.applications[app].status
    if own is not None:
        return own
    shown = [workload(unit) for unit in model.units_of(app)]
    return min(shown, key=lambda status: _rank(status.current), default=Status('unknown'))


def is_settled(model: Model) -> bool:
    """Tell whether every unit is idle (or in error) and nobody starts or dies."""
    return all(unit.agent_status.current in ('idle', 'error') and unit.life == 'alive' for unit in model.units.values())


def _rank(current: str) -> int:
    return SEVERITY.index(current) if current in SEVERITY else len(SEVERITY)
