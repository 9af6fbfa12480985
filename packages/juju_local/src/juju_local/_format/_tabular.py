"""`juju status` as tables: sections, columns and alignment of juju 2.9 (cmd/juju/status/output_tabular.go)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from juju_local._format._status import RelationRow
from juju_local._format._table import Cell, status, table
from juju_local._format._text import naturally

Tree = dict[str, Any]

APPLICATIONS = ('App', 'Version', 'Status', 'Scale', 'Charm', 'Channel', 'Rev', 'Exposed', 'Message')
UNITS = ('Unit', 'Workload', 'Agent', 'Machine', 'Public address', 'Ports', 'Message')
MACHINES = ('Machine', 'State', 'DNS', 'Inst id', 'Series', 'AZ', 'Message')
RELATIONS = ('Relation provider', 'Requirer', 'Interface', 'Type', 'Message')
VERSION_WIDTH = 15
DOING = re.compile(r'running (?:action )?(?P<name>\S+?)(?: hook.*)?$')


def tabular(tree: Tree, relations: Sequence[RelationRow] = (), *, colour: bool = False) -> str:
    """Return the tables of a status tree, a blank line between two."""
    sections = [_model(tree, colour)]
    if tree['applications']:
        sections.append(_applications(tree, colour))
    if any(app.get('units') for app in tree['applications'].values()):
        sections.append(_units(tree, colour))
    if tree['machines']:
        sections.append(_machines(tree, colour))
    if relations:
        sections.append(_relations(relations, colour))
    return '\n'.join(sections)


def _model(tree: Tree, colour: bool) -> str:
    model = tree['model']
    header = ['Model', 'Controller', 'Cloud/Region', 'Version', 'SLA', 'Timestamp']
    region = f'{model["cloud"]}/{model["region"]}' if model.get('region') else model['cloud']
    row = [model['name'], model['controller'], region, model['version'], model['sla'], tree['controller']['timestamp']]
    return table(header, [row], colour=colour)


def _applications(tree: Tree, colour: bool) -> str:
    rows = [_application(tree, name) for name in naturally(tree['applications'])]
    return table(APPLICATIONS, rows, right=(3, 6), colour=colour)


def _application(tree: Tree, name: str) -> list[str | Cell]:
    app = tree['applications'][name]
    version = str(app.get('version', '')).partition('\n')[0]
    if len(version) > VERSION_WIDTH:
        version = version[: VERSION_WIDTH - 3] + '...'
    shown = app['application-status']
    exposed = 'yes' if app['exposed'] else 'no'
    charm: list[str | Cell] = [app['charm-name'], app.get('charm-channel', ''), str(app['charm-rev']), exposed]
    return [name, version, status(shown['current']), _scale(tree, name), *charm, shown.get('message', '')]


def _scale(tree: Tree, name: str) -> str:
    """Return `2`, or `1/2` when units are neither idle nor executing."""
    units = [unit for other, unit, _, _ in _all_units(tree) if other.rpartition('/')[0] == name]
    up = [unit for unit in units if _is_up(unit)]
    return str(len(units)) if len(up) == len(units) else f'{len(up)}/{len(units)}'


def _is_up(unit: Tree) -> bool:
    return unit['workload-status'].get('current') != 'terminated' and unit['juju-status']['current'] in (
        'executing',
        'idle',
    )


def _all_units(tree: Tree) -> Iterator[tuple[str, Tree, int, str]]:
    """Yield (name, unit, depth, machine): principals in natural order, each followed by its subordinates."""
    principals = {name: unit for app in tree['applications'].values() for name, unit in app.get('units', {}).items()}
    for name in naturally(principals):
        yield name, principals[name], 0, principals[name].get('machine', '')
        below = principals[name].get('subordinates', {})
        for child in naturally(below):
            yield child, below[child], 1, ''


def _units(tree: Tree, colour: bool) -> str:
    return table(UNITS, [_unit(*each) for each in _all_units(tree)], colour=colour)


def _unit(name: str, unit: Tree, depth: int, machine: str) -> list[str | Cell]:
    workload, agent = unit['workload-status'], unit['juju-status']
    message = workload.get('message', '')
    if agent['current'] == 'allocating' and not message:
        message = agent.get('message', '')
    if doing := _doing(agent):
        message = f'({doing}) {message}'
    shown = '  ' * depth + name + ('*' if unit.get('leader') else '')
    where = [machine, unit.get('public-address', ''), ','.join(unit.get('open-ports', []))]
    return [shown, status(workload.get('current', '')), status(agent['current']), *where, message]


def _doing(agent: Tree) -> str:
    """Return which hook or action an executing agent runs, taken from its message."""
    match = DOING.match(agent.get('message', '')) if agent['current'] == 'executing' else None
    return match['name'] if match else ''


def _machines(tree: Tree, colour: bool) -> str:
    return table(MACHINES, [_machine(name, each) for name, each in tree['machines'].items()], colour=colour)


def _machine(name: str, machine: Tree) -> list[str | Cell]:
    message = machine['machine-status'].get('message', '')
    where = [machine.get('dns-name', ''), machine['instance-id'], machine['series'], '']
    return [name, status(machine['juju-status']['current']), *where, message]


def _relations(rows: Sequence[RelationRow], colour: bool) -> str:
    cells = [(row.provider, row.requirer, row.interface, row.type, status(row.message)) for row in rows]
    return table(RELATIONS, cells, colour=colour)


def oneline(tree: Tree) -> str:
    """Return a line a unit, as `status --format oneline`."""
    lines = []
    for name, unit, depth, _ in _all_units(tree):
        states = f'agent:{unit["juju-status"]["current"]}, workload:{unit["workload-status"].get("current", "")}'
        ports = ' ' + ', '.join(unit['open-ports']) if unit.get('open-ports') else ''
        lines.append(f'{"  " * depth}- {name}: {unit.get("public-address", "")} ({states}){ports}\n')
    return ''.join(lines)
