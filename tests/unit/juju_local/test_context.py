"""What one hook sees and when what it wrote is kept (sections 1.1 to 1.5 of Juju's rules)."""

from __future__ import annotations

import pytest
from juju_local import _context, _finish, _flush, _plan, _resolver
from juju_local._errors import FlushError
from juju_local._finish import Exit
from juju_local._state import Endpoint
from simulation import Files, Run, Simulation, charm

DB = charm('db', Endpoint('clients', 'provider', 'sql'), Endpoint('cluster', 'peer', 'ring'), actions={'do-it': {}})
WEB = charm('web', Endpoint('db', 'requirer', 'sql'), options={'port': {'type': 'int', 'default': 80}})


@pytest.fixture
def quiet() -> Simulation:
    """Two web and two db units, related, with nothing to do."""
    simulation = Simulation()
    simulation.deploy('db', DB, 2)
    simulation.deploy('web', WEB, 2)
    _plan.relate(simulation.model, 'web', 'db', simulation.now)
    simulation.settle()
    return simulation


def write(simulation: Simulation, name: str, **settings: str) -> None:
    bag = simulation.model.bag(1, name)
    bag.data.update(settings)
    bag.version += 1


def started(simulation: Simulation, unit: str) -> Run:
    """Begin the next operation of a unit and return its hook tools."""
    operation = _resolver.next_operation(simulation.model, unit, simulation.now)
    assert operation is not None
    _resolver.begin(simulation.model, operation, simulation.now)
    context = _context.create(simulation.model, operation, simulation.now, randomness=7)
    return Run(simulation, operation, context)


def tick(simulation: Simulation, unit: str) -> Run:
    _plan.tick(simulation.model, [unit])
    return started(simulation, unit)


def end(run: Run, code: int | None = 0) -> str:
    return _finish.finish(run.simulation.model, run.context, run.operation, Exit(code), run.simulation.now)


def test_settings_of_a_member_are_kept_from_hook_to_hook_until_its_own_changed(quiet):
    run = tick(quiet, 'web/0')
    run.tool('relation-get', '-r', '1', '-', 'db/0')  # first read: nothing yet
    end(run)
    _plan.tick(quiet.model, ['web/0'])
    _plan.set_config(quiet.model, 'web', {'port': 1})
    run = started(quiet, 'web/0')
    assert run.hook == 'config-changed'
    write(quiet, 'db/0', n='1')
    assert 'n' not in run.json('relation-get', '-r', '1', '-', 'db/0')  # not live
    end(run)
    run = started(quiet, 'web/0')
    assert run.hook == 'db-relation-changed'
    assert run.json('relation-get', 'n') == '1'
    write(quiet, 'db/0', n='2')
    assert run.json('relation-get', 'n') == '1'


def test_settings_of_other_units_that_changed_stay_as_first_read_in_this_ones_changed_hook(quiet):
    run = tick(quiet, 'web/0')
    run.tool('relation-get', '-r', '1', '-', 'db/1')
    end(run)
    write(quiet, 'db/0', n='1')
    write(quiet, 'db/1', n='1')
    run = started(quiet, 'web/0')
    assert run.environment['JUJU_REMOTE_UNIT'] == 'db/0'
    assert run.json('relation-get', 'n') == '1'
    assert run.json('relation-get', 'n', 'db/1') is None


def test_settings_of_a_departing_unit_stay_readable_until_the_relation_is_gone(quiet):
    write(quiet, 'db/0', n='1')
    quiet.settle()
    _plan.remove_unit(quiet.model, 'db/0', quiet.now)
    run = started(quiet, 'web/0')
    assert run.hook == 'db-relation-departed'
    assert run.json('relation-list') == ['db/1']
    assert run.json('relation-get', 'n') == '1'
    end(run)
    quiet.settle()
    run = tick(quiet, 'web/0')
    assert run.json('relation-get', '-r', 'db:1', 'n', 'db/0') == '1'


def test_own_writes_are_read_back_before_they_are_kept(quiet):
    run = tick(quiet, 'db/0')
    run.tool('relation-set', '-r', '1', 'a=1', 'private-address=')
    assert run.json('relation-get', '-r', '1', 'a', 'db/0') == '1'
    assert 'private-address' not in run.json('relation-get', '-r', '1', '-', 'db/0')
    assert quiet.model.bag(1, 'db/0').data['private-address']
    end(run)
    assert 'private-address' not in quiet.model.bag(1, 'db/0').data


@pytest.mark.parametrize('code, kept', [(0, True), (1, False), (None, False)])
def test_relation_settings_ports_and_state_are_kept_only_if_the_hook_exits_0(quiet, code, kept):
    run = tick(quiet, 'db/0')
    run.tool('relation-set', '-r', '1', 'a=1')
    run.tool('relation-set', '-r', '1', '--app', 'b=1')
    run.tool('open-port', '80')
    run.tool('state-set', 's=1')
    end(run, code)
    unit = quiet.model.units['db/0']
    found = [
        'a' in quiet.model.bag(1, 'db/0').data,
        'b' in quiet.model.bag(1, 'db').data,
        bool(unit.ports),
        bool(unit.state),
    ]
    assert found == [kept] * 4


def test_status_version_and_leader_settings_stay_even_if_the_hook_fails(quiet):
    run = tick(quiet, 'db/0')
    run.tool('status-set', 'active', 'up')
    run.tool('application-version-set', '1.2')
    run.tool('leader-set', 'token=x')
    assert end(run, 3) == 'exit status 3'
    assert quiet.model.units['db/0'].workload.message == 'up'
    assert quiet.model.applications['db'].workload_version == '1.2'
    assert quiet.model.applications['db'].leader_settings == {'token': 'x'}


def test_a_leader_deposed_in_the_middle_loses_its_application_settings_and_fails(quiet):
    run = tick(quiet, 'db/0')
    run.tool('relation-set', '-r', '1', '--app', 'b=1')
    run.tool('relation-set', '-r', '1', 'a=1')
    _plan.set_leader(quiet.model, 'db/1')
    with pytest.raises(FlushError, match='settings of application db: db/0 is not the leader any more'):
        _flush.flush(quiet.model, run.context)
    assert end(run).startswith('cannot apply changes')
    assert 'a' not in quiet.model.bag(1, 'db/0').data
    assert quiet.model.units['db/0'].agent.failed


def test_leadership_lost_is_not_won_back_within_a_hook(quiet):
    run = tick(quiet, 'db/0')
    assert run.json('is-leader') is True
    _plan.set_leader(quiet.model, 'db/1')
    assert run.json('is-leader') is False
    _plan.set_leader(quiet.model, 'db/0')
    assert run.json('is-leader') is False


def test_application_settings_reach_the_other_side_as_a_changed_without_a_unit(quiet):
    run = tick(quiet, 'db/0')
    run.tool('relation-set', '-r', '1', '--app', 'b=1')
    end(run)
    run = started(quiet, 'web/0')
    assert (run.hook, run.environment['JUJU_REMOTE_UNIT'], run.environment['JUJU_REMOTE_APP']) == (
        'db-relation-changed',
        '',
        'db',
    )
    assert run.json('relation-get') == {'b': '1'}
    end(run)
    assert _resolver.next_operation(quiet.model, 'web/0', quiet.now) is None


def test_a_peer_leaders_application_settings_wake_its_peers_and_not_itself(quiet):
    run = tick(quiet, 'db/0')
    run.tool('relation-set', '-r', '0', '--app', 'b=1')
    end(run)
    assert _resolver.next_operation(quiet.model, 'db/0', quiet.now) is None
    run = started(quiet, 'db/1')
    assert run.hook == 'cluster-relation-changed'
    assert run.json('relation-get', '--app', '-', 'db') == {'b': '1'}


def test_config_and_leader_settings_are_read_once_a_hook(quiet):
    run = tick(quiet, 'web/0')
    assert run.json('config-get') == {'port': 80}
    _plan.set_config(quiet.model, 'web', {'port': 81})
    assert run.json('config-get', 'port') == 80
    run = tick(quiet, 'db/1')
    assert run.json('leader-get') == {}
    quiet.model.applications['db'].leader_settings['a'] = '1'
    assert run.json('leader-get') == {}


def test_opened_ports_shows_the_ports_as_they_were_when_the_hook_began(quiet):
    run = tick(quiet, 'db/0')
    run.tool('open-port', '8000-8010/udp')
    run.tool('open-port', '80')
    assert run.json('opened-ports') == []
    end(run)
    run = tick(quiet, 'db/0')
    run.tool('close-port', '80/tcp')
    assert run.json('opened-ports') == ['80/tcp', '8000-8010/udp']
    end(run)
    assert [port.from_port for port in quiet.model.units['db/0'].ports] == [8000]


def test_the_environment_is_jujus_and_nothing_else(quiet):
    write(quiet, 'db/0', n='1')
    environment = started(quiet, 'web/0').environment
    assert environment['JUJU_RELATION_ID'] == 'db:1'
    assert environment['JUJU_RELATION'] == 'db'
    assert environment['JUJU_DISPATCH_PATH'] == 'hooks/db-relation-changed'
    assert environment['JUJU_CONTEXT_ID'] == 'web/0-db-relation-changed-7'
    assert 'JUJU_DEPARTING_UNIT' not in environment
    assert not {'HOME', 'USER', 'SHELL'} & set(environment)


def test_an_action_has_an_empty_hook_name_and_a_command_a_home(quiet):
    _plan.queue_action(quiet.model, 'db/0', 'do-it', {}, quiet.now)
    run = started(quiet, 'db/0')
    assert run.environment['JUJU_HOOK_NAME'] == ''
    assert run.environment['JUJU_ACTION_NAME'] == 'do-it'
    assert run.environment['JUJU_ACTION_TAG'] == f'action-{run.environment["JUJU_ACTION_UUID"]}'
    end(run)
    _plan.queue_command(quiet.model, 'db/0', 'true', quiet.now)
    environment = started(quiet, 'db/0').environment
    assert environment['HOME'] == '/root'
    assert 'JUJU_DISPATCH_PATH' not in environment


def task(quiet: Simulation, code: int | None, *, command: bool = False, fail: str | None = None):
    """Run an action (or command) that sets a result and relation data, and return what became of both."""
    if command:
        action = _plan.queue_command(quiet.model, 'db/0', 'x', quiet.now)
    else:
        action = _plan.queue_action(quiet.model, 'db/0', 'do-it', {}, quiet.now)
    run = started(quiet, 'db/0')
    run.tool('relation-set', '-r', '1', 'a=1')
    if not command:
        run.tool('action-set', 'out.put=1')
    if fail is not None:
        run.tool('action-fail', fail)
    ended = Exit(code, b'hello\n', b'\xff')
    _finish.finish(quiet.model, run.context, run.operation, ended, quiet.now)
    assert not quiet.model.units['db/0'].agent.failed
    return action, 'a' in quiet.model.bag(1, 'db/0').data


def test_an_action_that_exits_0_is_completed_and_kept(quiet):
    action, kept = task(quiet, 0)
    assert (action.status, action.message, kept) == ('completed', '', True)
    assert action.results == {
        'out': {'put': '1'},
        'return-code': 0,
        'stdout': 'hello\n',
        'stderr': '/w==',
        'stderr-encoding': 'base64',
    }


def test_an_action_that_fails_by_word_is_failed_but_kept(quiet):
    action, kept = task(quiet, 0, fail='no room')
    assert (action.status, action.message, kept) == ('failed', 'no room', True)


def test_an_action_that_exits_1_is_dropped_and_its_exit_code_hides_its_message(quiet):
    action, kept = task(quiet, 1, fail='no room')
    assert (action.status, action.message, kept) == ('failed', 'exit status 1', False)
    assert action.results['out'] == {'put': '1'}


def test_an_action_without_a_script_is_failed_by_name(quiet):
    action, _ = task(quiet, None)
    assert (action.status, action.message) == ('failed', 'action not implemented on unit "db/0"')


def test_a_command_that_exits_1_is_completed_and_kept(quiet):
    action, kept = task(quiet, 1, command=True)
    assert (action.status, action.results['return-code'], kept) == ('completed', 1, True)


def test_a_reboot_now_drops_what_was_written_and_runs_the_same_hook_again(quiet):
    run = tick(quiet, 'db/0')
    run.tool('relation-set', '-r', '1', 'a=1')
    run.tool('juju-reboot', '--now')
    end(run, 137)
    unit = quiet.model.units['db/0']
    assert unit.agent.reboot and not unit.agent.failed
    assert 'a' not in quiet.model.bag(1, 'db/0').data
    _plan.rebooted(quiet.model, unit.machine)
    before = len(quiet.hooks('db/0'))
    quiet.settle()
    assert quiet.hooks('db/0')[before:] == ['update-status', 'start']


def test_log_lines_of_a_relation_hook_name_the_relation(quiet):
    write(quiet, 'db/0', n='1')
    run = started(quiet, 'web/0')
    run.tool('juju-log', '-l', 'warn', 'two', 'words')
    run.tool('juju-log', '--log-level=nonsense', 'x')
    lines = [(line.level, line.module, line.message) for line in run.context.logs]
    assert lines[0] == ('WARNING', 'unit.web/0.juju-log', 'db:1: two words')
    assert lines[1][0] == 'WARNING' and 'nonsense' in lines[1][2]
    assert lines[2] == ('INFO', 'unit.web/0.juju-log', 'db:1: x')


def test_files_are_read_from_the_caller():
    with pytest.raises(FileNotFoundError):
        Files().read('x')
