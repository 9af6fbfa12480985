"""What ends: destroying units, relations, applications, and the consequences Juju's cleanups draw from it. Pure.

Every verb of `_plan` and every commit of `_resolver` ends with `settle`, which makes true what no hook is needed for.
"""

from __future__ import annotations

from juju_local import _relations, _scope, _units
from juju_local._state import Application, Model, Relation, Unit


def destroy_unit(model: Model, unit: Unit) -> None:
    if unit.life == 'alive':
        unit.life = 'dying'
        model.touch('unit', unit.name)


def destroy_relation(model: Model, relation: Relation) -> None:
    if relation.life == 'alive':
        relation.life = 'dying'
        model.touch('relation', relation.id)


def destroy_application(model: Model, app: Application) -> None:
    """Let an application, its relations and its units die."""
    app.life = 'dying'
    model.touch('application', app.name)
    for relation in _relations.of_app(model, app.name):
        destroy_relation(model, relation)
    for unit in model.units_of(app.name):
        destroy_unit(model, unit)


def bury_unit(model: Model, unit: Unit, now: float) -> None:
    """Remove a unit whose agent has ended; its bags stay as long as their relations, its waiting tasks are off."""
    for action in model.actions.values():
        if action.unit == unit.name and action.status == 'pending':
            action.status, action.message, action.completed = 'cancelled', f'unit "{unit.name}" was removed', now
            model.touch('action', action.id)
    for relation in _relations.of_app(model, unit.app):
        _scope.leave(model, relation, unit)
    del model.units[unit.name]
    model.touch('unit', unit.name)


def bury_machine(model: Model, machine: str) -> None:
    """Remove a machine that the engine has taken down."""
    del model.machines[machine]
    model.touch('machine', machine)


def settle(model: Model, now: float) -> None:
    """Draw all consequences that need no hook, until nothing changes any more."""
    while any(
        [
            _silent_sides_follow(model, now),
            _empty_relations_go(model),
            _subordinates_follow(model),
            _unborn_go(model, now),
            _empty_applications_go(model),
        ]
    ):
        pass
    for app in model.applications.values():
        _units.elect(model, app)
    _empty_machines_die(model)


def _silent_sides_follow(model: Model, now: float) -> bool:
    """Let units enter and leave at once where their side runs no hooks (juju-info), or never ran relation-created."""
    changed = False
    for relation in list(model.relations.values()):
        for end in relation.ends:
            silent = _relations.is_silent(model, relation, end.app)
            for unit in [unit for unit in model.units.values() if unit.app == end.app]:
                if silent and unit.agent.installed and _relations.may_enter(model, relation, unit):
                    _scope.enter(model, relation, unit, now)
                    changed = True
                elif _leaves_unheard(relation, unit, silent):
                    _scope.leave(model, relation, unit)
                    changed = True
    return changed


def _leaves_unheard(relation: Relation, unit: Unit, silent: bool) -> bool:
    local = unit.agent.relations.get(relation.id)
    if local is None or (relation.life == 'alive' and unit.life == 'alive'):
        return False
    pending = unit.agent.pending
    if pending is not None and pending.relation_id == relation.id:
        return False
    return silent or not local.created


def _empty_relations_go(model: Model) -> bool:
    gone = [relation for relation in model.relations.values() if relation.life != 'alive' and not relation.in_scope]
    for relation in gone:
        del model.relations[relation.id]
        model.touch('relation', relation.id)
        for key in [key for key in model.bags if key[0] == relation.id]:
            del model.bags[key]
            model.touch('bag', f'{key[0]}/{key[1]}')
    return bool(gone)


def _subordinates_follow(model: Model) -> bool:
    lost = [unit for unit in model.units.values() if unit.principal and unit.life == 'alive' and not _kept(model, unit)]
    for unit in lost:
        destroy_unit(model, unit)
    return bool(lost)


def _kept(model: Model, unit: Unit) -> bool:
    """A subordinate stays while its principal does and an alive container-scoped relation joins their applications."""
    principal = model.units.get(unit.principal)
    if principal is None or principal.life != 'alive':
        return False
    return any(
        relation.life == 'alive' and _relations.is_container(relation) and _relations.has_end(relation, principal.app)
        for relation in _relations.of_app(model, unit.app)
    )


def _unborn_go(model: Model, now: float) -> bool:
    """A unit whose agent never began, perhaps because its machine cannot start, needs nobody to end it."""
    gone = [unit for unit in model.units.values() if unit.life != 'alive' and not unit.agent.charm_url]
    for unit in gone:
        bury_unit(model, unit, now)
    return bool(gone)


def _empty_applications_go(model: Model) -> bool:
    gone = [
        app
        for app in model.applications.values()
        if app.life != 'alive' and not model.units_of(app.name) and not _relations.of_app(model, app.name)
    ]
    for app in gone:
        del model.applications[app.name]
        model.touch('application', app.name)
    return bool(gone)


def _empty_machines_die(model: Model) -> None:
    used = {unit.machine for unit in model.units.values()}
    for machine in model.machines.values():
        if machine.id not in used and machine.life == 'alive':
            machine.life = 'dying'
            model.touch('machine', machine.id)
