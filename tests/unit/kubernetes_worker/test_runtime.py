"""Which docker is brought about, against an apt with state: what it has, what it offers, what is held."""

import os
import pwd
import subprocess

import pytest
from charms.layer.kubernetes_common import files, records, services
from charms.layer.kubernetes_worker import apt, at_rest, runtime
from charms.layer.kubernetes_worker.docker import Host, Settings

HOST = Host('amd64', 'jammy', '22.04', nvidia=False)
OLD, NEW = '5:20.10.17~3-0~ubuntu-jammy', '5:20.10.21~3-0~ubuntu-jammy'


class Machine:
    """A stand-in for apt and what stands around docker; it notes the order of what is done."""

    def __init__(self):
        self.present = {}
        self.archive = {'docker-ce': NEW, 'docker.io': '20.10.21-0ubuntu1'}
        self.held = set()
        self.done = []
        self.broken = ''

    def install(self, packages, remove=()):
        self.done.append('install')
        if self.broken == 'install' and 'gnupg' not in packages:
            self.broken = ''  # what was there can be put back
            raise apt.Failed('installing: dpkg was interrupted')
        for package in packages:
            name, _, version = package.partition('=')
            if name != 'gnupg':
                self.present[name] = version or max(self.archive[name], self.present.get(name, ''))
                self.present['containerd.io'] = '1.6.12-1'
        for name in remove:
            self.present.pop(name, None)

    def download(self, packages, remove=()):
        self.done.append('fetch')
        if self.broken == 'fetch':
            raise apt.Failed('fetching docker-ce: no network')


@pytest.fixture
def machine(tmp_path, monkeypatch):
    fake = Machine()
    me = pwd.getpwuid(os.geteuid()).pw_name
    real = files.write
    monkeypatch.setattr(files, 'write', lambda path, text, mode=0o600, owner='': real(path, text, mode, me))
    monkeypatch.setattr(records, 'ROOT', tmp_path)
    monkeypatch.setattr(apt, 'installed', lambda names: {n: v for n, v in fake.present.items() if n in names})
    monkeypatch.setattr(apt, 'install', fake.install)
    monkeypatch.setattr(apt, 'download', fake.download)
    monkeypatch.setattr(apt, 'candidate', lambda name: max(fake.archive[name], fake.present.get(name, '')))
    monkeypatch.setattr(apt, 'update', lambda: None)
    monkeypatch.setattr(apt, 'trust', lambda *_: None)
    monkeypatch.setattr(apt, 'hold', fake.held.update)
    monkeypatch.setattr(apt, 'unhold', fake.held.difference_update)
    monkeypatch.setattr(at_rest, 'is_on', lambda: False)
    monkeypatch.setattr(at_rest, 'begin', lambda *_: fake.done.append('rest'))
    monkeypatch.setattr(at_rest, 'end', lambda: fake.done.append('go on'))
    monkeypatch.setattr(services, 'drop_in', lambda *_: False)
    monkeypatch.setattr(services, 'converge', lambda *_: False)
    monkeypatch.setattr(services, 'is_current', lambda *_: True)
    monkeypatch.setattr(runtime.subprocess, 'run', lambda command, **_: subprocess.CompletedProcess(command, 0, '', ''))
    return fake


def converge(machine, package='docker-ce', choice='upstream'):
    machine.done.clear()
    runtime.converge(Settings(choice=choice, docker_ce=package), HOST, 'node-a')


def dockers(machine):
    return {name: version for name, version in machine.present.items() if name.startswith('docker')}


def test_a_version_that_is_no_more_asked_for_gives_way_to_the_archives_in_the_safe_order(machine):
    converge(machine, f'docker-ce={OLD}')
    assert dockers(machine) == {'docker-ce': OLD}
    converge(machine)
    assert dockers(machine) == {'docker-ce': NEW} and machine.held == {'docker-ce', 'containerd.io'}
    assert [step for step in machine.done if step != 'install'] == ['fetch', 'rest', 'go on']
    converge(machine)
    assert machine.done == []


def test_the_archives_own_version_is_given_free_without_a_switch(machine):
    converge(machine, f'docker-ce={NEW}')
    converge(machine)
    assert dockers(machine) == {'docker-ce': NEW} and 'rest' not in machine.done
    machine.archive['docker-ce'] = '5:24.0.7-1~ubuntu.22.04~jammy'
    converge(machine)
    assert dockers(machine) == {'docker-ce': NEW}, 'a newer version in the archive changes nothing by itself'


def test_a_version_newer_than_the_archives_stays(machine):
    converge(machine, 'docker-ce=5:24.0.7-1~ubuntu.22.04~jammy')
    converge(machine)
    assert dockers(machine) == {'docker-ce': '5:24.0.7-1~ubuntu.22.04~jammy'} and 'rest' not in machine.done


@pytest.mark.parametrize('broken', ['fetch', 'install'])
def test_what_cannot_be_exchanged_stays_as_it_was_pinned_and_is_tried_again(machine, broken):
    converge(machine, f'docker-ce={OLD}')
    machine.broken = broken
    with pytest.raises(runtime.Failed):
        converge(machine)
    assert dockers(machine) == {'docker-ce': OLD} and machine.held == {'docker-ce', 'containerd.io'}
    machine.broken = ''
    converge(machine)
    assert dockers(machine) == {'docker-ce': NEW} and machine.held == {'docker-ce', 'containerd.io'}
