"""snapd's own settings over its socket, against a stand-in of snapd on a real one; and what of it can be seen."""

import os
import pwd
import subprocess
import tempfile
from pathlib import Path

import pytest
from charms.layer.kubernetes_common import files, records, snap_access, snapd

from tests.unit.kubernetes_common.snapd_stand_in import Snapd

URL = 'http://me:secret@squid:3128'


@pytest.fixture
def daemon(monkeypatch):
    with tempfile.TemporaryDirectory(dir='/tmp') as folder:  # the path of a socket must be short
        path = Path(folder, 'snapd.socket')
        monkeypatch.setattr(snapd, 'SOCKET', path)
        server = Snapd(path)
        yield server
        server.close()


def test_options_are_set_and_unset_when_the_call_returns(daemon):
    snapd.configure({'proxy.http': URL, 'refresh.timer': 'mon'})
    assert daemon.options == {'proxy.http': URL, 'refresh.timer': 'mon'}
    snapd.configure({'proxy.http': ''})
    assert daemon.options == {'refresh.timer': 'mon'}


def test_a_change_that_fails_is_told_in_snapds_words(daemon):
    with pytest.raises(snapd.Refused, match='unsupported system option'):
        snapd.configure({'proxy.nonsense': 'x'})


@pytest.mark.parametrize(
    'answer',
    [
        b'',
        b'nonsense',
        b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]',
        b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{',
        b'HTTP/1.1 401 No\r\nContent-Length: 51\r\n\r\n{"type": "error", "result": {"message": "no access"}}'[:-1],
    ],
)
def test_whatever_snapd_says_is_an_answer_or_a_refusal(daemon, answer):
    daemon.answer = answer
    with pytest.raises((snapd.Refused, OSError)):
        snapd.configure({'proxy.http': URL})


def test_without_a_socket_there_is_no_snapd(monkeypatch, tmp_path):
    monkeypatch.setattr(snapd, 'SOCKET', tmp_path / 'none')
    assert not snapd.is_there()
    with pytest.raises(OSError, match='No such file'):
        snapd.configure({'proxy.http': URL})


# -- through the option


class Juju:
    def __init__(self):
        self.options = {'snap_proxy': '', 'snap_proxy_url': ''}
        self.seen = []  # command lines and log lines


@pytest.fixture
def juju(tmp_path, monkeypatch):
    fake = Juju()
    me = pwd.getpwuid(os.geteuid()).pw_name
    real = files.write
    monkeypatch.setattr(files, 'write', lambda path, text, mode=0o600, owner='': real(path, text, mode, me))
    monkeypatch.setattr(records, 'ROOT', tmp_path / 'records')
    monkeypatch.setattr(snap_access, 'failures', [])
    monkeypatch.setattr(snap_access.hookenv, 'config', lambda: fake.options)
    monkeypatch.setattr(snap_access.hookenv, 'log', lambda text, *_: fake.seen.append(text))

    def run(command, **_):
        fake.seen.append(' '.join(command))
        return subprocess.CompletedProcess(command, 0, '', '')

    monkeypatch.setattr(snap_access.subprocess, 'run', run)
    return fake


def kept(tmp_path):
    return ''.join(file.read_text() for file in (tmp_path / 'records').iterdir())


def test_a_proxy_with_a_password_goes_over_the_socket_once_and_is_seen_nowhere(daemon, juju, tmp_path):
    juju.options['snap_proxy'] = URL
    for _ in range(2):
        snap_access.converge()
    assert daemon.options == {'proxy.http': URL, 'proxy.https': URL}
    assert len(daemon.changes) == 1 and juju.seen == [] and 'secret' not in kept(tmp_path)
    juju.options['snap_proxy'] = 'http://me:other-secret@squid:3128'
    snap_access.converge()
    assert 'other-secret' in daemon.options['proxy.http']
    juju.options['snap_proxy'] = ''
    snap_access.converge()
    assert juju.seen == ['snap set system proxy.http=null proxy.https=null'] and snap_access.failures == []


def test_a_failure_does_not_tell_the_password_and_is_tried_again(daemon, juju, tmp_path, monkeypatch):
    def refuse(_):
        raise snapd.Refused(f'cannot set proxy.http to {URL}: out of space')

    juju.options['snap_proxy'] = URL
    with monkeypatch.context() as patch:
        patch.setattr(snapd, 'configure', refuse)
        snap_access.converge()
    assert 'out of space' in snap_access.failures[0]
    assert 'secret' not in str(snap_access.failures) + str(juju.seen)
    snap_access.converge()
    assert daemon.options == {'proxy.http': URL, 'proxy.https': URL}


def test_where_snapd_has_no_socket_a_password_is_refused_and_nothing_is_set(juju, monkeypatch, tmp_path):
    monkeypatch.setattr(snapd, 'SOCKET', tmp_path / 'snapd.socket')
    juju.options['snap_proxy'] = URL
    snap_access.converge()
    (problem,) = snap_access.problems()
    assert problem.option == 'snap_proxy' and 'snapd.socket' in problem.reason and 'secret' not in problem.reason
    assert juju.seen == []


def test_a_store_proxy_has_no_user(daemon, juju):
    juju.options['snap_proxy_url'] = 'http://me:secret@store.example.com'
    (problem,) = snap_access.problems()
    assert problem.option == 'snap_proxy_url' and 'secret' not in str(problem)
    snap_access.converge()
    assert (juju.seen, daemon.changes) == ([], [])
