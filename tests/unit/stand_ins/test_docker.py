"""What charms see of docker: a daemon that reads its settings, and logins."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess

import pytest
from juju_local.stand_ins.lib.stand_in import docker_config

DROP_IN = '/etc/systemd/system/docker.service.d/test.conf'


@pytest.fixture
def docker(machine):
    machine.ok('apt-get', 'install', '-y', 'docker.io')
    return machine


def info(machine, key: str) -> str:
    return machine.ok('docker', 'info', '--format', f'{{{{json .{key}}}}}').strip()


def run_with(machine, options: str):
    machine.write(DROP_IN, f'[Service]\nRestartSec=0\nExecStart=\nExecStart=/usr/bin/dockerd -H fd:// {options}\n')
    machine.ok('systemctl', 'daemon-reload')
    return machine.run('systemctl', 'restart', 'docker')


def test_flags_and_file_together_are_in_force_after_a_restart(docker):
    docker.write('/etc/docker/daemon.json', json.dumps({'insecure-registries': ['a:5000'], 'log-driver': 'journald'}))
    assert info(docker, 'LoggingDriver') == '"json-file"'
    assert run_with(docker, '--exec-opt native.cgroupdriver=systemd').returncode == 0
    assert info(docker, 'LoggingDriver') == '"journald"'
    assert info(docker, 'CgroupDriver') == '"systemd"'
    assert json.loads(info(docker, 'RegistryConfig'))['InsecureRegistries'] == ['a:5000']


def test_a_bad_flag_keeps_the_daemon_down_until_it_is_gone(docker):
    assert 'Job for docker.service failed' in run_with(docker, '--nonsense').stderr
    docker.until('docker', 'failed')
    assert docker.run('docker', 'ps').stderr.startswith('Cannot connect to the Docker daemon')
    assert 'unknown flag: --nonsense' in docker.ok('journalctl', '-u', 'docker', '-o', 'cat')
    (docker.root / DROP_IN.lstrip('/')).unlink()
    docker.ok('systemctl', 'daemon-reload')
    docker.ok('systemctl', 'reset-failed', 'docker')
    docker.ok('systemctl', 'start', 'docker')
    docker.until('docker', 'active')


@pytest.mark.parametrize(
    ('arguments', 'text', 'reason'),
    [
        (['--nonsense'], '', 'unknown flag: --nonsense'),
        (['--log-driver'], '', 'flag needs an argument: --log-driver'),
        (['run'], '', 'accepts no arguments'),
        ([], '{', 'unable to configure the Docker daemon with file /etc/docker/daemon.json'),
        ([], '{"nonsense": 1}', "directives don't match any configuration option: nonsense"),
        (
            ['--log-driver=x'],
            '{"log-driver": "y"}',
            'specified both as a flag and in the configuration file: log-driver',
        ),
        (['--insecure-registry=x'], '{"insecure-registries": ["y"]}', 'specified both as a flag'),
        (['--default-runtime=nvidia'], '', 'specified default runtime'),
    ],
)
def test_what_dockerd_refuses(arguments, text, reason):
    with pytest.raises(docker_config.Invalid, match=reason):
        given = docker_config.flags(arguments)
        docker_config.effective(given, docker_config.file(text, given))


def test_fm_53_a_start_of_docker_drops_forwarding(docker):
    docker.ok('iptables', '-w', '-P', 'FORWARD', 'ACCEPT')
    assert '-P FORWARD ACCEPT' in docker.ok('iptables', '-S', 'FORWARD')
    docker.ok('systemctl', 'restart', 'docker')
    assert '-P FORWARD DROP' in docker.ok('iptables', '-S', 'FORWARD')


def test_fm_53_a_drop_in_that_runs_after_the_start_comes_after_what_the_start_does(docker):
    docker.write(DROP_IN, '[Service]\nExecStartPost=-/usr/sbin/iptables --wait 10 --policy FORWARD ACCEPT\n')
    docker.ok('systemctl', 'daemon-reload')
    docker.ok('systemctl', 'restart', 'docker')
    assert '-P FORWARD ACCEPT' in docker.ok('iptables', '-S', 'FORWARD')


def test_fm_53_a_held_lock_refuses_or_is_waited_for(bare):
    bare.ok('iptables', '-S')
    with (bare.root / 'run/xtables.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert bare.run('iptables', '-P', 'FORWARD', 'ACCEPT').returncode == 4
        assert bare.run('iptables', '-w', '1', '-P', 'FORWARD', 'ACCEPT').returncode == 4
    bare.ok('iptables', '-w', '1', '-P', 'FORWARD', 'ACCEPT')


def test_fm_49_a_login_is_kept_as_docker_keeps_it_and_goes_with_logout(docker):
    docker.ok('docker', 'login', '-u', 'me', '--password-stdin', 'my.registry', stdin='secret')
    place = docker.root / 'root/.docker/config.json'
    assert json.loads(place.read_text()) == {
        'auths': {'my.registry': {'auth': base64.b64encode(b'me:secret').decode()}}
    }
    assert place.stat().st_mode & 0o777 == 0o600
    assert docker.ok('docker', 'logout', 'my.registry') == 'Removing login credentials for my.registry\n'
    assert docker.ok('docker', 'logout', 'my.registry') == 'Not logged in to my.registry\n'
    assert 'secret' not in docker.read('/var/lib/stand-in/calls.log')


def test_fm_50_a_registry_may_refuse_or_be_down(docker):
    registries = {'my.registry': {'users': {'me': 'right'}}, 'gone.registry': {'down': True}}
    docker.write('/var/lib/stand-in/registries.json', json.dumps(registries))
    login = ['login', '-u', 'me', '--password-stdin']
    refused = docker.run('docker', *login, 'my.registry', stdin='wrong')
    assert (refused.returncode, 'unauthorized: incorrect username or password' in refused.stderr) == (1, True)
    assert 'no such host' in docker.run('docker', *login, 'gone.registry', stdin='x').stderr
    docker.ok('docker', *login, 'my.registry', stdin='right')


def test_fm_52_an_old_systemd_refuses_a_line_that_is_too_long(docker):
    docker.write('/var/lib/stand-in/init.json', '{"line_max": 2048}')
    docker.write(DROP_IN, f'[Service]\nEnvironment="NO_PROXY={"10.0.0.1," * 256}"\n')
    docker.ok('systemctl', 'daemon-reload')
    assert docker.run('systemctl', 'restart', 'docker').returncode == 1
    docker.write(DROP_IN, '[Service]\nEnvironment="NO_PROXY=10.0.0.1"\n')
    docker.ok('systemctl', 'daemon-reload')
    docker.ok('systemctl', 'restart', 'docker')
    assert info(docker, 'NoProxy') == '"10.0.0.1"'


def test_a_daemon_that_is_just_becoming_another_program_is_up(docker):
    docker.ok('systemctl', 'stop', 'docker', 'docker.socket')
    docker.write('/srv/dockerd-again', '#!/bin/sh\nexec "$0"\n', 0o755)
    again = subprocess.Popen([docker.root / 'srv/dockerd-again'])
    try:
        docker.write('/run/docker.pid', str(again.pid))
        for _ in range(30):
            docker.ok('docker', 'ps')
    finally:
        again.kill()
    os.waitid(os.P_PID, again.pid, os.WEXITED | os.WNOWAIT)
    assert 'Cannot connect' in docker.run('docker', 'ps').stderr  # killed, and not yet waited for
    again.wait()


def test_containers_and_images_are_kept_and_cleaned(docker):
    number = docker.ok('docker', 'run', '-d', '--name', 'one', 'busybox', 'sleep', '1').strip()
    assert docker.ok('docker', 'ps', '-q') == f'{number[:12]}\n'
    assert docker.run('docker', 'rm', 'one').returncode == 1
    assert docker.ok('docker', 'rm', '-f', 'one') == 'one\n'
    assert docker.ok('docker', 'ps', '-aq') == ''
    images = docker.ok('docker', 'images', '-q').split()
    docker.ok('docker', 'rmi', *images)
    assert docker.ok('docker', 'images', '-q') == ''


def test_docker_and_ctr_answer_only_while_their_daemons_run(docker):
    assert docker.ok('docker', 'ps', '-q') == ''
    docker.ok('systemctl', 'stop', 'docker')
    assert docker.run('docker', 'ps').returncode == 1
    docker.ok('ctr', 'version')
    docker.ok('systemctl', 'stop', 'containerd')
    assert docker.run('ctr', 'version').returncode == 1


def test_the_daemon_tells_its_flags(docker):
    usage = docker.ok('dockerd', '--help')
    assert '  -D, --debug\n' in usage and '      --insecure-registry string\n' in usage
