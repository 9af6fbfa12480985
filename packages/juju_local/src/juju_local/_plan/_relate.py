"""Relations between applications: which endpoints are meant, adding, removing."""

from __future__ import annotations

from itertools import product

from juju_local import _life
from juju_local._errors import Refused
from juju_local._plan import _find
from juju_local._plan._applications import add_relation
from juju_local._state import Endpoint, Model, Relation, RelationEnd

Pair = tuple[RelationEnd, RelationEnd]  # provider, requirer


def relate(model: Model, first: str, second: str, now: float) -> Relation:
    """Relate two `app` or `app:endpoint`, inferring endpoints as Juju does.

    An implicit endpoint (juju-info) is taken only if nothing else fits, and more than one choice is refused.
    """
    provider, requirer = _choose(first, second, candidates(model, first, second))
    for relation in model.relations.values():
        if [_key(end) for end in relation.ends] == [_key(provider), _key(requirer)]:
            state = 'already exists' if relation.life == 'alive' else 'is still being removed'
            raise Refused(f'cannot add relation "{_find.describe(relation)}": relation {state}')
    relation = add_relation(model, [provider, requirer])
    _life.settle(model, now)
    return relation


def remove_relation(model: Model, first: str, second: str, now: float) -> Relation:
    """Let a relation die; it is gone when all units have left it."""
    relation = _find.find_relation(model, first, second)
    _life.destroy_relation(model, relation)
    _life.settle(model, now)
    return relation


def candidates(model: Model, first: str, second: str) -> list[Pair]:
    """Return every (provider, requirer) that two `app` or `app:endpoint` could mean."""
    pairs = []
    for one, other in product(_ends(model, first), _ends(model, second)):
        provider, requirer = (one, other) if one[1].role == 'provider' else (other, one)
        if (provider[1].role, requirer[1].role) == ('provider', 'requirer') and _match(model, provider, requirer):
            scope = 'container' if 'container' in (provider[1].scope, requirer[1].scope) else 'global'
            pairs.append((_end(*provider, scope), _end(*requirer, scope)))
    return pairs


def _end(app: str, endpoint: Endpoint, scope: str) -> RelationEnd:
    return RelationEnd(
        app, endpoint.name, endpoint.role, endpoint.interface, 'container' if scope == 'container' else 'global'
    )


def _ends(model: Model, name: str) -> list[tuple[str, Endpoint]]:
    app, colon, wanted = name.partition(':')
    if _find.application(model, app).life != 'alive':
        raise Refused(f'cannot relate application "{app}": it is being removed')
    charm = model.charm_of(app)
    if colon and wanted not in charm.endpoints:
        known = ', '.join(sorted(charm.endpoints))
        raise Refused(f'application "{app}" has no "{wanted}" relation', f'endpoints of {app}: {known}')
    return [(app, endpoint) for endpoint in charm.endpoints.values() if not colon or endpoint.name == wanted]


def _match(model: Model, provider: tuple[str, Endpoint], requirer: tuple[str, Endpoint]) -> bool:
    if provider[1].interface != requirer[1].interface or provider[0] == requirer[0]:
        return False
    if 'container' not in (provider[1].scope, requirer[1].scope):
        return True
    return any(model.charm_of(app).subordinate for app, _ in (provider, requirer))


def _choose(first: str, second: str, pairs: list[Pair]) -> Pair:
    explicit = [pair for pair in pairs if pair[0].endpoint != 'juju-info']
    chosen = explicit or pairs
    if not chosen:
        raise Refused(f'no relations found between "{first}" and "{second}"', 'their endpoints share no interface')
    if len(chosen) > 1:
        listed = '; '.join(' '.join(f'{end.app}:{end.endpoint}' for end in pair) for pair in chosen)
        raise Refused(f'ambiguous relation: "{first} {second}" could refer to: {listed}', 'name the endpoints')
    return chosen[0]


def _key(end: RelationEnd) -> tuple[str, str]:
    return end.app, end.endpoint
