"""Finding what a user named, or refusing with what there is."""

from __future__ import annotations

from juju_local._errors import Refused
from juju_local._state import Application, Model, Relation, Unit


def application(model: Model, name: str) -> Application:
    if name not in model.applications:
        raise Refused(f'application "{name}" not found', _known('applications', list(model.applications)))
    return model.applications[name]


def unit(model: Model, name: str) -> Unit:
    """Return a unit by name; `APP/leader` names the present leader."""
    app, _, number = name.partition('/')
    if number == 'leader':
        leader = application(model, app).leader
        if not leader:
            raise Refused(f'could not determine leader for "{app}"')
        return model.units[leader]
    if name not in model.units:
        raise Refused(f'unit "{name}" not found', _known('units', list(model.units)))
    return model.units[name]


def find_relation(model: Model, first: str, second: str) -> Relation:
    """Return the relation between two `app` or `app:endpoint`, or refuse if there is none, or more than one."""
    found = [
        relation
        for relation in model.relations.values()
        if relation.life == 'alive' and len(relation.ends) > 1 and (_fits(relation, (first, second)))
    ]
    if not found:
        raise Refused(f'relation "{first} {second}" not found')
    if len(found) > 1:
        named = ', '.join(describe(relation) for relation in found)
        raise Refused(f'ambiguous relation "{first} {second}"', f'name the endpoints; it could be {named}')
    return found[0]


def describe(relation: Relation) -> str:
    return ' '.join(f'{end.app}:{end.endpoint}' for end in relation.ends)


def _fits(relation: Relation, names: tuple[str, str]) -> bool:
    ends = [(end.app, f'{end.app}:{end.endpoint}') for end in relation.ends]
    return (names[0] in ends[0] and names[1] in ends[1]) or (names[0] in ends[1] and names[1] in ends[0])


def _known(what: str, names: list[str]) -> str:
    return f'{what} of this model: {", ".join(sorted(names)) or "none"}'
