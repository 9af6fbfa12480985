"""goal-state: the units and relations there are going to be."""

from __future__ import annotations

from datetime import datetime, timezone

from juju_local import _relations, _status
from juju_local._state import Relation, Unit
from juju_local._tools._call import Call
from juju_local._tools._tool import Tool

Entry = dict[str, str]


def _get(call: Call) -> object:
    units = {unit.name: _unit(unit) for unit in call.model.units_of(call.context.app)}
    relations: dict[str, dict[str, Entry]] = {}
    for relation in _relations.of_app(call.model, call.context.app):
        own = _relations.own_end(relation, call.context.app)
        if relation.life == 'alive' and own.endpoint != 'juju-info':
            relations.setdefault(own.endpoint, {}).update(_relation(call, relation))
    return {'units': units, 'relations': relations}


def _relation(call: Call, relation: Relation) -> dict[str, Entry]:
    other = _relations.other_end(relation, call.context.app).app
    entries = {unit.name: _unit(unit) for unit in call.model.units_of(other) if unit.name != call.context.unit}
    if not _relations.is_peer(relation):
        entries[other] = {'status': 'joined', 'since': _time(call.model.settings.created)}
    return entries


def _unit(unit: Unit) -> Entry:
    status = _status.workload(unit)
    return {'status': 'dying' if unit.life != 'alive' else status.current, 'since': _time(status.since)}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime('%Y-%m-%d %H:%M:%SZ')


TOOLS = (
    Tool(
        'goal-state',
        '[options]',
        "Print the status of the charm's peers and related units.",
        _get,
        (),
        ('yaml', 'json'),
        0,
    ),
)
