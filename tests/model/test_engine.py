"""The engine, with charms that are a few lines of shell in real machines."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from juju_local import _charm, _events, _logs, _plan, _resolver
from juju_local._db import Database
from juju_local._engine import Crash
from juju_local._machine import Machines


@pytest.fixture
def greeters(world):
    """Two units of a charm whose peers greet each other."""
    scripts = {
        'install': 'hostname > /etc/i-was-here; echo out; echo err >&2',
        'start': 'status-set active "up on $(hostname)"',
        'club-relation-joined': 'relation-set greeting="hello from $JUJU_UNIT_NAME"',
        'club-relation-changed': 'relation-get greeting >> /root/greetings',
    }
    world.deploy(world.charm('greeter', scripts, peers={'club': {'interface': 'club'}}), units=2)
    return world


def lone(world, units=1, **scripts):
    """Deploy a charm without relations; what does not say otherwise is active after start."""
    hooks = {'start': 'status-set active', **{name.replace('_', '-'): text for name, text in scripts.items()}}
    world.deploy(world.charm('lone', hooks), units=units)
    return world


def queue(world, unit, action='', command='', **params):
    with world.database.transaction() as model:
        if action:
            return _plan.queue_action(model, unit, action, params, time.time()).id
        return _plan.queue_command(model, unit, command, time.time()).id


HELD = 'touch /root/begun; for i in $(seq 600); do test ! -e /root/go || break; sleep 0.1; done'  # until `let_go`


def has_begun(world):
    machines = Machines(world.directory, world.store)
    return machines.is_running('0') and (machines.root('0') / 'root/begun').exists()


def let_go(world):
    (Machines(world.directory, world.store).root('0') / 'root/go').touch()


def levels(world, module):
    return [(record.level, record.message) for record in _logs.Log(world.directory).replay() if record.module == module]


def drive(world, **options):
    """Start another process that settles the model, as a command would."""
    script = (
        'import sys; from pathlib import Path;'
        'from juju_local._db import Database; from juju_local._engine import Engine;'
        'd = Path(sys.argv[1]); r = Engine(Database(d), d, store=Path(sys.argv[2]), settle_limit_s=0).settle();'
        'print(r.interrupted, dict(r.errors))'
    )
    arguments = [sys.executable, '-c', script, str(world.directory), str(world.store)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'it did not become true'
        time.sleep(0.02)


def test_two_units_of_a_peer_relation_hear_each_other(greeters):
    settled = greeters.settle()
    assert settled == _events.Settled()
    assert {unit.workload.current for unit in greeters.database.read().units.values()} == {'active'}
    assert {unit.agent_status.current for unit in greeters.database.read().units.values()} == {'idle'}
    assert greeters.file('greeter/0', '/root/greetings').split('\n')[-2] == 'hello from greeter/1'
    assert greeters.file('greeter/1', '/root/greetings').split('\n')[-2] == 'hello from greeter/0'


def test_hooks_run_in_jujus_order(greeters):
    greeters.settle()
    first = greeters.hooks('greeter/0')[:5]
    assert first == ['install', 'club-relation-created', 'leader-elected', 'config-changed', 'start']


def test_what_a_unit_writes_stays_in_its_machine(greeters):
    greeters.settle()
    model = greeters.database.read()
    for name in ('greeter/0', 'greeter/1'):
        machine = model.machines[model.units[name].machine]
        assert greeters.file(name, '/etc/i-was-here') == f'{machine.hostname}\n'
    assert not Path('/etc/i-was-here').exists()


def test_a_settled_model_runs_nothing_more(greeters):
    greeters.settle()
    before = greeters.database.runs()
    greeters.settle()
    assert greeters.database.runs() == before


def test_output_goes_to_the_log_line_by_line(greeters):
    greeters.settle()
    said = levels(greeters, 'unit.greeter/0.install')  # by two pipes, of which either may be read first
    assert sorted(said) == [('DEBUG', 'out'), ('WARNING', 'err')]


def test_tool_calls_and_time_are_recorded(world):
    lone(world, install='config-get >/dev/null; juju-log hello; is-leader')
    world.settle()
    runs = {run.name: run for _, run in world.database.runs()}
    assert runs['install'].calls == 3
    assert runs['install'].seconds > 0
    assert levels(world, 'unit.lone/0.juju-log') == [('INFO', 'hello')]
    ended = [event for event in world.events if isinstance(event, _events.RunEnded) and event.name == 'install']
    assert [(event.calls, event.reason) for event in ended] == [(3, '')]


def test_the_environment_is_exactly_jujus(world, monkeypatch):
    monkeypatch.setenv('SECRET_OF_THE_OPERATOR', 'x')
    lone(
        world, install='env > /root/env; pwd > /root/cwd; readlink /proc/self/fd/0 > /root/stdin; echo $0 > /root/argv0'
    )
    world.settle()
    assert 'SECRET_OF_THE_OPERATOR' not in world.file('lone/0', '/root/env')
    assert 'HOME=' not in world.file('lone/0', '/root/env')
    assert world.file('lone/0', '/root/cwd') == '/var/lib/juju/agents/unit-lone-0/charm\n'
    assert world.file('lone/0', '/root/stdin') == '/dev/null\n'
    assert world.file('lone/0', '/root/argv0') == '/var/lib/juju/agents/unit-lone-0/charm/hooks/install\n'


def test_a_failing_hook_is_retried_and_then_left_in_error(world):
    lone(world, install='echo x >> /root/tries; false')
    settled = world.settle()
    assert settled.errors == {'lone/0': 'install'}
    assert world.file('lone/0', '/root/tries').count('x') == 4
    assert world.unit('lone/0').agent_status.message == 'hook failed: "install"'


def test_a_hook_that_fails_once_is_healed_by_its_retry(world):
    lone(world, install='test -e /root/second || { touch /root/second; false; }')
    assert not world.settle().errors
    assert world.hooks('lone/0')[:2] == ['install', 'install']


def test_the_next_command_tries_again(world):
    lone(world, install='test -e /root/mended')
    with world.database.transaction() as model:
        _plan.set_model_config(model, {'automatically-retry-hooks': 'false'})
    assert world.settle().errors
    assert world.hooks('lone/0') == ['install']
    machines = Machines(world.directory, world.store)
    machines.run('0', ['touch', '/root/mended'])
    assert world.settle().errors, 'retries are off, so only resolved may help'
    with world.database.transaction() as model:
        _plan.resolved(model, 'lone/0', time.time())
    assert not world.settle().errors


def test_a_failed_hook_keeps_nothing_of_what_it_wrote(world):
    script = 'relation-set word=lost; open-port 80; test -e /root/second || { touch /root/second; false; }; true'
    club = world.charm('clubber', {'club-relation-created': script.replace('word=lost', '"word=$(date +%N)"')},
                       peers={'club': {'interface': 'club'}})  # fmt: skip
    world.deploy(club, units=1)
    with world.database.transaction() as model:
        _plan.set_model_config(model, {'automatically-retry-hooks': 'false'})
    world.settle()
    model = world.database.read()
    assert model.units['clubber/0'].ports == []
    assert not any('word' in bag.data for bag in model.bags.values())


@pytest.mark.parametrize('call', [1, 2, 3])
def test_a_hook_killed_at_any_tool_call_loses_its_writes_and_runs_again(world, call):
    lone(world, install='open-port 80; open-port 81; state-set a=b; sleep 0')
    with world.database.transaction() as model:
        _plan.set_model_config(model, {'automatically-retry-hooks': 'false'})
    settled = world.settle(crash=Crash(call, name='install'))
    assert settled.errors == {'lone/0': 'install'}
    assert (world.unit('lone/0').ports, world.unit('lone/0').state) == ([], {})
    runs = [run for _, run in world.database.runs()]
    assert [(run.name, run.calls, run.reason) for run in runs] == [('install', call, 'exit status 137')]
    with world.database.transaction() as model:
        _plan.resolved(model, 'lone/0', time.time())
    assert not world.settle().errors
    assert len(world.unit('lone/0').ports) == 2


def test_killing_juju_local_in_a_hook_loses_nothing_and_leaves_no_process(world):
    lone(world, install='echo $$ >> /root/pids; test -e /root/go || { touch /root/go; sleep 1000; }')
    process = drive(world)
    machines = Machines(world.directory, world.store)
    until(lambda: machines.is_running('0') and (machines.root('0') / 'root/go').exists())
    process.kill()
    process.communicate()
    assert not world.settle().errors
    assert world.file('lone/0', '/root/pids').count('\n') == 2
    until(lambda: b'sleep' not in machines.run('0', ['ps', '-e', '-o', 'comm']).stdout)
    assert world.unit('lone/0').workload.current == 'active'


def test_killing_juju_local_at_random_moments_ends_in_the_same_model(greeters):
    for pause in (0.3, 0.5, 0.6, 0.7, 0.8):
        process = drive(greeters)
        time.sleep(pause)
        process.kill()
        process.communicate()
    assert not greeters.settle().errors
    assert {unit.workload.current for unit in greeters.database.read().units.values()} == {'active'}
    assert greeters.file('greeter/1', '/root/greetings').split('\n')[-2] == 'hello from greeter/0'


def test_an_interrupt_lets_the_running_hook_end_and_the_next_command_goes_on(world):
    lone(world, install=f'{HELD}; touch /root/ended')
    process = drive(world)
    until(lambda: has_begun(world))
    process.send_signal(signal.SIGINT)
    until(lambda: not waiting_signals(process.pid))
    let_go(world)
    out, err = process.communicate(timeout=60)
    assert out.startswith('True'), err
    assert world.hooks('lone/0') == ['install']
    assert world.file('lone/0', '/root/ended') == ''
    world.settle()
    assert world.unit('lone/0').workload.current == 'active'


def test_a_second_interrupt_kills_the_hook_which_runs_again_later(world):
    lone(world, install='test -e /root/begun || { touch /root/begun; sleep 1000; }')
    process = drive(world)
    machines = Machines(world.directory, world.store)
    until(lambda: machines.is_running('0') and (machines.root('0') / 'root/begun').exists())
    process.send_signal(signal.SIGINT)
    until(lambda: not waiting_signals(process.pid))  # two at once would be one
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out == 'True {}\n'
    assert world.hooks('lone/0') == []
    assert not world.settle().errors


def waiting_signals(pid):
    """Return the signals that a process was sent and has not taken."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return sum(int(line.split()[1], 16) for line in lines if line.startswith(('SigPnd', 'ShdPnd')))


def test_a_second_engine_waits_for_the_first_and_then_goes_on(world):
    lone(world, install=HELD)
    process = drive(world)
    until(lambda: has_begun(world))
    with ThreadPoolExecutor() as beside:
        beside.submit(lambda: until(lambda: world.events) or let_go(world))
        world.settle()
    assert isinstance(world.events[0], _events.Following)
    assert 'install' in [event.name for event in world.events if isinstance(event, _events.RunEnded)]
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert world.hooks('lone/0').count('install') == 1


def test_work_that_another_process_adds_is_seen_by_the_running_engine(world):
    lone(world, install=HELD)
    process = drive(world)
    until(lambda: has_begun(world))
    task = queue(world, 'lone/0', command='hostname')
    let_go(world)
    process.communicate(timeout=60)
    assert world.database.read().actions[task].status == 'completed'


def test_a_machine_killed_under_its_hook_comes_back_and_the_hook_runs_again(world):
    lone(world, install='test -e /root/begun || { touch /root/begun; sleep 1000; }')
    process = drive(world)
    machines = Machines(world.directory, world.store)
    until(lambda: machines.is_running('0') and (machines.root('0') / 'root/begun').exists())
    os.kill(machines.pid('0'), 9)
    out, err = process.communicate(timeout=60)
    assert out == 'False {}\n', err
    assert world.unit('lone/0').workload.current == 'active'


def test_a_machine_found_dead_is_started_and_its_start_hook_runs_again(world):
    lone(world)
    world.settle()
    Machines(world.directory, world.store).kill('0')
    world.settle()
    assert world.hooks('lone/0').count('start') == 2


def test_reboot_after_the_hook_restarts_the_machine_and_runs_start_again(world):
    lone(world, config_changed='echo gone > /run/gone; test -e /root/once || { touch /root/once; juju-reboot; }')
    world.settle()
    assert world.hooks('lone/0').count('config-changed') == 1
    assert world.hooks('lone/0').count('start') >= 1
    assert not (Machines(world.directory, world.store).root('0') / 'run/gone').exists()


def test_reboot_now_kills_the_hook_and_runs_it_again(world):
    lone(world, install='test -e /root/once || { touch /root/once; juju-reboot --now; sleep 1000; }; touch /root/done')
    assert not world.settle().errors
    assert world.file('lone/0', '/root/done') == ''


def test_an_action_reports_output_results_and_code(world):
    charm = world.charm('doer', {
        'actions/do': 'echo some words; echo some warning >&2; action-set outcome.kind=fine; exit ${1:-0}',
        'actions/break': 'action-set half=done; exit 7',
    })  # fmt: skip
    world.deploy(charm, units=1)
    done, broken = queue_later(world, 'doer/0', 'do', 'break')
    actions = world.database.read().actions
    assert actions[done].status == 'completed'
    assert actions[done].results['stdout'] == 'some words\n'
    assert actions[done].results['stderr'] == 'some warning\n'
    assert actions[done].results['return-code'] == 0
    assert actions[done].results['outcome'] == {'kind': 'fine'}
    assert (actions[broken].status, actions[broken].message) == ('failed', 'exit status 7')
    assert actions[broken].results['return-code'] == 7


def queue_later(world, unit, *names):
    world.settle()
    tasks = [queue(world, unit, action=name) for name in names]
    world.settle()
    return tasks


def test_a_command_runs_in_a_hook_context_and_is_kept_whatever_its_code(world):
    lone(world)
    world.settle()
    task = queue(world, 'lone/0', command='open-port 30510/tcp; echo $HOME; exit 3')
    world.settle()
    action = world.database.read().actions[task]
    assert (action.status, action.results['return-code'], action.results['stdout']) == ('completed', 3, '/root\n')
    assert [port.from_port for port in world.unit('lone/0').ports] == [30510]


def test_juju_run_inside_a_machine_runs_in_the_units_turn(world):
    lone(world, start="(unset JUJU_CONTEXT_ID; juju-run lone/0 'status-set active by-juju-run; echo said; exit 4'"
         f' > /root/said 2>&1 || echo $? > /root/code) & disown; {HELD}')  # fmt: skip

    def heard():
        with closing(Database(world.directory)) as database:
            until(lambda: database.read().actions)
        let_go(world)

    with ThreadPoolExecutor() as beside:
        both = beside.submit(heard)
        world.settle()
        both.result()
    until(lambda: (Machines(world.directory, world.store).root('0') / 'root/code').exists())
    assert world.file('lone/0', '/root/said') == 'said\n'
    assert world.file('lone/0', '/root/code') == '4\n'
    assert world.unit('lone/0').workload.message == 'by-juju-run'


def test_a_tool_outside_a_hook_is_refused(world):
    lone(world)
    world.settle()
    machines = Machines(world.directory, world.store)
    tool = '/var/lib/juju/tools/unit-lone-0/config-get'
    outside = machines.run('0', [tool])
    assert (outside.returncode, outside.stderr) == (1, b'ERROR JUJU_CONTEXT_ID not set\n')
    stale = {'JUJU_CONTEXT_ID': 'lone/0-install-1', 'JUJU_AGENT_SOCKET_ADDRESS': '/run/juju-local/agent.sock'}
    assert machines.run('0', [tool], env=stale).returncode == 1


def test_a_context_id_of_another_time_is_a_bad_request(world):
    lone(world, install='JUJU_CONTEXT_ID=lone/0-install-1 config-get > /root/said 2>&1 || echo $? >> /root/said')
    world.settle()
    said = world.file('lone/0', '/root/said')
    assert said.startswith('ERROR bad request: expected context id "lone/0-install-')
    assert said.endswith('\n1\n')


def test_tools_read_and_write_files_of_their_own_folder(world):
    script = (
        'cd /tmp; printf "a: one\\nb: two\\n" > in.yaml; relation-set --file in.yaml; relation-set --file - < in.yaml;'
    )
    script += 'config-get --format json -o out.json; cp out.json /root/out.json'
    world.deploy(world.charm('filer', {'club-relation-created': script}, peers={'club': {'interface': 'club'}},
                             config={'colour': {'type': 'string', 'default': 'blue'}}), units=1)  # fmt: skip
    assert not world.settle().errors
    bags = world.database.read().bags
    assert any({'a': 'one', 'b': 'two'}.items() <= bag.data.items() for bag in bags.values())
    assert json.loads(world.file('filer/0', '/root/out.json')) == {'colour': 'blue'}


def test_a_tool_whose_file_is_missing_says_so(world):
    lone(world, install='relation-set --file /nowhere 2> /root/said || true')
    world.settle()
    assert world.file('lone/0', '/root/said') == 'ERROR /nowhere: No such file or directory\n'


def test_an_upgrade_replaces_files_removes_old_ones_and_keeps_what_hooks_wrote(world):
    old = world.charm('lone', {'install': 'echo written > .unit-state.db', 'old-hook': ''})
    world.deploy(old, units=1)
    world.settle()
    new = world.charm('lone', {'upgrade-charm': 'cp .unit-state.db /root/state', 'new-hook': ''})
    with world.database.transaction() as model:
        url = world.add_charm(model, new)
        _plan.upgrade_charm(model, 'lone', url, time.time())
    world.settle()
    charm = Machines(world.directory, world.store).root('0') / 'var/lib/juju/agents/unit-lone-0/charm'
    assert (charm / 'hooks/new-hook').exists()
    assert not (charm / 'hooks/old-hook').exists()
    assert not (charm / 'hooks/install').exists()
    assert world.file('lone/0', '/root/state') == 'written\n'
    assert world.hooks('lone/0')[-2:] == ['upgrade-charm', 'config-changed']


def test_a_resource_is_where_resource_get_says_and_a_newer_one_replaces_it(world, tmp_path):
    from juju_local._state import Resource

    script = 'cat "$(resource-get tool)" >> /root/tool'
    charm = world.charm('holder', {'install': script, 'upgrade-charm': script},
                        resources={'tool': {'type': 'file', 'filename': 'tool.sh'}})  # fmt: skip
    files = {}
    for revision, text in ((1, 'one\n'), (2, 'two\n')):
        path = world.directory / f'resources/holder/tool-{revision}/file'
        path.parent.mkdir(parents=True)
        path.write_text(text)
        files[revision] = Resource(str(path.relative_to(world.directory)), revision, len(text), '')
    with world.database.transaction() as model:
        url = world.add_charm(model, charm)
        _plan.deploy(model, 'holder', url, time.time(), resources={'tool': files[1]})
    world.settle()
    with world.database.transaction() as model:
        _plan.attach_resource(model, 'holder', 'tool', files[2])
    world.settle()
    assert world.file('holder/0', '/root/tool') == 'one\ntwo\n'


def test_a_removed_unit_takes_its_machine_with_it(world):
    lone(world, units=2)
    world.settle()
    with world.database.transaction() as model:
        _plan.remove_unit(model, 'lone/0', time.time())
    world.settle()
    model = world.database.read()
    assert list(model.units) == ['lone/1']
    assert list(model.machines) == ['1']
    assert not (world.directory / 'machines/0').exists()
    assert world.hooks('lone/0')[-2:] == ['stop', 'remove']
    assert 'juju-' not in ''.join(
        line for line in world.file('lone/1', '/etc/hosts').splitlines() if '10.87.0.10' in line
    )


def test_units_that_wait_are_sent_update_status_until_they_are_active(world):
    script = 'echo x >> /root/ticks; test $(wc -l < /root/ticks) -lt 2 || status-set active ready'
    lone(world, start='status-set waiting "for something"', update_status=script)
    settled = world.settle(settle_limit_s=120)
    assert settled.waiting == {}
    assert world.unit('lone/0').workload.message == 'ready'


def test_what_still_waits_at_the_limit_is_told(world):
    lone(world, start='status-set waiting "for godot"')
    assert world.settle(settle_limit_s=1).waiting == {'lone/0': 'for godot'}


def test_hooks_of_units_run_side_by_side_but_one_at_a_time_on_a_machine(world):
    wait = 'for i in $(seq 300); do test ! -e /root/go || exit 0; sleep 0.1; done; rm /root/begun; exit 1'
    lone(world, units=2, install=f'touch /root/begun; {wait}')
    machines = Machines(world.directory, world.store)

    def begun(machine):
        return machines.is_running(machine) and (machines.root(machine) / 'root/begun').exists()

    def let_go():
        until(lambda: begun('0') and begun('1'))
        for machine in '01':
            (machines.root(machine) / 'root/go').touch()

    with ThreadPoolExecutor() as beside:
        both = beside.submit(let_go)
        assert not world.settle(cores=2).errors
        both.result()


def test_with_a_seed_the_order_is_the_same_each_time(make_world):
    orders = []
    for _ in range(2):
        world = make_world(seed=7)
        charm = {'club-relation-changed': 'sleep 0.0$((RANDOM % 5))', 'install': 'sleep 0.0$((RANDOM % 5))'}
        world.deploy(world.charm('greeter', charm, peers={'club': {'interface': 'club'}}), units=3)
        world.settle(seed=7, cores=2)
        orders.append([(run.unit, run.name) for _, run in world.database.runs()])
    assert orders[0] == orders[1]


def test_a_hook_that_leaves_a_daemon_behind_ends_all_the_same(world):
    lone(world, install='sleep 1000 & disown; echo done')
    began = time.monotonic()
    world.settle()
    assert time.monotonic() - began < 500
    assert levels(world, 'unit.lone/0.install') == [('DEBUG', 'done')]


def test_until_ends_the_work_when_it_is_enough(world):
    lone(world, start='status-set active; sleep 0.1', update_status='true')
    world.engine().settle(until=lambda model: bool(model.units['lone/0'].agent.installed))
    assert 'start' not in world.hooks('lone/0')


def test_a_folder_copied_while_nothing_ran_in_it_is_a_model(greeters, tmp_path):
    greeters.settle()
    Machines(greeters.directory, greeters.store).halt()
    copy = tmp_path / 'copy'
    subprocess.run(['cp', '-a', str(greeters.directory), str(copy)], check=True)
    world = dataclasses.replace(greeters, directory=copy, database=Database(copy))
    try:
        assert not world.settle().errors
        assert world.file('greeter/0', '/root/greetings')
        assert not Machines(greeters.directory, greeters.store).is_running('0')
    finally:
        world.database.close()
        Machines(copy, greeters.store).destroy()


def test_the_core_agrees_that_nothing_is_left(greeters):
    greeters.settle()
    model = greeters.database.read()
    assert [_resolver.next_operation(model, name, time.time()) for name in model.units] == [None, None]
    assert _charm.load(greeters.directory / model.charms['local:jammy/greeter-0'].directory).name == 'greeter'
