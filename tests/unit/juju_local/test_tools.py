"""Every hook tool: its arguments, formats, exit codes and words."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from juju_local import _context, _plan, _resolver, _tools
from juju_local._state import Endpoint, Resource
from juju_local._tools import _formats, _ports
from simulation import Run, Simulation, charm

DB = charm(
    'db',
    Endpoint('clients', 'provider', 'sql'),
    Endpoint('cluster', 'peer', 'ring'),
    options={
        'name': {'type': 'string', 'default': 'x'},
        'empty': {'type': 'string', 'default': ''},
        'size': {'type': 'int', 'default': None},
        'ratio': {'type': 'float', 'default': 2.0},
        'loud': {'type': 'boolean', 'default': True},
    },
    resources={'image': {'type': 'file', 'filename': 'image.tgz'}, 'other': {'type': 'file', 'filename': 'o.bin'}},
    actions={'do-it': {'params': {'a': {'properties': {'b': {'default': 1}}}, 'n': {'default': 2}}}},
    extra_bindings=['public'],
    storage={'data': {'type': 'filesystem'}},
)
WEB = charm('web', Endpoint('db', 'requirer', 'sql'))
AGENT = charm('agent', Endpoint('host', 'requirer', 'juju-info', scope='container'), subordinate=True)


def simulated() -> Simulation:
    simulation = Simulation()
    image = Resource('resources/db/image-0/file', 0, 3, 'f')
    simulation.deploy('db', DB, 2, resources={'image': image})
    simulation.deploy('web', WEB)
    simulation.deploy('agent', AGENT)
    _plan.relate(simulation.model, 'web', 'db', simulation.now)
    _plan.relate(simulation.model, 'agent', 'db', simulation.now)
    simulation.settle()
    return simulation


def started(simulation: Simulation, unit: str) -> Run:
    operation = _resolver.next_operation(simulation.model, unit, simulation.now)
    assert operation is not None
    _resolver.begin(simulation.model, operation, simulation.now)
    return Run(simulation, operation, _context.create(simulation.model, operation, simulation.now, randomness=7))


@pytest.fixture
def run() -> Run:
    """update-status of db/0, the leader."""
    simulation = simulated()
    _plan.tick(simulation.model, ['db/0'])
    return started(simulation, 'db/0')


@pytest.fixture
def changed() -> Run:
    """db-relation-changed of web/0 for db/0."""
    simulation = simulated()
    bag = simulation.model.bag(1, 'db/0')
    bag.data |= {'n': '1', 'empty-looking': ' '}
    bag.version += 1
    return started(simulation, 'web/0')


@pytest.fixture
def action() -> Run:
    simulation = simulated()
    _plan.queue_action(simulation.model, 'db/0', 'do-it', {'a': {'b': 5}, 'word': 'w'}, simulation.now)
    return started(simulation, 'db/0')


CHARMHELPERS = [  # what charmhelpers 1.2.1 runs, word for word, and what must come out
    ('juju-log -l DEBUG message', ''),
    ('relation-ids --format=json clients', '["clients:1"]\n'),
    ('relation-ids --format=json nothing', '[]\n'),
    ('config-get --all --format=json', '{"empty":"","loud":true,"name":"x","ratio":2,"size":null}\n'),
    ('relation-list --format=json -r clients:1', '["web/0"]\n'),
    ('relation-get --format=json --app -r clients:1 - web', '{}\n'),
    ('status-set active message', ''),
    ('is-leader --format=json', 'true\n'),
    ('leader-get --format=json -', '{}\n'),
    ('leader-get --format=json key', 'null\n'),
    ('leader-set key=value', ''),
    ('application-version-set 1.2.3', ''),
    ('open-port 80/tcp', ''),
    ('close-port 80/tcp', ''),
    ('opened-ports --format=json', '[]\n'),
    ('unit-get --format=json private-address', '"10.87.0.10"\n'),
    ('network-get --primary-address clients', '10.87.0.10\n'),
    ('resource-get image', '/var/lib/juju/agents/unit-db-0/resources/image/image.tgz'),
    ('storage-list --format=json', '[]\n'),
]


@pytest.mark.parametrize('line, printed', CHARMHELPERS)
def test_what_charmhelpers_calls_answers_as_juju_does(run, line, printed):
    assert run.tool(*line.split()) == printed


def test_relation_set_helps_with_file_since_charmhelpers_looks_for_it(run):
    assert '--file' in run.tool('relation-set', '--help')


def test_every_tool_helps_itself(run):
    for name in _tools.NAMES:
        assert run.tool(name, '--help').startswith(f'Usage: {name}')


def test_status_get_answers_what_charmhelpers_unpacks(run):
    run.tool('status-set', 'blocked', 'no disk')
    found = json.loads(run.tool('status-get', '--format=json', '--include-data'))
    assert found == {'status': 'blocked', 'message': 'no disk', 'status-data': {}}
    assert run.tool('status-get') == 'blocked\n'


def test_network_get_carries_old_and_new_spellings(run):
    found = yaml.safe_load(run.tool('network-get', 'clients', '--format', 'yaml', '-r', '1'))
    interface = found['bind-addresses'][0]
    assert interface['interface-name'] == interface['interfacename'] == 'eth0'
    assert interface['mac-address'] == interface['macaddress']
    assert interface['addresses'][0]['address'] == interface['addresses'][0]['value'] == '10.87.0.10'
    assert found['ingress-addresses'] == ['10.87.0.10']
    assert found['egress-subnets'] == ['10.87.0.10/32']


@pytest.mark.parametrize(
    'line, printed',
    [
        ('network-get public --ingress-address', '10.87.0.10\n'),
        ('network-get --bind-address juju-info', '10.87.0.10\n'),
        ('network-get cluster --egress-subnets', '10.87.0.10/32\n'),
        (
            'network-get cluster --egress-subnets --bind-address',
            'bind-address: 10.87.0.10\negress-subnets:\n- 10.87.0.10/32\n',
        ),
        ('config-get loud', 'True\n'),
        ('config-get --format=json loud', 'true\n'),
        ('config-get ratio', '2\n'),
        ('config-get size', ''),
        ('config-get --format json size', 'null\n'),
        ('config-get undeclared', ''),
        ('config-get empty', ''),
        ('config-get', 'empty: \'\'\nloud: true\nname: x\nratio: 2\n'),
        ('relation-ids juju-info', 'juju-info:2\n'),
        ('relation-list -r 1 --app', 'web\n'),
        ('relation-list -r whatever:1', 'web/0\n'),
        ('relation-get -r 1 nothing web/0', ''),
        ('relation-get --format=json -r 1 nothing web/0', 'null\n'),
        ('relation-get -r 1 - web', '{}\n'),
        ('leader-get', '{}\n'),
        ('leader-get key', ''),
        ('is-leader', 'True\n'),
        ('opened-ports', ''),
        ('state-get', '{}\n'),
        ('state-get key', ''),
        ('unit-get public-address', '10.87.0.10\n'),
    ],
)  # fmt: skip
def test_readers_print_in_jujus_formats(run, line, printed):
    assert run.tool(*line.split()) == printed


@pytest.mark.parametrize(
    'line, code, words',
    [
        ('relation-ids', 2, 'no endpoint name specified'),
        ('relation-ids clients --bad', 2, 'option provided but not defined: --bad'),
        ('relation-ids clients --format=xml', 2, 'invalid value "xml" for option --format: unknown format "xml"'),
        ('relation-ids clients more', 2, 'unrecognized args: ["more"]'),
        ('relation-list', 2, 'no relation id specified'),
        ('relation-list -r', 2, 'option needs an argument: -r'),
        ('relation-list -r x', 2, 'invalid value "x" for option -r: invalid relation id'),
        ('relation-list -r clients:99', 2, 'invalid value "clients:99" for option -r: relation not found'),
        ('relation-get -r 1', 2, 'no unit or application specified'),
        ('relation-get -r 1 - agent/0', 1, 'permission denied'),
        ('relation-get -r 1 - web/9', 1, 'cannot read settings for unit "web/9"'),
        ('relation-set -r 1 x', 2, 'expected "key=value", got "x"'),
        ('relation-set -r 1 --file nowhere', 1, 'cannot read settings from "nowhere"'),
        ('config-get --all name', 2, 'cannot use argument --all together with key "name"'),
        ('status-set', 2, 'invalid args, require <status> [message]'),
        ('status-set error', 2, 'invalid status "error", expected one of [maintenance blocked waiting active]'),
        ('application-version-set', 2, 'no version specified'),
        ('juju-log', 2, 'no message specified'),
        ('open-port', 2, 'no port or range specified'),
        ('open-port x', 2, 'got "x"'),
        ('open-port 0', 2, 'port must be in the range [1, 65535]; got "0"'),
        ('open-port 9-5', 2, 'invalid port range 9-5/tcp; expected fromPort <= toPort'),
        ('open-port 9/sctp', 2, 'protocol must be "tcp", "udp", or "icmp"; got "sctp"'),
        ('open-port 9 --endpoints nowhere', 1, 'application has no endpoint "nowhere"'),
        ('network-get', 2, 'no arguments specified'),
        ('network-get nowhere', 1, 'no network config found for binding "nowhere"'),
        ('network-get clients --primary-address --bind-address', 1, '--primary-address must be the only flag'),
        ('unit-get', 2, 'no setting specified'),
        ('unit-get size', 2, 'unknown setting "size"'),
        ('resource-get', 2, 'missing required resource name'),
        ('resource-get other', 1, 'could not download resource'),
        ('resource-get undeclared', 1, 'could not download resource'),
        ('action-get', 1, 'not running an action'),
        ('action-log x', 1, 'not running an action'),
        ('action-set Key=1', 2, 'key "Key" must start and end with lowercase alphanumeric'),
        ('action-set key', 2, 'argument "key" must be of the form key...=value'),
        ('action-set stdout=1', 2, 'cannot set reserved action key "stdout"'),
        ('state-get nothing --strict', 1, '"nothing" not found'),
        ('add-metric a=1', 1, 'metrics disabled'),
        ('credential-get', 1, 'not trusted'),
        ('pod-spec-set', 1, 'not supported on machines'),
        ('storage-get', 2, 'no storage instance specified'),
        ('storage-add data', 1, 'no storage pools'),
        ('storage-add nothing', 1, 'charm storage "nothing" not found'),
        ('payload-status-set c 1 started', 1, 'payload "c/1" not found'),
        ('secret-get', 1, 'unknown command "secret-get"'),
    ],
)  # fmt: skip
def test_misuse_exits_2_and_failure_exits_1_and_both_say_why(run, line, code, words):
    found = run.output(*line.split())
    assert (found.code, found.stdout) == (code, b'')
    assert found.stderr.startswith(b'ERROR ')
    assert words in found.stderr.decode()


def test_relation_get_means_the_remote_unit_of_the_hook(changed):
    assert changed.tool('relation-get', 'n') == '1\n'
    assert changed.tool('relation-get', '-', 'db/0') == changed.tool('relation-get')
    assert changed.json('relation-ids') == ['db:1']


def test_relation_get_falls_to_the_applications_bag_where_there_is_no_unit():
    simulation = simulated()
    simulation.model.bag(1, 'db').data['a'] = '1'
    simulation.model.bag(1, 'db').version += 1
    _plan.remove_relation(simulation.model, 'web', 'db', simulation.now)
    seen = []

    def body(run: Run) -> None:
        if run.unit == 'web/0' and run.hook == 'db-relation-broken':
            seen.append(
                (run.environment['JUJU_REMOTE_UNIT'], run.json('relation-get'), run.json('relation-list', '--app'))
            )

    simulation.body = body
    simulation.settle()
    assert seen == [('', {'a': '1'}, 'db')]


def test_relation_set_takes_a_file_and_null_removes_a_key(changed):
    changed.tool(
        'relation-set', '-r', 'db:1', '--file', 'f', 'b=arg', files={'f': b'a: 1\nb: file\nprivate-address: null\n'}
    )
    found = changed.json('relation-get', '-', 'web/0')
    assert (found['a'], found['b']) == ('1', 'arg')
    assert 'private-address' not in found
    changed.tool('relation-set', '--file', '-', files={'-': b'{"c": "x=y"}'})
    assert changed.tool('relation-get', 'c', 'web/0') == 'x=y\n'


def test_relation_set_refuses_nested_values(changed):
    found = changed.output('relation-set', '--file', '-', files={'-': b'a: {b: 1}'})
    assert (found.code, found.stdout) == (1, b'')


def test_only_the_leader_writes_and_reads_its_applications_settings():
    simulation = simulated()
    _plan.tick(simulation.model, ['db/1'])
    run = started(simulation, 'db/1')
    assert run.output('relation-set', '--app', '-r', '1', 'a=1').stderr == b'ERROR cannot write relation settings\n'
    assert run.output('relation-get', '--app', '-r', '1', '-', 'db').stderr == b'ERROR permission denied\n'
    assert run.output('leader-set', 'a=1').code == 1
    assert run.output('status-set', '--application', 'active').code == 1
    assert run.json('relation-get', '--app', '-r', '0', '-', 'db') == {}  # a peer may read


def test_the_leader_who_names_its_application_without_app_gets_its_unit_settings(run):
    run.tool('relation-set', '-r', '1', 'mine=1')
    run.tool('relation-set', '-r', '1', '--app', 'ours=1')
    assert 'mine' in run.json('relation-get', '-r', '1', '-', 'db')
    assert run.json('relation-get', '-r', '1', '--app', '-', 'db') == {'ours': '1'}


def test_application_status_lists_the_units(run):
    run.tool('status-set', '--application', 'active', 'all well')
    found = json.loads(run.tool('status-get', '--application', '--format=json'))
    assert found['application-status']['status'] == 'active'
    assert set(found['application-status']['units']) == {'db/0', 'db/1'}


def test_goal_state_tells_of_units_and_relations_to_come(run):
    _plan.add_unit(run.simulation.model, 'web', run.simulation.now)
    found = yaml.safe_load(run.tool('goal-state'))
    assert found == run.json('goal-state')
    assert set(found['units']) == {'db/0', 'db/1'}
    assert set(found['relations']['clients']) == {'web', 'web/0', 'web/1'}
    assert found['relations']['clients']['web/1']['status'] == 'waiting'
    assert found['relations']['clients']['web']['status'] == 'joined'
    assert set(found['relations']['cluster']) == {'db/1'}
    assert run.output('goal-state', '--format=smart').code == 2


def test_actions_read_nested_parameters_with_defaults_filled_in(action):
    assert action.json('action-get') == {'a': {'b': 5}, 'n': 2, 'word': 'w'}
    assert action.tool('function-get', 'a.b') == '5\n'
    assert action.json('action-get', 'a.x.y') is None


def test_action_set_nests_and_replaces(action):
    action.tool('action-set', 'a=1', 'b.c=2', 'b.d=x=y')
    action.tool('function-set', 'a.e=3')
    assert action.context.task.results == {'a': {'e': '3'}, 'b': {'c': '2', 'd': 'x=y'}}


def test_action_log_is_kept_at_once_and_a_reboot_refused(action):
    action.tool('action-log', 'half', 'way')
    assert [line for _, line in action.simulation.model.actions[action.context.task.id].log] == ['half way']
    assert action.output('juju-reboot').code == 1


def test_ports_of_one_unit_may_not_overlap_unless_equal(run):
    run.tool('open-port', '80')
    run.tool('open-port', '80/TCP')
    run.tool('open-port', '70-90/udp')
    found = run.output('open-port', '79-81')
    assert found.stderr == (
        b'ERROR cannot open 79-81/tcp (unit "db/0"): port range conflicts with 80/tcp (unit "db/0") requested earlier\n'
    )
    assert run.output('close-port', '75/udp').code == 1
    run.tool('close-port', '80')
    run.tool('open-port', '79-81')
    run.tool('open-port', 'icmp')


def test_ports_of_units_that_share_a_machine_may_not_overlap(run):
    mate = next(unit for unit in run.simulation.model.units_of('agent') if unit.principal == 'db/0')
    mate.ports = [_ports.parse('80')]
    assert f'(unit "{mate.name}")' in run.output('open-port', '80').stderr.decode()
    run.tool('open-port', '80/udp')


def test_state_is_read_back_and_deleted(run):
    run.tool('state-set', 'a=1', 'b=2')
    run.tool('state-delete', 'a')
    assert run.json('state-get') == {'b': '2'}
    assert run.output('state-get', '--strict', 'a').code == 1


def test_output_goes_to_the_file_and_not_to_stdout(run):
    found = run.output('config-get', 'name', '-o', 'out')
    assert (found.stdout, found.files) == (b'', {'out': b'x\n'})


def test_flags_stand_anywhere_before_a_double_dash(run):
    assert run.tool('config-get', 'name', '--format', 'json') == run.tool('config-get', '--format=json', 'name')
    assert run.tool('config-get', '--', 'name') == 'x\n'
    run.tool('juju-log', '--', '--debug')
    assert run.context.logs[-1].message == '--debug'


def test_writers_accept_a_format_and_say_that_it_is_deprecated(run):
    found = run.output('open-port', '--format=json', '80')
    assert found.code == 0
    assert b'deprecated' in found.stderr


def test_credentials_need_trust(run):
    _plan.set_trust(run.simulation.model, 'db', True)
    assert json.loads(run.tool('credential-get', '--format=json'))['name'] == 'localhost'


def test_payloads_are_registered_and_dropped(run):
    run.tool('payload-register', 'docker', 'web', 'abc', 'tag')
    run.tool('payload-status-set', 'web', 'abc', 'stopped')
    assert run.simulation.model.units['db/0'].payloads['web/abc']['status'] == 'stopped'
    run.tool('payload-unregister', 'web', 'abc')
    assert not run.simulation.model.units['db/0'].payloads


def test_leader_set_with_an_empty_value_deletes_and_the_same_again_wakes_nobody(run):
    app = run.simulation.model.applications['db']
    run.tool('leader-set', 'a=1', 'b=2')
    version = app.leader_version
    run.tool('leader-set', 'a=1')
    assert app.leader_version == version
    run.tool('leader-set', 'a=')
    assert (app.leader_settings, app.leader_version) == ({'b': '2'}, version + 1)


@example({'\x85': 'a\u2028b\x85'})
@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers() | st.booleans(), max_size=5))
def test_json_and_yaml_say_the_same(value):
    assert json.loads(_formats.formatted(value, 'json')) == yaml.safe_load(_formats.formatted(value, 'yaml')) == value


@given(st.integers(1, 65535), st.integers(0, 1000), st.sampled_from(['tcp', 'udp']))
def test_port_ranges_are_read_as_they_are_written(first, more, protocol):
    last = min(first + more, 65535)
    port = _ports.parse(f'{first}-{last}/{protocol}')
    assert _ports.parse(_ports.described(port)) == port
