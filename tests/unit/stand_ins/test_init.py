"""What services, and who starts them, see of init."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

ENABLED = '[Install]\nWantedBy=multi-user.target'


def main_pid(machine, unit: str) -> int:
    return int(machine.ok('systemctl', 'show', '-p', 'MainPID', '--value', unit))


def test_a_service_is_started_and_stopped_with_all_its_processes(machine):
    machine.unit('a.service', 'ExecStart=/bin/sh -c "sleep 1000 & setsid sleep 1000 & echo up; wait"')
    machine.ok('systemctl', 'start', 'a')
    machine.printed('a.service', 'up')
    pid = main_pid(machine, 'a')
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    assert len(children) == 2
    machine.ok('systemctl', 'stop', 'a')
    assert machine.state('a') == 'inactive'
    assert not [each for each in (str(pid), *children) if Path(f'/proc/{each}').exists()]


def test_enabled_units_start_at_boot_and_others_do_not(bare):
    bare.boot()
    bare.unit('a.service', 'ExecStart=/bin/sleep 1000', ENABLED)
    bare.unit('b.service', 'ExecStart=/bin/sleep 1000', ENABLED)
    bare.ok('systemctl', 'enable', 'a')
    assert bare.run('systemctl', 'is-enabled', 'b').stdout == 'disabled\n'
    bare.halt()
    bare.boot()
    try:
        bare.until('a', 'active')
        assert bare.state('b') == 'inactive'
    finally:
        bare.halt()


def test_fm_46_a_crashing_service_hits_the_start_limit_and_stays_down(machine):
    machine.unit('a.service', 'ExecStart=/bin/false\nRestart=always\nRestartSec=0')
    machine.ok('systemctl', 'start', 'a')
    machine.until('a', 'failed')
    assert machine.ok('systemctl', 'show', 'a', '-p', 'Result,NRestarts').splitlines()[0] == 'Result=start-limit-hit'
    done = machine.run('systemctl', 'start', 'a')
    assert (done.returncode, 'start of the service was attempted too often' in done.stderr) == (1, True)


@pytest.mark.parametrize(
    'limits',
    ['[Unit]\nStartLimitIntervalSec=0', '[Unit]\nStartLimitInterval=0', '[Service]\nStartLimitInterval=0'],
    ids=['230', 'before 230', 'service section'],
)
def test_fm_46_without_a_limit_it_comes_back_until_the_cause_is_gone(machine, limits):
    machine.unit('a.service', f'ExecStart=/bin/sh -c "test -e {machine.root}/cause-gone && sleep 1000"\nRestart=always')
    machine.write('/etc/systemd/system/a.service.d/always.conf', f'{limits}\n[Service]\nRestartSec=20ms\n')
    machine.ok('systemctl', 'start', 'a')
    end = time.monotonic() + 60
    while int(machine.ok('systemctl', 'show', '-p', 'NRestarts', '--value', 'a')) < 8:
        assert time.monotonic() < end
    machine.write('/cause-gone', '')

    def restarts() -> str:
        return machine.ok('systemctl', 'show', '-p', 'NRestarts', '--value', 'a')

    def stays() -> bool:  # one that is about to end may be seen while it is active
        before = restarts()
        time.sleep(0.2)
        return machine.state('a') == 'active' and restarts() == before

    while not stays():
        assert time.monotonic() < end


def test_a_restart_condition_of_on_failure_leaves_a_clean_exit_alone(machine):
    machine.unit('clean.service', 'ExecStart=/bin/true\nRestart=on-failure\nRestartSec=0')
    machine.unit('killed.service', 'ExecStart=/bin/sleep 1000\nRestart=on-failure\nRestartSec=0')
    machine.ok('systemctl', 'start', 'clean', 'killed')
    machine.until('clean', 'inactive')
    before = main_pid(machine, 'killed')
    os.kill(before, 9)
    machine.until('killed', 'active')
    end = time.monotonic() + 60
    while main_pid(machine, 'killed') in (0, before):
        assert time.monotonic() < end


@pytest.mark.parametrize(
    ('service', 'state', 'code'),
    [
        ('Type=oneshot\nExecStart=/bin/true', 'inactive', 0),
        ('Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true', 'active', 0),
        ('Type=oneshot\nExecStart=/bin/false', 'failed', 1),
        ('Type=oneshot\nExecStart=-/bin/false', 'inactive', 0),
        ('ExecStartPre=/bin/false\nExecStart=/bin/sleep 1000', 'failed', 1),
        ('ExecStartPre=-/bin/false\nExecStart=/bin/sleep 1000', 'active', 0),
        ('ExecStart=/bin/sleep 1000\nExecStartPost=/bin/false', 'failed', 1),
        ('Type=forking\nExecStart=/bin/sh -c "sleep 1000 &"', 'active', 0),
        ('Type=forking\nExecStart=/bin/false', 'failed', 1),
        ('ExecStart=/does/not/exist', 'failed', 0),
        ('Type=notify\nExecStart=/bin/true', 'failed', 1),
        ('User=nobody-such\nExecStart=/bin/sleep 1000', 'failed', 0),
        ('Type=oneshot\nTimeoutStartSec=100ms\nExecStart=/bin/sleep 1000', 'failed', 1),
        ('EnvironmentFile=/none\nExecStart=/bin/sleep 1000', 'failed', 1),
        ('EnvironmentFile=-/none\nExecStart=/bin/sleep 1000', 'active', 0),
        ('ExecStart=/bin/sleep 1\nExecStart=/bin/sleep 2', 'inactive', 1),
        ('Type=oneshot\nSuccessExitStatus=3\nExecStart=/bin/sh -c "exit 3"', 'inactive', 0),
    ],
)
def test_each_type_of_service_ends_in_systemds_state(machine, service, state, code):
    machine.unit('a.service', service)
    assert machine.run('systemctl', 'start', 'a').returncode == code
    machine.until('a', state)


def test_commands_get_variables_words_and_specifiers_as_systemd_gives_them(machine):
    machine.write('/etc/default/a', '# comment\nOPTIONS=--one "--two=2"\nQUOTED="a b"\n')
    machine.unit(
        'a@.service',
        'Type=oneshot\nEnvironment="X=x y" Y=z\nEnvironmentFile=/etc/default/a\n'
        'ExecStart=/bin/echo %i $OPTIONS ${QUOTED} "${X}" $Y \\\n   end $$HOME',
    )
    machine.ok('systemctl', 'start', 'a@one')
    machine.printed('a@one.service', 'one --one "--two=2" a b x y z end $HOME')


def test_a_unit_that_changed_on_disk_is_taken_up_at_daemon_reload(machine):
    machine.unit('a.service', 'ExecStart=/bin/sh -c "echo first; sleep 1000"')
    machine.ok('systemctl', 'start', 'a')
    machine.printed('a', 'first')
    machine.unit('a.service', 'ExecStart=/bin/sh -c "echo second; sleep 1000"')
    done = machine.run('systemctl', 'restart', 'a')
    assert "Run 'systemctl daemon-reload' to reload units" in done.stderr
    assert 'second' not in machine.ok('journalctl', '-u', 'a', '-o', 'cat').splitlines()
    machine.ok('systemctl', 'daemon-reload')
    machine.ok('systemctl', 'restart', 'a')
    machine.printed('a', 'second')


def test_units_come_after_what_they_require_and_not_at_all_if_that_fails(machine):
    machine.unit('first.service', 'Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 0.2')
    machine.unit('second.service', 'ExecStart=/bin/sleep 1000', 'Requires=first.service\nAfter=first.service')
    machine.ok('systemctl', 'start', 'second')
    assert (machine.state('first'), machine.state('second')) == ('active', 'active')
    machine.ok('systemctl', 'stop', 'first')
    assert machine.state('second') == 'inactive'
    machine.unit('first.service', 'Type=oneshot\nExecStart=/bin/false')
    machine.ok('systemctl', 'daemon-reload')
    done = machine.run('systemctl', 'start', 'second')
    assert (done.returncode, 'dependency job for second.service failed' in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ('arguments', 'code', 'text'),
    [
        (['start', 'none'], 5, 'Failed to start none.service: Unit none.service not found.'),
        (['stop', 'none'], 5, 'Failed to stop none.service: Unit none.service not loaded.'),
        (['restart', 'none'], 5, 'Failed to restart none.service: Unit none.service not found.'),
        (['enable', 'none'], 1, 'Failed to enable unit: Unit file none.service does not exist.'),
        (['is-enabled', 'none'], 1, 'Failed to get unit file state for none.service: No such file or directory'),
        (['is-active', 'none'], 3, ''),
        (['is-failed', 'none'], 1, ''),
        (['status', 'none'], 4, 'Unit none.service could not be found.'),
        (['cat', 'none'], 1, 'No files found for none.service.'),
        (['show', 'none'], 0, ''),
        (['frobnicate'], 1, 'Unknown command verb frobnicate.'),
        (['start', 'masked'], 1, 'Failed to start masked.service: Unit masked.service is masked.'),
        (['reload', 'up'], 1, 'Job type reload is not applicable for unit up.service'),
    ],
    ids=lambda value: ' '.join(value) if isinstance(value, list) else None,
)
def test_systemctl_answers_with_systemds_words_and_codes(machine, arguments, code, text):
    machine.unit('up.service', 'ExecStart=/bin/sleep 1000')
    machine.ok('systemctl', 'start', 'up')
    machine.ok('systemctl', 'mask', 'masked')
    done = machine.run('systemctl', *arguments)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr


def test_several_units_are_asked_about_at_once(machine):
    machine.unit('up.service', 'ExecStart=/bin/sleep 1000')
    machine.ok('systemctl', 'start', 'up')
    done = machine.run('systemctl', 'is-active', 'none', 'up')
    assert (done.returncode, done.stdout) == (0, 'inactive\nactive\n')
    assert machine.run('service', 'up', 'status').returncode == 0
    machine.ok('service', 'up', 'stop')
    assert machine.run('service', 'up', 'status').returncode == 3


def test_a_stuck_service_is_killed_after_its_time(machine):
    machine.unit(
        'a.service', 'ExecStart=/bin/sh -c "trap : TERM; echo up; while :; do sleep 0.1; done"\nTimeoutStopSec=300ms'
    )
    machine.ok('systemctl', 'start', 'a')
    machine.printed('a', 'up')
    machine.ok('systemctl', 'stop', 'a')
    assert machine.state('a') == 'failed'  # Result=timeout, as systemd has it
    assert "State 'stop-sigterm' timed out. Killing." in machine.ok('journalctl', '-u', 'a')


def test_init_survives_nonsense_on_its_socket_and_reaps_orphans(machine):
    import socket

    for text in (b'nonsense\n', b'{}\n', b'{"verb": "fly"}\n', b'{"verb": "start"'):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(machine.root / 'run/stand-in/init.sock'))
            connection.sendall(text)
    machine.unit('a.service', 'KillMode=process\nExecStart=/bin/sh -c "(sleep 0.2 &) ; sleep 0.1"')
    machine.ok('systemctl', 'start', 'a')
    machine.until('a', 'inactive')
    assert machine.init is not None
    children = Path(f'/proc/{machine.init.pid}/task/{machine.init.pid}/children')
    end = time.monotonic() + 60
    while left := children.read_text().split():
        assert time.monotonic() < end, f'not reaped: {left}'
        time.sleep(0.05)


def test_a_fail_rule_may_kill_delay_or_talk(bare):
    bare.fail('lspci', match='-nn', signal=9)
    assert bare.run('lspci', '-nn').returncode == -9
    assert bare.run('lspci', '-nn').returncode == 0
    bare.fail('lspci', match='', delay_s=0.3, stdout='odd', times=-1)
    before = time.monotonic()
    assert bare.ok('lspci').startswith('odd\n')
    assert bare.ok('lspci').startswith('odd\n')
    assert time.monotonic() - before > 0.6


SERVER = """\
import os, socket, sys
assert os.environ['LISTEN_PID'] == str(os.getpid())
for number in range(int(os.environ['LISTEN_FDS'])):
    listener = socket.socket(fileno=3 + number)
connection, _ = listener.accept()
connection.sendall(f"{os.environ['LISTEN_FDNAMES']} {os.getpid()}".encode())
connection.close()
"""


def asked(machine, path: str) -> str:
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        folder = os.open(machine.root / 'run', os.O_PATH)  # the path itself is longer than a socket's may be
        connection.connect(f'/proc/self/fd/{folder}/{path}')
        os.close(folder)
        connection.settimeout(60)
        return connection.recv(100).decode()


def socket_unit(machine, service: str) -> None:
    machine.write('/server.py', SERVER)
    machine.write('/etc/systemd/system/a.socket', '[Socket]\nListenStream=/run/a.sock\nSocketMode=0660\n')
    machine.unit('a.service', service, '[Unit]\nRequires=a.socket\nAfter=a.socket')


def test_a_service_gets_the_sockets_of_its_socket_unit(machine):
    socket_unit(machine, f'ExecStart=/usr/bin/python3 {machine.root}/server.py')
    machine.ok('systemctl', 'start', 'a')
    assert machine.state('a.socket') == 'active'
    assert (machine.root / 'run/a.sock').stat().st_mode & 0o777 == 0o660
    pid = main_pid(machine, 'a')
    assert asked(machine, 'a.sock') == f'a.socket {pid}'


def test_a_client_at_a_socket_starts_the_service(machine):
    socket_unit(machine, f'ExecStart=/usr/bin/python3 {machine.root}/server.py')
    machine.ok('systemctl', 'start', 'a.socket')
    assert machine.state('a') == 'inactive'
    first = asked(machine, 'a.sock')
    assert first.startswith('a.socket ')
    machine.until('a', 'inactive')
    assert asked(machine, 'a.sock') not in ('', first)
    machine.ok('systemctl', 'stop', 'a.socket')
    with pytest.raises(ConnectionRefusedError):
        asked(machine, 'a.sock')


def test_a_socket_whose_service_cannot_run_closes_after_some_tries(machine):
    socket_unit(machine, 'ExecStart=/bin/false')
    machine.ok('systemctl', 'start', 'a.socket')
    import contextlib

    with contextlib.suppress(ConnectionResetError):  # nobody ever took the connection
        assert asked(machine, 'a.sock') == ''
    machine.until('a.socket', 'failed')
    assert 'service-start-limit-hit' in machine.ok('systemctl', 'show', '-p', 'Result', 'a.socket')


def test_lines_in_the_journal_are_of_the_program_that_wrote_them(machine):
    around = 'ExecStartPre=/bin/echo before\nExecStartPost=/bin/echo after'
    machine.unit('a.service', f'{around}\nExecStart=/bin/sh -c "sleep 0.5; echo here; sleep 1000"')
    machine.ok('systemctl', 'start', 'a')
    machine.printed('a.service', 'here')
    said = machine.ok('journalctl', '-u', 'a')
    assert f' sh[{main_pid(machine, "a")}]: here' in said
    assert [line.partition(' echo[')[2].partition(': ')[2] for line in said.splitlines() if ' echo[' in line] == [
        'before',
        'after',
    ]
