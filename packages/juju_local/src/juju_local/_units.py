"""How units come to be and who leads them. Pure; touches what it changes."""

from __future__ import annotations

from juju_local._state import Application, Model, Status, Unit


def create(model: Model, app: Application, now: float, *, machine: str, principal: str = '') -> Unit:
    """Add a unit to an application; the first one leads."""
    name = f'{app.name}/{app.next_unit}'
    app.next_unit += 1
    model.touch('application', app.name)
    unit = Unit(name, app.name, machine, principal)
    unit.workload = Status('waiting', 'waiting for machine', now)
    unit.agent_status = Status('allocating', since=now)
    model.units[name] = unit
    model.touch('unit', name)
    elect(model, app)
    return unit


def elect(model: Model, app: Application) -> None:
    """Give the leadership to the first alive unit, in natural order, if the leader is gone.

    A leader that is dying keeps it until it is dead, as its agent goes on renewing the lease.
    """
    if app.leader in model.units:
        return
    leader = next((unit.name for unit in model.units_of(app.name) if unit.life == 'alive'), '')
    if leader != app.leader:
        app.leader = leader
        model.touch('application', app.name)


def resign(model: Model, unit: Unit) -> None:
    """Let the agent of a unit that no longer leads forget that it led. No hook runs for that."""
    if unit.agent.leader and model.applications[unit.app].leader != unit.name:
        unit.agent.leader = False
        model.touch('unit', unit.name)
