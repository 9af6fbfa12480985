"""Questions about relations: who is on the other side, who sees whom, what may be entered. Changes nothing."""

from __future__ import annotations

from juju_local._state import Model, Relation, RelationEnd, Unit


def own_end(relation: Relation, app: str) -> RelationEnd:
    """Return the end of an application of this relation (of a peer relation, the only one)."""
    return next(end for end in relation.ends if end.app == app)


def other_end(relation: Relation, app: str) -> RelationEnd:
    """Return the end an application looks at: the other one, or its own in a peer relation."""
    return next((end for end in relation.ends if end.app != app), relation.ends[0])


def is_peer(relation: Relation) -> bool:
    return relation.ends[0].role == 'peer'


def is_container(relation: Relation) -> bool:
    return any(end.scope == 'container' for end in relation.ends)


def has_end(relation: Relation, app: str) -> bool:
    return any(end.app == app for end in relation.ends)


def of_app(model: Model, app: str) -> list[Relation]:
    """Return the relations of an application, by id."""
    return [relation for _, relation in sorted(model.relations.items()) if has_end(relation, app)]


def is_silent(model: Model, relation: Relation, app: str) -> bool:
    """Tell whether this side runs no hooks: an implicit endpoint, or one its present charm no longer has."""
    endpoint = model.charm_of(app).endpoints.get(own_end(relation, app).endpoint)
    return endpoint is None or endpoint.implicit


def container(unit: Unit) -> str:
    """Return the principal that names a unit's container."""
    return unit.principal or unit.name


def visible(model: Model, relation: Relation, unit: Unit) -> list[str]:
    """Return the remote units that the controller shows a unit, in string order.

    A dying unit is not shown any more, though it is still in scope: Juju marks it as departing as soon as it is
    removed (state/cleanup.go, cleanupDyingUnit), so both sides run their departed hooks at the same time.
    """
    app = other_end(relation, unit.app).app
    shared = is_container(relation)
    found = []
    for name in relation.in_scope:
        other = model.units.get(name)
        if other is None or other.app != app or other.name == unit.name or other.life != 'alive':
            continue
        if not shared or container(other) == container(unit):
            found.append(name)
    return sorted(found)


def may_enter(model: Model, relation: Relation, unit: Unit) -> bool:
    """Tell whether a unit should enter the scope of a relation now."""
    if relation.life != 'alive' or unit.life != 'alive' or unit.name in relation.in_scope:
        return False
    if (
        not has_end(relation, unit.app)
        or own_end(relation, unit.app).endpoint not in model.charm_of(unit.app).endpoints
    ):
        return False
    return not is_container(relation) or _container_allows(model, relation, unit)


def _container_allows(model: Model, relation: Relation, unit: Unit) -> bool:
    """A subordinate enters only beside its own principal; a principal waits until an old subordinate has gone."""
    other = other_end(relation, unit.app).app
    if unit.principal and not model.charm_of(other).subordinate:
        return model.units[unit.principal].app == other if unit.principal in model.units else False
    mates = [mate for mate in model.units.values() if mate.app == other and mate.principal == container(unit)]
    return all(mate.life == 'alive' for mate in mates)
