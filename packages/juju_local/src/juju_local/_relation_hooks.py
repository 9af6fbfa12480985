"""The next hook of one relation, as worker/uniter/relation/resolver.go chooses it. Changes nothing."""

from __future__ import annotations

from juju_local import _relations
from juju_local._state import Hook, Model, Relation, RelationLocal, Unit


def due(model: Model, relation: Relation, unit: Unit, local: RelationLocal) -> Hook | None:
    """Return the hook that this relation owes to a unit whose relation-created has run."""
    if local.changed_owed:  # unconditionally, even if that unit has gone by now
        return _hook(relation, unit, 'relation-changed', local.changed_owed)
    ending = relation.life != 'alive' or unit.life != 'alive'
    seen = [] if ending else _relations.visible(model, relation, unit)
    gone = sorted(set(local.members) - set(seen))
    if gone:
        hook = _hook(relation, unit, 'relation-departed', gone[0])
        hook.departing_unit = unit.name if _local_side_ends(model, unit) else gone[0]
        return hook
    if ending:
        return None if local.broken or _relations.is_peer(relation) else _hook(relation, unit, 'relation-broken')
    return _change(model, relation, unit, local, seen)


def created(relation: Relation, unit: Unit) -> Hook:
    return _hook(relation, unit, 'relation-created')


def _change(model: Model, relation: Relation, unit: Unit, local: RelationLocal, seen: list[str]) -> Hook | None:
    app = _relations.other_end(relation, unit.app).app
    bag = model.bags.get((relation.id, app))
    if bag is not None and bag.version and bag.version != local.app_versions.get(app, 0):
        return _hook(relation, unit, 'relation-changed')
    for name in seen:
        if name not in local.members:
            return _hook(relation, unit, 'relation-joined', name)
    for name in seen:
        if local.members[name] != version(model, relation.id, name):
            return _hook(relation, unit, 'relation-changed', name)
    return None


def version(model: Model, relation_id: int, name: str) -> int:
    bag = model.bags.get((relation_id, name))
    return bag.version if bag else 0


def _local_side_ends(model: Model, unit: Unit) -> bool:
    return unit.life != 'alive' or model.applications[unit.app].life != 'alive'


def _hook(relation: Relation, unit: Unit, kind: str, remote_unit: str = '') -> Hook:
    endpoint = _relations.own_end(relation, unit.app).endpoint
    remote_app = remote_unit.partition('/')[0] or _relations.other_end(relation, unit.app).app
    return Hook(kind, f'{endpoint}-{kind}', relation.id, remote_unit, remote_app)
