"""What charms, and people, see of snapd."""

from __future__ import annotations

import json
import subprocess

import pytest

OPTIONS = {
    'v': {'type': 'string'},
    'allow-privileged': {'type': 'bool', 'always': True, 'last': '1.11'},
    'profiling': {'type': 'bool'},
    'network-plugin': {'type': 'string', 'last': '1.11'},
}
PRINT_ARGUMENTS = '#!/bin/sh\necho "$SNAP_VERSION $SNAP_REVISION: $@"\nexec sleep 1000\n'


@pytest.fixture
def seller(machine):
    machine.sell('kubelet', PRINT_ARGUMENTS, confinement='classic', options=OPTIONS)
    machine.sell('plain')
    return machine


@pytest.fixture
def seller_without_init(bare):
    bare.sell('kubelet', PRINT_ARGUMENTS, confinement='classic', options=OPTIONS)
    bare.sell('plain')
    return bare


def test_an_installed_snap_runs_its_daemon_and_offers_its_command(seller):
    said = seller.ok('snap', 'install', '--channel=1.12/stable', '--classic', 'kubelet')
    assert said == 'kubelet (1.12/stable) 1.12.10 from Canonical✓ installed\n'
    assert seller.state('snap.kubelet.daemon') == 'active'
    assert (seller.root / 'snap/kubelet/current').readlink().name == '11210'
    assert (seller.root / 'var/snap/kubelet/current').readlink().name == '11210'
    rows = [line.split() for line in seller.ok('snap', 'list').splitlines()]
    assert rows == [
        ['Name', 'Version', 'Rev', 'Tracking', 'Publisher', 'Notes'],
        ['kubelet', '1.12.10', '11210', '1.12/stable', 'canonical**', 'classic'],
    ]


def test_snap_set_becomes_the_daemons_command_line_at_its_next_start(seller):
    seller.ok('snap', 'install', '--channel=1.12', '--classic', 'kubelet')
    seller.printed('snap.kubelet.daemon', '1.12.10 11210:')  # it has read its arguments by now: none
    seller.ok(
        'snap', 'set', 'kubelet', 'v=0', 'profiling=false', 'allow-privileged=true', 'unknown=x', 'network-plugin=cni'
    )
    assert seller.read('/var/snap/kubelet/current/args') == '--allow-privileged\n--profiling=false\n--v="0"\n'
    assert '--v' not in seller.ok('journalctl', '-u', 'snap.kubelet.daemon', '-o', 'cat')
    seller.ok('systemctl', 'restart', 'snap.kubelet.daemon')
    seller.printed('snap.kubelet.daemon', '1.12.10 11210: --allow-privileged --profiling=false --v=0')


def test_a_version_that_knows_an_option_gets_it(seller_without_init):
    machine = seller_without_init
    machine.ok('snap', 'install', '--channel=1.11', '--classic', 'kubelet')
    machine.ok('snap', 'set', 'kubelet', 'network-plugin=cni')
    assert machine.read('/var/snap/kubelet/current/args') == '--network-plugin="cni"\n'
    machine.ok('snap', 'refresh', '--channel=1.12', 'kubelet')
    assert machine.read('/var/snap/kubelet/current/args') == ''


def test_a_bad_boolean_fails_the_configure_hook_and_changes_nothing(seller_without_init):
    machine = seller_without_init
    machine.ok('snap', 'install', '--classic', 'kubelet')
    machine.ok('snap', 'set', 'kubelet', 'v=1')
    done = machine.run('snap', 'set', 'kubelet', 'v=2', 'profiling=maybe')
    assert done.returncode == 1
    assert 'Run configure hook of "kubelet" snap (run hook "configure"' in done.stderr
    assert machine.ok('snap', 'get', 'kubelet', 'v') == '1\n'
    assert machine.read('/var/snap/kubelet/current/args') == '--v="1"\n'


@pytest.mark.parametrize(
    ('words', 'printed'),
    [
        (['a=1'], {'a': 1}),
        (['a=true'], {'a': True}),
        (['a=text'], {'a': 'text'}),
        (['a="1"'], {'a': '1'}),
        (['a.b=1', 'a.c=x'], {'a': {'b': 1, 'c': 'x'}}),
        (['a=1', 'b=2', 'a=null'], {'b': 2}),
        (['a=1', 'a!'], {}),
        (['a={"b": [1, 2]}'], {'a': {'b': [1, 2]}}),
        (['a=http://x/?y=z'], {'a': 'http://x/?y=z'}),
    ],
)
def test_values_are_json_where_they_read_as_such(seller_without_init, words, printed):
    machine = seller_without_init
    machine.ok('snap', 'install', 'plain')
    machine.ok('snap', 'set', 'plain', *words)
    assert json.loads(machine.ok('snap', 'get', '-d', 'plain')) == printed


@pytest.mark.parametrize(
    ('arguments', 'code', 'text'),
    [
        (['install', 'nothing'], 1, 'error: snap "nothing" not found'),
        (['install', 'kubelet'], 1, 'published using classic confinement'),
        (['install', '--channel=9.99/stable', 'plain'], 1, 'error: snap "plain" is not available on 9.99/stable'),
        (['install', '--channel=1.12/wild', 'plain'], 1, 'error: invalid risk in channel name: 1.12/wild'),
        (['set', 'plain', 'a=b'], 1, 'error: snap "plain" is not installed'),
        (['get', 'plain', 'a'], 1, 'error: snap "plain" is not installed'),
        (['get', 'core', 'refresh.timer'], 1, 'error: snap "core" has no "refresh.timer" configuration option'),
        (['set', 'core', 'refresh.timer=None'], 1, '"None" is not a valid weekday'),
        (['set', 'core', 'nonsense=1'], 1, 'unsupported system option'),
        (['set', 'core', 'refresh.timer'], 1, 'error: invalid configuration: "refresh.timer" (want key=value)'),
        (['set', 'core', 'Bad=1'], 1, 'error: invalid option name: "Bad"'),
        (['restart', 'plain'], 1, 'error: snap "plain" not found'),
        (['list', 'plain'], 1, 'error: no matching snaps installed'),
        (['info', 'nothing'], 1, 'error: no valid snaps given'),
        (['install', './nothing.snap'], 1, 'error: cannot open "./nothing.snap": No such file or directory'),
        (['frobnicate'], 64, 'error: unknown command "frobnicate"'),
        (['remove', 'plain'], 0, 'snap "plain" is not installed'),
    ],
    ids=lambda value: ' '.join(value) if isinstance(value, list) else None,
)
def test_what_snapd_refuses_is_refused_with_its_words(seller_without_init, arguments, code, text):
    done = seller_without_init.run('snap', *arguments)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize('timer', ['', 'fri5,23:00', 'thu2', 'mon-wed,9:00-12:00/2', '00:00~24:00/4', 'tue'])
def test_fm_56_snapds_timers_are_accepted(bare, timer):
    bare.ok('snap', 'set', 'core', f'refresh.timer={timer}')
    assert bare.ok('snap', 'get', 'system', 'refresh.timer') == f'{timer}\n'


@pytest.mark.parametrize('timer', ['None', 'max', 'fri9', '25:00', 'fri;sat'])
def test_fm_56_what_is_no_timer_is_refused(bare, timer):
    assert bare.run('snap', 'set', 'core', f'refresh.timer={timer}').returncode == 1


def test_fm_55_the_store_may_refresh_a_snap_by_itself_and_the_daemon_runs_the_new_version(seller):
    seller.ok('snap', 'install', '--channel=1.12', '--classic', 'kubelet')
    seller.write('/var/lib/stand-in/snap-store.json', json.dumps({'kubelet': {'1.12': '1.12.11'}}))
    assert '11211' in seller.ok('snap', 'refresh', '--list')
    assert 'kubelet (1.12/stable) 1.12.11 from Canonical✓ refreshed' in seller.ok('snap', 'refresh')
    seller.printed('snap.kubelet.daemon', '1.12.11 11211: ')
    assert seller.run('snap', 'refresh').stderr == 'All snaps up to date.\n'
    assert seller.ok('snap', 'revert', 'kubelet') == 'kubelet reverted to 1.12.10\n'
    assert seller.state('snap.kubelet.daemon') == 'active'


def test_fm_55_a_busy_snapd_says_so_once_and_then_does_the_work(seller_without_init):
    machine = seller_without_init
    busy = 'error: snap "plain" has "auto-refresh" change in progress'
    machine.fail('snap', match='install plain', code=10, stderr=busy)
    done = machine.run('snap', 'install', 'plain')
    assert (done.returncode, done.stderr) == (10, f'{busy}\n')
    assert 'installed' in machine.ok('snap', 'install', 'plain')


def test_fm_57_a_file_is_installed_and_going_back_to_the_store_needs_amend(seller_without_init):
    machine = seller_without_init
    file = machine.write('/tmp/kubelet.snap', '#stand-in-snap kubelet 1.12.99\nwhatever\n')
    assert 'cannot find signatures' in machine.run('snap', 'install', '--classic', str(file)).stderr
    assert machine.ok('snap', 'install', '--classic', '--dangerous', str(file)) == 'kubelet 1.12.99 installed\n'
    assert machine.ok('snap', 'list').splitlines()[1].split() == ['kubelet', '1.12.99', 'x1', '-', '-', 'classic']
    assert 'use --amend to proceed anyway' in machine.run('snap', 'refresh', '--channel=1.12', 'kubelet').stderr
    machine.ok('snap', 'refresh', '--amend', '--classic', '--channel=1.12', 'kubelet')
    assert machine.ok('snap', 'list').splitlines()[1].split()[:3] == ['kubelet', '1.12.10', '11210']
    machine.ok('snap', 'install', '--classic', '--dangerous', str(file))
    assert (machine.root / 'snap/kubelet/current').readlink().name == 'x2'


def test_fm_57_an_empty_file_is_no_snap(seller_without_init):
    file = seller_without_init.write('/tmp/kubelet.snap', '')
    done = seller_without_init.run('snap', 'install', '--dangerous', '--classic', str(file))
    assert (done.returncode, 'is not a snap or snapdir' in done.stderr) == (1, True)


def test_installing_twice_says_so_and_changes_nothing(seller_without_init):
    machine = seller_without_init
    machine.ok('snap', 'install', 'plain')
    done = machine.run('snap', 'install', 'plain')
    assert (done.returncode, done.stdout) == (0, '')
    assert done.stderr == 'snap "plain" is already installed, see \'snap help refresh\'\n'


def test_the_configuration_survives_a_refresh_and_goes_with_the_snap(seller):
    seller.ok('snap', 'install', '--channel=1.11', 'plain')
    seller.ok('snap', 'set', 'plain', 'a=b')
    seller.write('/var/snap/plain/current/data', 'kept')
    seller.ok('snap', 'refresh', '--channel=1.12/edge', 'plain')
    assert seller.ok('snap', 'get', 'plain', 'a') == 'b\n'
    assert seller.read('/var/snap/plain/current/data') == 'kept'
    seller.ok('snap', 'remove', 'plain')
    assert not (seller.root / 'var/snap/plain').exists()
    assert seller.state('snap.plain.daemon') == 'inactive'
    seller.ok('snap', 'install', 'plain')
    assert seller.run('snap', 'get', 'plain', 'a').returncode == 1


def test_services_are_stopped_disabled_and_shown(seller):
    seller.ok('snap', 'install', 'plain')
    assert seller.ok('snap', 'stop', '--disable', 'plain.daemon') == 'Stopped.\n'
    assert seller.ok('snap', 'services', 'plain').splitlines()[1].split() == [
        'plain.daemon',
        'disabled',
        'inactive',
        '-',
    ]
    assert seller.ok('snap', 'start', '--enable', 'plain') == 'Started.\n'
    assert seller.ok('snap', 'services').splitlines()[1].split() == ['plain.daemon', 'enabled', 'active', '-']


def test_an_app_runs_with_the_snaps_environment(seller_without_init):
    machine = seller_without_init
    machine.sell(
        'tool', '#!/bin/sh\necho "$SNAP_NAME $SNAP_VERSION $SNAP_DATA $@"\n', apps={'tool': {'command': 'run'}}
    )
    machine.ok('snap', 'install', 'tool')
    expected = f'tool 1.12.10 {machine.root}/var/snap/tool/11210 a b\n'
    script = machine.root / 'snap/bin/tool'
    assert subprocess.run([script, 'a', 'b'], capture_output=True, text=True, check=True).stdout == expected
    assert machine.ok('snap', 'run', 'tool', 'a', 'b') == expected
    assert machine.run('snap', 'run', 'tool.none').returncode == 46


def test_a_snaps_own_configure_program_may_refuse(seller_without_init):
    machine = seller_without_init
    hook = '#!/bin/sh\n[ "$(snapctl get port)" != 0 ] || { echo "port 0"; exit 1; }\n'
    machine.sell('tool', hook, apps={}, configure='run')
    machine.ok('snap', 'install', 'tool')
    machine.ok('snap', 'set', 'tool', 'port=1')
    done = machine.run('snap', 'set', 'tool', 'port=0')
    assert (done.returncode, '(run hook "configure": port 0)' in done.stderr) == (1, True)
