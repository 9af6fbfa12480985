"""What charms, and charmhelpers, see of apt and dpkg."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local.stand_ins.lib.stand_in import deb_version

REAL_DPKG = shutil.which('dpkg')


@pytest.fixture
def furnished(bare):
    """A machine whose init ran once, and is gone again."""
    bare.boot()
    bare.halt()
    return bare


def test_docker_is_installed_with_what_it_needs_and_runs(machine):
    said = machine.ok('apt-get', '--assume-yes', '--option=Dpkg::Options::=--force-confold', 'install', 'docker.io')
    assert 'The following NEW packages will be installed:\n  containerd docker.io runc\n' in said
    assert machine.state('docker') == 'active'
    assert machine.ok('docker', 'version', '--format', '{{.Server.Version}}') == '20.10.21\n'
    again = machine.ok('apt-get', 'install', '-y', 'docker.io')
    assert 'docker.io is already the newest version' in again
    machine.ok('apt-get', '--assume-yes', 'purge', 'docker.io')
    assert machine.state('docker') == 'inactive'
    assert not (machine.root / 'usr/bin/docker').exists()


def test_files_of_a_linked_tree_are_linked_but_for_configuration(bare, tmp_path):
    tree = tmp_path / 'store/trees/tool/usr/bin'
    tree.mkdir(parents=True)
    (tree / 'tool').write_text('#!/bin/sh\n')
    (tree / 'alias').symlink_to('tool')
    etc = tmp_path / 'store/trees/tool/etc'
    etc.mkdir()
    (etc / 'tool.conf').write_text('a=1\n')
    offer = {'packages': {'tool': {'version': '1', 'tree': 'tool', 'linked': True}}}
    (tmp_path / 'store/packages.json').write_text(json.dumps(offer))
    bare.store = tmp_path / 'store'
    bare.ok('apt-get', 'install', '-y', 'tool')
    assert (bare.root / 'usr/bin/tool').readlink() == tree / 'tool'
    assert str((bare.root / 'usr/bin/alias').readlink()) == 'tool'
    assert not (bare.root / 'etc/tool.conf').is_symlink()
    bare.ok('apt-get', 'purge', '-y', 'tool')
    assert not (bare.root / 'usr/bin/tool').is_symlink()
    assert not (bare.root / 'etc/tool.conf').exists()


def test_fm_51_two_docker_packages_never_stay_together(machine):
    machine.ok('apt-get', 'install', '-y', 'docker.io')
    assert machine.run('apt-get', 'install', '-y', 'docker-ce').returncode == 100  # not in Ubuntu's archive
    machine.write('/etc/apt/sources.list.d/docker.list', 'deb https://download.docker.com/linux/ubuntu jammy stable\n')
    said = machine.ok('apt-get', 'install', '-y', 'docker-ce')
    assert 'The following packages will be REMOVED:\n  containerd docker.io runc\n' in said
    listed = machine.run('dpkg-query', '-W', '-f', '${db:Status-Abbrev}${Package}\\n', 'docker*').stdout.splitlines()
    assert 'ii docker-ce' in listed
    assert 'ii docker.io' not in listed
    assert machine.state('docker') == 'active'


def test_a_service_that_does_not_start_leaves_its_package_half_configured(machine):
    machine.write('/etc/docker/daemon.json', '{"nonsense": 1}')
    done = machine.run('apt-get', 'install', '-y', 'docker.io')
    assert done.returncode == 100
    assert 'E: Sub-process /usr/bin/dpkg returned an error code (1)' in done.stderr
    assert 'half-configured' in machine.ok('dpkg', '-s', 'docker.io')
    machine.write('/etc/docker/daemon.json', '{}')
    machine.ok('apt-get', 'install', '-y', 'docker.io')
    assert 'Status: install ok installed' in machine.ok('dpkg', '-s', 'docker.io')


@pytest.mark.parametrize(
    ('program', 'arguments', 'code', 'text'),
    [
        ('apt-get', ['install', '-y', 'nothing'], 100, 'E: Unable to locate package nothing'),
        ('apt-get', ['install', '-y', 'hello=9'], 100, "E: Version '9' for 'hello' was not found"),
        ('apt-get', ['frobnicate'], 100, 'E: Invalid operation frobnicate'),
        ('apt-get', ['install', 'docker.io'], 1, 'Abort.'),
        ('apt-cache', ['show', 'nothing'], 100, 'E: No packages found'),
        (
            'dpkg',
            ['-s', 'nothing'],
            1,
            "dpkg-query: package 'nothing' is not installed and no information is available",
        ),
        ('dpkg-query', ['-W', 'nothing'], 1, 'dpkg-query: no packages found matching nothing'),
        ('apt-mark', ['hold', 'nothing'], 100, 'E: Unable to locate package nothing'),
        ('add-apt-repository', ['--yes', 'nonsense'], 1, "Error: 'nonsense' invalid"),
    ],
)
def test_what_apt_refuses_is_refused_with_its_words(furnished, program, arguments, code, text):
    done = furnished.run(program, *arguments)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr


def test_a_held_package_is_neither_upgraded_nor_removed(furnished):
    furnished.ok('apt-get', 'install', '-y', 'runc')
    assert furnished.ok('apt-mark', 'hold', 'runc') == 'runc set on hold.\n'
    assert furnished.ok('apt-mark', 'showhold') == 'runc\n'
    assert 'Held packages were changed' in furnished.run('apt-get', 'remove', '-y', 'runc').stderr
    furnished.ok('apt-mark', 'unhold', 'runc')
    furnished.ok('apt-get', 'remove', '-y', 'runc')
    assert furnished.run('dpkg', '-s', 'runc').returncode == 1


def test_a_configuration_file_in_place_stays_and_is_purged(furnished):
    furnished.write('/etc/docker/daemon.json', '{"mine": true}')
    for source in ('https://nvidia.github.io/x', 'https://download.docker.com/y'):
        furnished.ok('add-apt-repository', '--yes', f'deb {source} jammy main')
    furnished.ok('apt-get', 'install', '-y', 'nvidia-docker2')
    assert furnished.read('/etc/docker/daemon.json') == '{"mine": true}'
    furnished.ok('apt-get', 'remove', '-y', 'nvidia-docker2')
    assert furnished.run('dpkg', '-l', 'nvidia-docker2').stdout.splitlines()[-1].startswith('rc  nvidia-docker2')
    furnished.ok('apt-get', 'purge', '-y', 'nvidia-docker2')
    assert not (furnished.root / 'etc/docker/daemon.json').exists()


def test_apt_can_be_made_to_fail_a_number_of_times(furnished):
    lock = 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (unattended-upgr)'
    furnished.fail('apt-get', match='install', code=100, stderr=lock, times=2)
    assert [furnished.run('apt-get', 'install', '-y', 'hello').returncode for _ in range(3)] == [100, 100, 0]
    assert furnished.calls('apt-get') == [['install', '-y', 'hello']] * 3


def test_charmhelpers_finds_installs_and_compares_packages(furnished, tmp_path):
    """As in a machine: charmhelpers calls `apt-cache`, `dpkg-query`, `apt-config` and `dpkg` by their names."""
    (tmp_path / 'shim').mkdir()
    (tmp_path / 'shim/sitecustomize.py').write_text(
        "import platform\nplatform.linux_distribution = lambda *a, **k: ('Ubuntu', '22.04', 'jammy')\n"
    )
    (tmp_path / 'shim/juju-log').write_text('#!/bin/sh\n')
    (tmp_path / 'shim/juju-log').chmod(0o755)
    code = """
from charmhelpers import fetch
from charmhelpers.fetch import ubuntu_apt_pkg as apt
assert fetch.filter_installed_packages(['bash', 'hello', 'socat']) == ['hello', 'socat']
cache = apt.Cache()
assert cache['bash'].current_ver.ver_str == '5.1-6ubuntu1'
assert cache['hello'].current_ver is None
assert 'nothing' not in cache
assert apt.config['APT::Architecture'] == 'amd64'
assert apt.version_compare('1.2~rc1', '1.2') < 0
print('well')
"""
    environment = furnished.environment()
    environment |= {'PYTHONPATH': str(tmp_path / 'shim'), 'PATH': f'{tmp_path}/shim:{environment["PATH"]}'}
    command = [sys.executable, '-W', 'ignore', '-c', code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == 'well\n', done.stderr


@pytest.mark.skipif(not REAL_DPKG, reason='needs a real dpkg')
@settings(max_examples=40, deadline=None)
@given(*[st.from_regex(r'\A([0-9]:)?[0-9][0-9a-z.+~]{0,6}(-[0-9a-z.~]{1,4})?\Z')] * 2)
def test_versions_compare_as_the_real_dpkg_compares_them(left, right):
    real = [
        subprocess.run([REAL_DPKG, '--compare-versions', left, op, right]).returncode == 0 for op in ('lt', 'eq', 'gt')
    ]
    ours = deb_version.compare(left, right)
    assert real == [ours == -1, ours == 0, ours == 1]


@pytest.mark.skipif(not REAL_DPKG, reason='needs a real dpkg')
def test_dpkg_lists_in_the_real_ones_columns(furnished):
    real = subprocess.run(
        [REAL_DPKG, '-l', 'bash'], capture_output=True, text=True, env={'PATH': '/usr/bin:/bin'}
    ).stdout
    ours = furnished.ok('dpkg', '-l', 'bash')
    assert [line.split()[:2] for line in ours.splitlines()[:4]] == [line.split()[:2] for line in real.splitlines()[:4]]
    assert ours.splitlines()[5].split()[:2] == real.splitlines()[5].split()[:2] == ['ii', 'bash']


def test_a_name_with_a_minus_is_removed_in_the_same_step_with_what_needs_it(machine):
    machine.ok('apt-get', 'install', '-y', 'docker.io')
    said = machine.ok('apt-get', 'install', '-y', 'hello', 'containerd-')
    assert 'The following packages will be REMOVED:\n  containerd docker.io\n' in said
    assert machine.state('docker') == 'inactive'
    assert 'ok installed' in machine.ok('dpkg', '-s', 'hello')
    assert machine.run('apt-get', 'install', '-y', 'no-such-').returncode == 100


def test_packages_that_are_only_fetched_are_not_installed(furnished):
    assert 'NEW packages' in furnished.ok('apt-get', 'install', '-y', '--download-only', 'hello')
    assert furnished.run('dpkg', '-s', 'hello').returncode == 1
    assert furnished.run('apt-get', 'install', '-y', '--download-only', 'docker-ce').returncode == 100


def test_a_key_goes_into_the_keyring_that_was_named(bare):
    bare.ok('apt-key', '--keyring', '/usr/share/keyrings/x.gpg', 'adv', '--keyserver', 'hkp://k', '--recv-keys', 'AB12')
    assert bare.read('/usr/share/keyrings/x.gpg') == 'key AB12\n'
