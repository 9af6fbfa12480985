"""Entering and leaving the scope of a relation. Pure; touches what it changes."""

from __future__ import annotations

from juju_local import _relations, _units
from juju_local._state import Model, Relation, RelationLocal, Unit


def enter(model: Model, relation: Relation, unit: Unit, now: float) -> None:
    """Make a unit a member whom the other side can see, with the minimum settings.

    A principal that enters a container-scoped relation gets its subordinate unit here, as in Juju (EnterScope).
    """
    relation.in_scope.append(unit.name)
    model.touch('relation', relation.id)
    unit.agent.relations[relation.id] = RelationLocal(created=_relations.is_silent(model, relation, unit.app))
    model.touch('unit', unit.name)
    bag = model.bag(relation.id, unit.name)
    bag.data = {**minimum_settings(model, unit), **bag.data}
    model.touch('bag', f'{relation.id}/{unit.name}')
    _add_subordinate(model, relation, unit, now)


def leave(model: Model, relation: Relation, unit: Unit) -> None:
    """Take a unit out of a relation; its settings stay readable until the relation itself goes."""
    if unit.name in relation.in_scope:
        relation.in_scope.remove(unit.name)
        model.touch('relation', relation.id)
    if unit.agent.relations.pop(relation.id, None) is not None:
        model.touch('unit', unit.name)


def minimum_settings(model: Model, unit: Unit) -> dict[str, str]:
    """Return what the controller writes into a unit's bag before the charm can write anything."""
    machine = model.machines.get(unit.machine)
    if machine is None or not machine.address:
        return {}
    address = machine.address
    return {'private-address': address, 'ingress-address': address, 'egress-subnets': f'{address}/32'}


def _add_subordinate(model: Model, relation: Relation, unit: Unit, now: float) -> None:
    app = model.applications[_relations.other_end(relation, unit.app).app]
    if not _relations.is_container(relation) or not model.charm_of(app.name).subordinate or unit.principal:
        return
    if not any(mate.app == app.name and mate.principal == unit.name for mate in model.units.values()):
        _units.create(model, app, now, machine=unit.machine, principal=unit.name)
