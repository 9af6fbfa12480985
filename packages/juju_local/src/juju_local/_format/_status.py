"""`juju status` as a tree: the keys and nesting of juju 2.9's JSON and YAML (cmd/juju/status/formatted.go)."""

from __future__ import annotations

from dataclasses import dataclass

from juju_local import _network
from juju_local import _status as _shown
from juju_local._format._text import clock, compact, naturally, ports, since
from juju_local._state import Model, Relation, Status, Unit


@dataclass(frozen=True)
class View:
    """How to show times, and when now is (seconds since the epoch)."""

    now: float
    utc: bool = False
    hardware: str = ''  # of every machine, e.g. `arch=amd64 cores=2`: they all are this one


@dataclass(frozen=True)
class RelationRow:
    provider: str
    requirer: str
    interface: str
    type: str
    message: str = ''


def status(model: Model, view: View, keep: set[str] | None = None) -> dict[str, object]:
    """Return the tree; `keep`, when given, is the set of entities that a filter left (see `_select`)."""
    return {
        'model': _model(model, view),
        'machines': {m: _machine(model, m, view) for m in naturally(model.machines) if _kept(keep, f'machine {m}')},
        'applications': {a: application(model, a, view, keep) for a in sorted(model.applications) if _kept(keep, a)},
        'storage': {},
        'controller': {'timestamp': clock(view.now, view.utc)},
    }


def _kept(keep: set[str] | None, name: str) -> bool:
    return keep is None or name in keep


def info(status: Status, view: View, version: str = '', life: str = '') -> dict[str, object]:
    when = since(status.since, view.utc) if status.since else ''
    shown = {'current': status.current, 'message': status.message, 'since': when, 'version': version}
    return compact({**shown, 'life': life})


def _model(model: Model, view: View) -> dict[str, object]:
    settings = model.settings
    return {
        'name': settings.name,
        'type': 'iaas',
        'controller': settings.controller,
        'cloud': settings.cloud,
        'version': settings.version,
        'model-status': info(Status('available', since=settings.created), view),
        'sla': 'unsupported',
    }


def _machine(model: Model, name: str, view: View) -> dict[str, object]:
    machine = model.machines[name]
    up = machine.status.current == 'started'
    instance = Status('running' if up else 'pending', 'Running' if up else '', machine.status.since)
    interface = {
        'ip-addresses': [machine.address],
        'mac-address': _network.mac(machine.address),
        'space': 'alpha',
        'is-up': up,
    }
    life = '' if machine.life == 'alive' else machine.life
    return compact(
        {
            'juju-status': info(machine.status, view, model.settings.version if up else '', life),
            'hostname': machine.hostname,
            'dns-name': machine.address,
            'ip-addresses': [machine.address] if machine.address else [],
            'instance-id': machine.hostname or 'pending',
            'machine-status': info(instance, view),
            'modification-status': info(Status('idle', since=machine.status.since), view),
            'series': machine.series,
            'network-interfaces': {'eth0': interface} if machine.address else {},
            'hardware': view.hardware,
        }
    )


def application(model: Model, name: str, view: View, keep: set[str] | None = None) -> dict[str, object]:
    app, charm = model.applications[name], model.charm_of(name)
    principals = [] if charm.subordinate else [u for u in model.units_of(name) if _kept(keep, u.name)]
    tree = {
        'charm': charm.url,
        'series': app.series,
        'os': 'ubuntu',
        'charm-origin': 'local',
        'charm-name': charm.name,
        'charm-rev': charm.revision,
        **compact({'charm-version': charm.version}),
        'exposed': app.exposed,
        **compact({'life': '' if app.life == 'alive' else app.life}),
        'application-status': info(_shown.application(model, name), view),
    }
    rest: dict[str, object] = {
        'relations': related(model, name),
        'subordinate-to': principals_of(model, name) if charm.subordinate else [],
        'units': {unit.name: _unit(model, unit, view, keep) for unit in principals},
        'version': app.workload_version or next((u.workload_version for u in model.units_of(name)[::-1]), ''),
        'endpoint-bindings': dict.fromkeys(['', *sorted({*charm.endpoints, *charm.extra_bindings})], 'alpha'),
    }
    return {**tree, **compact(rest)}


def related(model: Model, app: str) -> dict[str, object]:
    """Return endpoint -> names of the applications related there, a peer relation's own too."""
    found: dict[str, set[str]] = {}
    for relation in model.relations.values():
        for end in relation.ends:
            if end.app == app:
                found.setdefault(end.endpoint, set()).add(next((e.app for e in relation.ends if e is not end), app))
    return {endpoint: sorted(found[endpoint]) for endpoint in sorted(found)}


def principals_of(model: Model, app: str) -> list[str]:
    """Return the applications that a subordinate stands beside: the far ends of its container-scoped relations."""
    ends = [(r, e) for r in model.relations.values() if is_container(r) for e in r.ends if e.app == app]
    return sorted({other.app for relation, end in ends for other in relation.ends if other is not end})


def is_container(relation: Relation) -> bool:
    return len(relation.ends) == 2 and any(end.scope == 'container' for end in relation.ends)


def _unit(model: Model, unit: Unit, view: View, keep: set[str] | None) -> dict[str, object]:
    below = [u for u in model.units.values() if u.principal == unit.name and _kept(keep, u.name)]
    app = model.applications[unit.app]
    behind = unit.agent.charm_url if unit.agent.installed and unit.agent.charm_url != app.charm_url else ''
    machine = model.machines.get(unit.machine)
    version = '' if unit.agent_status.current == 'allocating' else model.settings.version
    life = '' if unit.life == 'alive' else unit.life
    return compact(
        {
            'workload-status': info(_shown.workload(unit), view),
            'juju-status': info(_shown.agent(unit), view, version, life),
            'leader': app.leader == unit.name,
            'upgrading-from': behind,
            'machine': '' if unit.principal else unit.machine,
            'open-ports': ports(unit.ports),
            'public-address': machine.address if machine else '',
            'subordinates': {
                name: _unit(model, model.units[name], view, keep) for name in naturally(u.name for u in below)
            },
        }
    )


def relations(model: Model, keep: set[str] | None = None) -> list[RelationRow]:
    """Return the rows of the relations section, sorted by provider, then requirer."""
    kept = [r for r in model.relations.values() if any(_kept(keep, end.app) for end in r.ends)]
    return sorted((_row(relation) for relation in kept), key=lambda row: (row.provider, row.requirer))


def _row(relation: Relation) -> RelationRow:
    first, last = relation.ends[0], relation.ends[-1]
    kind = 'peer' if len(relation.ends) == 1 else 'subordinate' if is_container(relation) else 'regular'
    message = '' if relation.in_scope else 'joining'
    return RelationRow(f'{first.app}:{first.endpoint}', f'{last.app}:{last.endpoint}', first.interface, kind, message)
