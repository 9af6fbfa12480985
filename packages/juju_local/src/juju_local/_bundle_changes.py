"""What is between a model and a bundle: the changes to make, as Juju would list them, and the way back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from juju_local import _options
from juju_local._bundle import Bundle, Wanted
from juju_local._errors import Refused
from juju_local._state import Charm, Model, Relation

Kind = Literal[
    'charm', 'deploy', 'upgrade', 'resource', 'options', 'constraints', 'trust', 'unit', 'relation', 'expose'
]
EVERYBODY = 'and allow access from CIDRs 0.0.0.0/0 and ::/0'


@dataclass(frozen=True)
class Supply:
    """What the files that a bundle names are: facts that the caller collects.

    charms: application -> its charm as read from its directory. stored: application -> url of a charm of the model
    with the very same files. resources: (application, name) -> sha256 of the file.
    """

    charms: Mapping[str, Charm]
    stored: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One step; `app` is the application it concerns, `values` what it sets, `ends` the two ends of a relation."""

    kind: Kind
    text: str
    app: str = ''
    values: Mapping[str, object] = field(default_factory=dict)
    ends: tuple[str, str] = ('', '')
    count: int = 0


def changes(model: Model, bundle: Bundle, supply: Supply) -> list[Change]:
    """Return what makes the model what the bundle describes; nothing is taken away that the bundle does not name."""
    found = list(_charms(bundle, supply))
    for wanted in bundle.applications.values():
        found += _new(wanted) if wanted.name not in model.applications else _adapted(model, wanted, supply)
    for wanted in bundle.applications.values():
        found += _units(model, wanted)
    found += [
        Change('relation', f'add relation {first} - {last}', ends=(first, last))
        for first, last in bundle.relations
        if not is_related(model, first, last)
    ]
    return found


def _charms(bundle: Bundle, supply: Supply) -> Iterator[Change]:
    seen = set()
    for wanted in bundle.applications.values():
        if wanted.name not in supply.stored and wanted.charm not in seen:
            seen.add(wanted.charm)
            series = wanted.series or supply.charms[wanted.name].series
            yield Change('charm', f'upload charm {wanted.charm} for series {series}', wanted.name)


def _new(wanted: Wanted) -> Iterator[Change]:
    series = f' on {wanted.series}' if wanted.series else ''
    yield Change('deploy', f'deploy application {wanted.name}{series} using {Path(wanted.charm).name}', wanted.name)
    if wanted.expose:
        yield _exposed(wanted.name)


def _exposed(app: str) -> Change:
    return Change('expose', f'expose all endpoints of {app} {EVERYBODY}', app)


def _adapted(model: Model, wanted: Wanted, supply: Supply) -> Iterator[Change]:
    name, app = wanted.name, model.applications[wanted.name]
    if supply.stored.get(name) != app.charm_url:
        yield Change('upgrade', f'upgrade {name} using charm {wanted.charm}', name)
    for resource in wanted.resources:
        if resource not in app.resources or app.resources[resource].fingerprint != supply.resources[name, resource]:
            yield Change(
                'resource', f'attach resource {resource} to {name}', name, {resource: wanted.resources[resource]}
            )
    values = _other_options(model, wanted, supply.charms[name])
    if values:
        yield Change('options', f'set application options for {name} ({", ".join(sorted(values))})', name, values)
    if wanted.constraints and wanted.constraints != app.constraints:
        text = ' '.join(f'{key}={value}' for key, value in wanted.constraints.items())
        yield Change('constraints', f'set constraints for {name} to "{text}"', name, wanted.constraints)
    if wanted.trust and not app.trust:
        yield Change('trust', f'trust application {name}', name)
    if wanted.expose and not app.exposed:
        yield _exposed(name)


def _other_options(model: Model, wanted: Wanted, charm: Charm) -> dict[str, object]:
    """Return the options whose value in the model is another one; wrong types are refused when they are set."""
    app = model.applications[wanted.name]
    return {
        key: value
        for key, value in wanted.options.items()
        if key not in charm.options
        or app.config.get(key, charm.options[key].get('default')) != _typed(charm, key, value)
    }


def _typed(charm: Charm, key: str, value: object) -> object:
    try:
        return _options.typed(key, charm.options[key], value)
    except Refused:
        return value


def _units(model: Model, wanted: Wanted) -> Iterator[Change]:
    app = model.applications.get(wanted.name)
    alive = [unit for unit in model.units_of(wanted.name) if unit.life == 'alive'] if app else []
    first = app.next_unit if app else 0
    for number in range(first, first + max(0, wanted.units - len(alive))):
        yield Change('unit', f'add unit {wanted.name}/{number} to a new machine', wanted.name)


def is_related(model: Model, first: str, last: str) -> bool:
    """Tell whether a relation between two `app` or `app:endpoint` is there already."""
    return any(
        relation.life == 'alive' and len(relation.ends) == 2 and _fits(relation, first, last)
        for relation in model.relations.values()
    )


def _fits(relation: Relation, first: str, last: str) -> bool:
    ends = [(end.app, f'{end.app}:{end.endpoint}') for end in relation.ends]
    return (first in ends[0] and last in ends[1]) or (first in ends[1] and last in ends[0])


def export(model: Model, folder: Path) -> dict[str, object]:
    """Return the bundle that deploys to this model; charms and resources are named by where the model keeps them."""
    alive = [app for app in model.applications.values() if app.life == 'alive']
    tree: dict[str, object] = {}
    series = {app.series for app in alive}
    if len(series) == 1:
        tree['series'] = series.pop()
    tree['applications'] = {app.name: _exported(model, app.name, folder) for app in sorted(alive, key=lambda a: a.name)}
    relations = [
        [f'{end.app}:{end.endpoint}' for end in relation.ends]
        for _, relation in sorted(model.relations.items())
        if len(relation.ends) == 2 and relation.life == 'alive'
    ]
    return {**tree, 'relations': relations} if relations else tree


def _exported(model: Model, name: str, folder: Path) -> dict[str, object]:
    app, charm = model.applications[name], model.charm_of(name)
    units = len([unit for unit in model.units_of(name) if unit.life == 'alive'])
    resources = {key: str((folder / each.path).resolve()) for key, each in sorted(app.resources.items())}
    optional = {
        'resources': resources,
        'options': dict(sorted(app.config.items())),
        'constraints': ' '.join(f'{key}={value}' for key, value in sorted(app.constraints.items())),
        'expose': app.exposed,
        'trust': app.trust,
    }
    return {
        'charm': str((folder / charm.directory).resolve()),
        'series': app.series,
        **({} if charm.subordinate else {'num_units': units}),
        **{key: value for key, value in optional.items() if value},
    }
