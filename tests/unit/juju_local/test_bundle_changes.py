"""A bundle against a model: what is changed, that nothing is changed twice, that an exported bundle is the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st
from juju_local import _bundle, _bundle_changes, _plan
from juju_local._bundle_changes import Supply
from juju_local._state import Charm, Endpoint, Model, Resource

OPTIONS: dict[str, dict[str, object]] = {
    'colour': {'type': 'string', 'default': 'red'},
    'size': {'type': 'int', 'default': None},
}
CHARMS = {
    'alpha': {'db': Endpoint('db', 'provider', 'sql'), 'ring': Endpoint('ring', 'peer', 'ring')},
    'beta': {'db': Endpoint('db', 'requirer', 'sql')},
    'side': {'host': Endpoint('host', 'requirer', 'juju-info', 'container')},
}
FOLDER = Path('/model')


def charm(name: str) -> Charm:
    endpoints = {**CHARMS[name], 'juju-info': Endpoint('juju-info', 'provider', 'juju-info', implicit=True)}
    resources: dict[str, dict[str, object]] = {'blob': {'type': 'file', 'filename': 'blob'}}
    return Charm('', name, 0, '', name == 'side', 'jammy', endpoints, OPTIONS, {}, resources)


def supply(model: Model, bundle: _bundle.Bundle) -> Supply:
    """A world in which a charm's files never change and a resource is its path."""
    names = {
        name: Path(wanted.charm).name.rpartition('-')[0] or wanted.charm for name, wanted in bundle.applications.items()
    }
    stored = {app: f'local:jammy/{name}-0' for app, name in names.items() if f'local:jammy/{name}-0' in model.charms}
    prints = {(app, key): path for app, wanted in bundle.applications.items() for key, path in wanted.resources.items()}
    return Supply({app: charm(name) for app, name in names.items()}, stored, prints)


def deployed(model: Model, bundle: _bundle.Bundle) -> list[str]:
    """Make the bundle's changes as the command line does; return their texts."""
    facts = supply(model, bundle)
    changes = _bundle_changes.changes(model, bundle, facts)
    for change in changes:
        wanted = bundle.applications.get(change.app)
        if change.kind == 'charm':
            _plan.add_charm(model, facts.charms[change.app])
        elif change.kind == 'deploy' and wanted:
            files = {key: Resource(path, 1, 1, path) for key, path in wanted.resources.items()}
            url = f'local:jammy/{facts.charms[change.app].name}-0'
            more = {
                'config': wanted.options,
                'constraints': wanted.constraints,
                'resources': files,
                'trust': wanted.trust,
            }
            _plan.deploy(model, change.app, url, 1.0, units=0, series=wanted.series, **more)  # type: ignore[arg-type]
        elif change.kind == 'unit':
            _plan.add_unit(model, change.app, 1.0)
        elif change.kind == 'relation':
            _plan.relate(model, *change.ends, 1.0)
        elif change.kind == 'expose':
            _plan.expose(model, change.app)
        elif change.kind == 'options':
            _plan.set_config(model, change.app, change.values)
        elif change.kind == 'trust':
            _plan.set_trust(model, change.app, True)
        elif change.kind == 'constraints':
            _plan.set_constraints(model, change.app, {key: str(value) for key, value in change.values.items()})
        elif change.kind == 'resource':
            for key, path in change.values.items():
                _plan.attach_resource(model, change.app, key, Resource(str(path), 2, 1, str(path)))
    return [change.text for change in changes]


def parse(text: str) -> _bundle.Bundle:
    return _bundle.parse([_bundle.Document('bundle', text, Path('/where'))])


def new() -> Model:
    return _plan.new_model('default', 'uuid', 0.0)


PAIR = """
applications:
  alpha: {charm: alpha, num_units: 2, options: {size: 3}, expose: true}
  beta: {charm: beta, num_units: 1}
relations: [['alpha:db', 'beta:db']]
"""


def test_a_bundle_on_an_empty_model_changes_everything_in_order() -> None:
    assert deployed(new(), parse(PAIR)) == [
        'upload charm alpha for series jammy',
        'upload charm beta for series jammy',
        'deploy application alpha using alpha',
        'expose all endpoints of alpha and allow access from CIDRs 0.0.0.0/0 and ::/0',
        'deploy application beta using beta',
        'add unit alpha/0 to a new machine',
        'add unit alpha/1 to a new machine',
        'add unit beta/0 to a new machine',
        'add relation alpha:db - beta:db',
    ]


def test_the_same_bundle_again_changes_nothing() -> None:
    model = new()
    deployed(model, parse(PAIR))
    assert deployed(model, parse(PAIR)) == []


def test_only_the_difference_is_changed() -> None:
    model = new()
    deployed(model, parse(PAIR))
    wanted = PAIR.replace('num_units: 2', 'num_units: 3').replace('size: 3', 'size: 4, colour: red')
    assert deployed(model, parse(wanted)) == [
        'set application options for alpha (size)',
        'add unit alpha/2 to a new machine',
    ]


def test_what_the_bundle_does_not_name_stays() -> None:
    model = new()
    deployed(model, parse(PAIR))
    _plan.set_config(model, 'alpha', {'colour': 'blue'})
    fewer = 'applications: {alpha: {charm: alpha, num_units: 1}}'
    assert deployed(model, parse(fewer)) == []
    assert model.applications['alpha'].config == {'size': 3, 'colour': 'blue'}
    assert len(model.units_of('alpha')) == 2 and 'beta' in model.applications


def test_a_bundle_that_was_recorded_in_part_goes_on() -> None:
    model = new()
    deployed(model, parse('applications: {alpha: {charm: alpha, num_units: 1, options: {size: 3}, expose: true}}'))
    assert deployed(model, parse(PAIR)) == [
        'upload charm beta for series jammy',
        'deploy application beta using beta',
        'add unit alpha/1 to a new machine',
        'add unit beta/0 to a new machine',
        'add relation alpha:db - beta:db',
    ]


def test_changed_files_of_a_charm_or_resource_are_brought_in() -> None:
    model = new()
    bundle = parse('applications: {alpha: {charm: alpha, resources: {blob: /one}}}')
    deployed(model, bundle)
    other = parse('applications: {alpha: {charm: alpha, resources: {blob: /two}}}')
    facts = Supply({'alpha': charm('alpha')}, {}, {('alpha', 'blob'): '/two'})
    assert [change.kind for change in _bundle_changes.changes(model, other, facts)] == ['charm', 'upgrade', 'resource']


def _applications() -> st.SearchStrategy[dict[str, Mapping[str, object]]]:
    options = st.fixed_dictionaries({}, optional={'colour': st.text(max_size=5), 'size': st.integers(-9, 9)})
    resources = st.fixed_dictionaries({}, optional={'blob': st.sampled_from(['/one', '/two'])})
    body = {
        'options': options,
        'resources': resources,
        'expose': st.booleans(),
        'trust': st.booleans(),
        'constraints': st.sampled_from(['', 'gpus=nvidia', 'gpus=nvidia mem=4G']),
    }
    principal = {**body, 'num_units': st.integers(0, 3)}
    optional = {
        'one': st.fixed_dictionaries({'charm': st.just('alpha'), **principal}),
        'two': st.fixed_dictionaries({'charm': st.just('beta'), **principal}),
        'three': st.fixed_dictionaries({'charm': st.just('side'), **body}),
    }
    return st.fixed_dictionaries({}, optional=optional).filter(bool)


def _facts(model: Model) -> object:
    """What two models must share to be the same: not the urls, ids and paths."""
    apps = {
        app.name: (
            model.charm_of(app.name).name,
            app.config,
            app.trust,
            app.exposed,
            app.constraints,
            sorted(app.resources),
        )
        for app in model.applications.values()
    }
    units = {name: len(model.units_of(name)) for name in model.applications}
    ends = {tuple(sorted(f'{end.app}:{end.endpoint}' for end in each.ends)) for each in model.relations.values()}
    return apps, units, ends


@given(_applications(), st.booleans(), st.booleans())
def test_an_exported_bundle_deploys_to_the_same_model(
    applications: dict[str, Mapping[str, object]], pair: bool, beside: bool
) -> None:
    relations = [['one:db', 'two:db']] if pair and {'one', 'two'} <= set(applications) else []
    relations += [['three:host', 'one:juju-info']] if beside and {'one', 'three'} <= set(applications) else []
    model, again = new(), new()
    deployed(model, parse(yaml.safe_dump({'applications': applications, 'relations': relations})))
    exported = yaml.safe_dump(_bundle_changes.export(model, FOLDER))
    deployed(again, parse(exported))
    assert _facts(again) == _facts(model)
    assert deployed(again, parse(exported)) == []
