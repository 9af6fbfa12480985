"""What the user's verbs do to a model, and what they refuse without changing anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local import _json, _options, _plan, _schema
from juju_local._state import Endpoint, Resource
from simulation import Simulation, charm

OPTIONS = {
    'name': {'type': 'string', 'default': 'x'},
    'size': {'type': 'int', 'default': 1},
    'ratio': {'type': 'float', 'default': None},
    'loud': {'type': 'boolean', 'default': False},
}
DB = charm(
    'db',
    Endpoint('clients', 'provider', 'sql'),
    Endpoint('admins', 'provider', 'sql'),
    Endpoint('cluster', 'peer', 'ring'),
    resources={'image': {'type': 'file', 'filename': 'i'}},
    actions={'do-it': {'params': {'n': {'type': 'integer', 'minimum': 1}}, 'required': ['n']}},
    options=OPTIONS,
)
WEB = charm('web', Endpoint('db', 'requirer', 'sql'), Endpoint('proxy', 'requirer', 'http'))
AGENT = charm('agent', Endpoint('host', 'requirer', 'juju-info', scope='container'), subordinate=True)
FILE = Resource('resources/db/image-0/i', 0, 1, 'f')


@pytest.fixture
def simulation() -> Simulation:
    simulation = Simulation()
    simulation.deploy('db', DB)
    simulation.deploy('web', WEB)
    simulation.deploy('agent', AGENT)
    return simulation


def test_deploy_makes_units_machines_a_leader_and_peer_relations(simulation):
    model = simulation.model
    assert {unit.name: unit.machine for unit in model.units.values()} == {'db/0': '0', 'web/0': '1'}
    assert model.applications['db'].leader == 'db/0'
    assert [(end.app, end.endpoint) for end in model.relations[0].ends] == [('db', 'cluster')]
    assert model.machines['1'].hostname == 'juju-abcdef-1'
    assert model.units['db/0'].workload.message == 'waiting for machine'


def test_machines_get_the_gpus_of_the_constraints(simulation):
    _plan.set_constraints(simulation.model, 'web', {'gpus': 'nvidia'})
    unit = _plan.add_unit(simulation.model, 'web', 0.0)[0]
    assert simulation.model.machines[unit.machine].gpus == ['nvidia']
    assert simulation.model.machines['1'].gpus == []


REFUSED = {
    'deploy twice': (lambda m: deploy(m, 'db'), 'application already exists'),
    'deploy a bad name': (lambda m: deploy(m, 'db_1'), 'invalid application name "db_1"'),
    'deploy a bad option': (lambda m: deploy(m, 'd', config={'size': 'x'}), "option 'size' expected int, got 'x'"),
    'deploy an unknown option': (lambda m: deploy(m, 'd', config={'y': 1}), "unknown option 'y' of charm db"),
    'deploy an unknown resource': (lambda m: deploy(m, 'd', resources={'y': FILE}), 'unrecognized resource "y"'),
    'deploy subordinate units': (lambda m: deploy(m, 's', 'local:jammy/agent-0', units=2), 'subordinate application'),
    'add to nothing': (lambda m: _plan.add_unit(m, 'nope', 0.0), 'application "nope" not found'),
    'add to a subordinate': (lambda m: _plan.add_unit(m, 'agent', 0.0), 'cannot add unit to subordinate'),
    'add none': (lambda m: _plan.add_unit(m, 'web', 0.0, count=0), 'cannot add 0 units'),
    'remove no unit': (lambda m: _plan.remove_unit(m, 'web/9', 0.0), 'unit "web/9" not found'),
    'relate strangers': (lambda m: _plan.relate(m, 'web:proxy', 'db', 0.0), 'no relations found'),
    'relate a wrong endpoint': (lambda m: _plan.relate(m, 'web:x', 'db', 0.0), 'application "web" has no "x" relation'),
    'relate itself': (lambda m: _plan.relate(m, 'db', 'db', 0.0), 'no relations found'),
    'unrelate strangers': (lambda m: _plan.remove_relation(m, 'web', 'db', 0.0), 'relation "web db" not found'),
    'set a bad option': (lambda m: _plan.set_config(m, 'db', {'loud': 'maybe'}), "expected boolean, got 'maybe'"),
    'reset an unknown option': (lambda m: _plan.reset_config(m, 'db', ['y']), "unknown option 'y'"),
    'run no action': (lambda m: _plan.queue_action(m, 'db/0', 'x', {}, 0.0), 'action "x" not defined on unit "db/0"'),
    'miss a parameter': (lambda m: _plan.queue_action(m, 'db/0', 'do-it', {}, 0.0), '"n" property is missing'),
    'a wrong parameter': (lambda m: _plan.queue_action(m, 'db/0', 'do-it', {'n': 'x'}, 0.0), 'must be of type integer'),
    'a small parameter': (lambda m: _plan.queue_action(m, 'db/0', 'do-it', {'n': 0}, 0.0), 'greater than or equal'),
    'resolve the healthy': (lambda m: _plan.resolved(m, 'db/0', 0.0), 'not in an error state'),
    'attach the unknown': (lambda m: _plan.attach_resource(m, 'db', 'y', FILE), 'unrecognized resource "y"'),
    'upgrade to another kind': (lambda m: _plan.upgrade_charm(m, 'db', 'local:jammy/agent-0', 0.0), 'subordinacy'),
    'cancel nothing': (lambda m: _plan.cancel(m, '77', 0.0), 'task "77" not found'),
    'follow no leader': (lambda m: _plan.unit(m, 'agent/leader'), 'could not determine leader for "agent"'),
}  # fmt: skip


def deploy(model, name, url='local:jammy/db-0', **options):
    _plan.deploy(model, name, url, 0.0, **options)


@pytest.mark.parametrize('verb', REFUSED)
def test_what_is_refused_changes_nothing(simulation, verb):
    act, words = REFUSED[verb]
    with pytest.raises(_plan.Refused, match=words):
        act(simulation.model)
    assert not simulation.model.dirty
    simulation.check_stored()


def test_relate_infers_the_one_fitting_pair_and_refuses_two(simulation):
    with pytest.raises(_plan.Refused, match='"web db" could refer to: db:clients web:db; db:admins web:db'):
        _plan.relate(simulation.model, 'web', 'db', 0.0)
    relation = _plan.relate(simulation.model, 'web', 'db:admins', 0.0)
    assert [(end.app, end.endpoint, end.role) for end in relation.ends] == [
        ('db', 'admins', 'provider'),
        ('web', 'db', 'requirer'),
    ]
    with pytest.raises(_plan.Refused, match='already exists'):
        _plan.relate(simulation.model, 'db:admins', 'web:db', 0.0)


def test_an_implicit_endpoint_is_taken_only_if_nothing_else_fits(simulation):
    relation = _plan.relate(simulation.model, 'agent', 'web', 0.0)
    assert [(end.app, end.endpoint, end.scope) for end in relation.ends] == [
        ('web', 'juju-info', 'container'),
        ('agent', 'host', 'container'),
    ]


def test_config_is_typed_kept_apart_from_defaults_and_reset(simulation):
    model = simulation.model
    assert _plan.set_config(model, 'db', {'size': '7', 'loud': 'TRUE', 'ratio': '0.5', 'name': ''})
    assert model.applications['db'].config == {'size': 7, 'loud': True, 'ratio': 0.5, 'name': ''}
    assert not _plan.set_config(model, 'db', {'size': 7})
    assert _plan.reset_config(model, 'db', ['size', 'name'])
    assert _options.effective_config(model, 'db') == {'name': 'x', 'size': 1, 'ratio': 0.5, 'loud': True}


def test_a_bad_value_among_good_ones_sets_none_of_them(simulation):
    with pytest.raises(_plan.Refused):
        _plan.set_config(simulation.model, 'db', {'name': 'good', 'size': 'bad'})
    assert simulation.model.applications['db'].config == {}


def test_an_upgrade_drops_options_that_are_gone_and_refuses_to_tear_a_relation(simulation):
    model = simulation.model
    _plan.relate(model, 'web', 'db:clients', 0.0)
    _plan.set_config(model, 'db', {'size': 7, 'name': 'y'})
    torn = simulation.add_charm(charm('db', Endpoint('cluster', 'peer', 'ring')))
    with pytest.raises(_plan.Refused, match='would break relation "db:clients web:db"'):
        _plan.upgrade_charm(model, 'db', torn, 0.0)
    ends = (Endpoint('clients', 'provider', 'sql'), Endpoint('cluster', 'peer', 'ring'), Endpoint('new', 'peer', 'x'))
    newer = simulation.add_charm(charm('db', *ends, options={'name': OPTIONS['name']}))
    _plan.upgrade_charm(model, 'db', newer, 0.0)
    assert model.applications['db'].config == {'name': 'y'}
    assert [relation.ends[0].endpoint for relation in model.relations.values()] == ['cluster', 'clients', 'new']


def test_attaching_a_resource_owes_an_upgrade_charm(simulation):
    simulation.settle()
    _plan.attach_resource(simulation.model, 'db', 'image', FILE)
    simulation.settle()
    assert simulation.hooks('db/0')[-3:] == ['upgrade', 'upgrade-charm', 'config-changed']


def test_tasks_are_numbered_after_their_operations(simulation):
    first = _plan.queue_action(simulation.model, 'db/leader', 'do-it', {'n': 1}, 5.0)
    second = _plan.queue_command(simulation.model, 'web/0', 'hostname', 6.0)
    assert [(task.operation, task.id, task.unit, task.enqueued) for task in (first, second)] == [
        ('1', '2', 'db/0', 5.0),
        ('3', '4', 'web/0', 6.0),
    ]
    assert _plan.cancel(simulation.model, '4', 7.0).status == 'cancelled'
    with pytest.raises(_plan.Refused, match='it is cancelled'):
        _plan.cancel(simulation.model, '4', 7.0)


def test_subordinates_are_not_removed_by_name_nor_made_leaders_when_they_go(simulation):
    _plan.relate(simulation.model, 'agent', 'web', 0.0)
    simulation.settle()
    with pytest.raises(_plan.Refused, match='unit is a subordinate'):
        _plan.remove_unit(simulation.model, 'agent/0', 0.0)
    _plan.remove_unit(simulation.model, 'web/0', 0.0)
    with pytest.raises(_plan.Refused, match='cannot lead: it is being removed'):
        _plan.set_leader(simulation.model, 'web/0')


def test_a_dying_leader_leads_until_it_is_gone(simulation):
    _plan.add_unit(simulation.model, 'db', 0.0)
    simulation.settle()
    _plan.remove_unit(simulation.model, 'db/0', simulation.now)
    assert simulation.model.applications['db'].leader == 'db/0'
    simulation.settle()
    assert simulation.model.applications['db'].leader == 'db/1'


def test_units_are_listed_in_natural_order(simulation):
    _plan.add_unit(simulation.model, 'web', 0.0, count=11)
    assert [unit.name for unit in simulation.model.units_of('web')][-2:] == ['web/10', 'web/11']


def test_schema_fills_nested_defaults_and_refuses_what_is_not_there():
    action = {'params': {'a': {'type': 'object', 'properties': {'b': {'default': 1}}}}, 'additionalProperties': False}
    assert _schema.checked(action, {'a': {}}) == {'a': {'b': 1}}
    with pytest.raises(ValueError, match='additional property "z" is not allowed'):
        _schema.checked(action, {'z': 1})


@given(
    st.sampled_from(sorted(OPTIONS)),
    st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_typed_value_is_a_fixed_point(name, value):
    try:
        typed = _options.typed(name, OPTIONS[name], value)
    except _plan.Refused:
        return
    assert _options.typed(name, OPTIONS[name], typed) == typed
    if not isinstance(typed, str):
        assert _options.typed(name, OPTIONS[name], str(typed)) == typed


def test_a_whole_model_survives_its_database(simulation):
    simulation.settle()
    for kind, table in (('unit', simulation.model.units), ('application', simulation.model.applications)):
        for entity in table.values():
            assert _json.decode(kind, _json.encode(entity)) == entity
