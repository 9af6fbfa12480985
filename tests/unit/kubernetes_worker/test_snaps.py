"""The door to snapd of both charms: what it asks, and how often."""

import subprocess

import pytest
from charms.layer.kubernetes_common import records, snap_access, snaps


class Programs:
    """Programs that are called, with what they answer: (code, stdout, stderr) by the first words of a call."""

    def __init__(self):
        self.answers = {}
        self.calls = []

    def run(self, command, check=False, **_):
        self.calls.append(' '.join(command))
        code, out, err = next((a for start, a in self.answers.items() if self.calls[-1].startswith(start)), (0, '', ''))
        if check and code:
            raise subprocess.CalledProcessError(code, command, out, err)
        return subprocess.CompletedProcess(command, code, out, err)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    fake = Programs()
    monkeypatch.setattr(subprocess, 'run', fake.run)
    monkeypatch.setattr(records, 'ROOT', tmp_path / 'records')
    monkeypatch.setattr(records.files, 'write', lambda path, text, mode: _write(path, text))
    monkeypatch.setattr(snaps, 'revision', lambda _: fake.revision)
    monkeypatch.setattr(snap_access, 'failures', [])
    monkeypatch.setattr(snap_access.hookenv, 'log', lambda *_: None)
    fake.revision = '1'
    return fake


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_programs_help_is_asked_for_once_a_revision(programs):
    programs.answers['/snap/bin/kubelet --help'] = (0, '--v Level', '')
    assert [snaps.usage('kubelet') for _ in range(3)] == ['--v Level'] * 3
    assert len(programs.calls) == 1
    programs.revision = '2'
    snaps.usage('kubelet')
    assert len(programs.calls) == 2


def test_a_help_that_did_not_come_is_asked_for_again(programs):
    programs.answers['/snap/bin/kubelet --help'] = (1, '', 'busy')
    assert [snaps.usage('kubelet') for _ in range(2)] == ['', '']
    assert len(programs.calls) == 2


@pytest.mark.parametrize(
    'content, known', [(None, False), (b'', False), (b'a snap', True)], ids=['absent', '0', 'real']
)
def test_fm_57_an_absent_and_an_empty_resource_are_the_same(programs, tmp_path, content, known):
    file = tmp_path / 'kubelet.snap'
    if content is not None:
        file.write_bytes(content)
    programs.answers['resource-get'] = (0, str(file), '') if file.exists() else (1, '', 'ERROR no such resource')
    assert bool(snaps.resource_checksum('kubelet')) is known


def config(monkeypatch, **options):
    known = {'snap_proxy': '', 'snap_proxy_url': '', **options}
    monkeypatch.setattr(snap_access.hookenv, 'config', lambda: known)


def test_proxies_are_set_once_and_taken_away_again(programs, monkeypatch):
    config(monkeypatch, snap_proxy='http://squid:3128')
    snap_access.converge()
    snap_access.converge()
    config(monkeypatch)
    snap_access.converge()
    assert programs.calls == [
        'snap set system proxy.http=http://squid:3128 proxy.https=http://squid:3128',
        'snap set system proxy.http=null proxy.https=null',
    ]


def test_fm_55_a_busy_snapd_is_told_again_by_the_next_hook(programs, monkeypatch):
    config(monkeypatch, snap_proxy='http://squid:3128')
    programs.answers['snap set'] = (1, '', 'error: change in progress')
    snap_access.converge()
    assert 'change in progress' in snap_access.failures[0]
    programs.answers.clear()
    snap_access.converge()
    snap_access.converge()
    assert len(programs.calls) == 2


@pytest.mark.parametrize('hook, asked', [('config-changed', 0), ('update-status', 1)])
def test_fm_56_a_timer_of_somebody_else_is_looked_for_at_update_status(programs, monkeypatch, hook, asked):
    snap_access.converge_timer('wed')
    programs.calls.clear()
    monkeypatch.setattr(snap_access.hookenv, 'hook_name', lambda: hook)
    programs.answers['snap get'] = (0, 'mon\n', '')
    snap_access.converge_timer('wed')
    assert programs.calls == ['snap get system refresh.timer', 'snap set system refresh.timer=wed'][: 2 * asked]


def test_a_timer_that_is_right_is_left_alone(programs, monkeypatch):
    snap_access.converge_timer('wed')
    programs.calls.clear()
    monkeypatch.setattr(snap_access.hookenv, 'hook_name', lambda: 'update-status')
    programs.answers['snap get'] = (0, 'wed\n', '')
    snap_access.converge_timer('wed')
    assert programs.calls == ['snap get system refresh.timer']
