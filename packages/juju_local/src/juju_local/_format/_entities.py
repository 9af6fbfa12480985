"""One entity in full: show-unit, show-application, config, resources, show-model."""

from __future__ import annotations

from juju_local._format._status import View, info
from juju_local._format._table import table
from juju_local._format._text import compact, naturally, ports
from juju_local._state import Model, Relation, RelationEnd, Status

TRUST = 'Does this application have access to trusted credentials'


def show_unit(
    model: Model, name: str, *, endpoint: str = '', related_unit: str = '', app_only: bool = False
) -> dict[str, object]:
    """Return a unit with its relation data, as `juju show-unit` does; a secret in a bag is shown, as there."""
    unit = model.units[name]
    app = model.applications[unit.app]
    machine = model.machines.get(unit.machine)
    ends = [(r, e) for r in sorted(model.relations.values(), key=lambda r: r.id) for e in r.ends if e.app == unit.app]
    told = [_relation(model, name, r, e, related_unit, app_only) for r, e in ends if endpoint in ('', e.endpoint)]
    relations = [each for each in told if endpoint or app_only or _says_something(each)]
    shown = {
        'workload-version': unit.workload_version,
        'machine': unit.machine,
        'opened-ports': ports(unit.ports),
        'public-address': machine.address if machine else '',
        'charm': app.charm_url,
        'leader': app.leader == name,
        'life': unit.life,
        'relation-info': relations,
    }
    always = {'opened-ports', 'charm', 'leader'}
    return {key: value for key, value in shown.items() if key in always or value}


def _relation(
    model: Model, unit: str, relation: Relation, end: RelationEnd, related_unit: str, app_only: bool
) -> dict[str, object]:
    far = next((other for other in relation.ends if other is not end), end)
    tree: dict[str, object] = {
        'relation-id': relation.id,
        'endpoint': end.endpoint,
        'related-endpoint': far.endpoint,
        'application-data': _data(model, relation, far.app),
    }
    if app_only:
        return tree
    tree['local-unit'] = {'in-scope': unit in relation.in_scope, 'data': _data(model, relation, unit)}
    others = [
        other
        for other in naturally(n for (i, n) in model.bags if i == relation.id and '/' in n)
        if other != unit and other.rpartition('/')[0] == far.app and related_unit in ('', other)
    ]
    others = [other for other in others if other in model.units and _shares(model, relation, unit, other)]
    if others:
        tree['related-units'] = {
            other: {'in-scope': other in relation.in_scope, 'data': _data(model, relation, other)} for other in others
        }
    return tree


def _says_something(relation: dict[str, object]) -> bool:
    """Juju leaves a relation out in which nobody entered yet."""
    local = relation.get('local-unit')
    return bool(
        relation['application-data'] or relation.get('related-units') or (isinstance(local, dict) and local['data'])
    )


def _shares(model: Model, relation: Relation, unit: str, other: str) -> bool:
    """In a container-scoped relation a unit has to do only with the units of its own machine."""
    if all(end.scope == 'global' for end in relation.ends):
        return True
    return other in model.units and model.units[other].machine == model.units[unit].machine


def _data(model: Model, relation: Relation, name: str) -> dict[str, str]:
    bag = model.bags.get((relation.id, name))
    return dict(sorted(bag.data.items())) if bag else {}


def show_application(model: Model, name: str) -> dict[str, object]:
    app, charm = model.applications[name], model.charm_of(name)
    constraints = ' '.join(f'{key}={value}' for key, value in sorted(app.constraints.items()))
    return {
        'charm': charm.name,
        'series': app.series,
        **compact({'constraints': constraints}),
        'principal': not charm.subordinate,
        'exposed': app.exposed,
        'remote': False,
        'life': app.life,
        'endpoint-bindings': dict.fromkeys(['', *sorted({*charm.endpoints, *charm.extra_bindings})], 'alpha'),
    }


def show_config(model: Model, name: str) -> dict[str, object]:
    """Return what `juju config APP` shows: every option with its default, type, source and value."""
    app, charm = model.applications[name], model.charm_of(name)
    trust = _option({'type': 'bool', 'default': False, 'description': TRUST}, {'value': True} if app.trust else {})
    settings = {
        key: _option(charm.options[key], {'value': app.config[key]} if key in app.config else {})
        for key in sorted(charm.options)
    }
    return {'application': name, 'application-config': {'trust': trust}, 'charm': charm.name, 'settings': settings}


def _option(declared: dict[str, object], given: dict[str, object]) -> dict[str, object]:
    default = declared.get('default')
    value = given.get('value', default)
    source = 'user' if given and value != default else 'unset' if value is None else 'default'
    shown = {
        'default': default,
        'description': declared.get('description', ''),
        'source': source,
        'type': declared.get('type', 'string'),
        'value': value,
    }
    return {key: each for key, each in shown.items() if each is not None}


def go_text(value: object) -> str:
    """Return a value as Go's Println writes it: nil as nothing, booleans in small letters."""
    if value is None:
        return ''
    return str(value).lower() if isinstance(value, bool) else str(value)


def resources(model: Model, app: str) -> list[dict[str, object]]:
    declared, given = model.charm_of(app).resources, model.applications[app].resources
    return [
        {
            'name': name,
            'type': str(declared[name].get('type', 'file')),
            'filename': str(declared[name].get('filename', '')),
            'description': str(declared[name].get('description', '')),
            'revision': given[name].revision if name in given else None,
            'size': given[name].size if name in given else 0,
            'fingerprint': given[name].fingerprint if name in given else '',
        }
        for name in sorted(declared)
    ]


def resources_table(rows: list[dict[str, object]]) -> str:
    cells = [[str(r['name']), 'user' if r['revision'] is not None else '-', str(r['revision'] or '-')] for r in rows]
    return table(('Resource', 'Supplied by', 'Revision'), cells)


def show_model(model: Model, view: View) -> dict[str, object]:
    settings = model.settings
    return {
        settings.name: {
            'name': f'admin/{settings.name}',
            'short-name': settings.name,
            'model-uuid': settings.uuid,
            'model-type': 'iaas',
            'controller-name': settings.controller,
            'owner': 'admin',
            'cloud': settings.cloud,
            'life': 'alive',
            'status': info(Status('available', since=settings.created), view),
            'machines': {name: {'cores': 0} for name in naturally(model.machines)},
            'agent-version': settings.version,
            'unit-count': len(model.units),
        }
    }
