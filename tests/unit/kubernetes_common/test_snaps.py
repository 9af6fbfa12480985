"""What becomes of the daemon of a snap that is installed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from charms.layer.kubernetes_common import records, services, snaps


@pytest.fixture
def snapd(tmp_path, monkeypatch):
    """A snapd whose snap `kubelet` has a daemon and `kubectl` none; it notes what systemd is asked to do."""
    asked: list[tuple[str, str]] = []

    def install(name, **_options):
        folder = tmp_path / 'snap' / name
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.iterdir()))
        (folder / 'current').unlink(missing_ok=True)
        (folder / 'current').symlink_to(f'x{number}')
        if name == 'kubelet':
            (tmp_path / 'snap.kubelet.daemon.service').touch()

    monkeypatch.setattr(snaps, 'snap', SimpleNamespace(install=install))
    monkeypatch.setattr(snaps, 'ROOT', tmp_path / 'snap')
    monkeypatch.setattr(snaps, 'UNITS', tmp_path)
    monkeypatch.setattr(records, 'ROOT', tmp_path / 'records')
    monkeypatch.setattr(services, '_systemctl', lambda verb, name: asked.append((verb, name)) or True)
    return asked


def test_a_new_daemon_rests_until_it_has_arguments(snapd):
    assert snaps.install('kubelet', '1.20/stable', classic=True) is True
    assert snapd == [('stop', 'snap.kubelet.daemon'), ('disable', 'snap.kubelet.daemon')]


def test_a_refresh_leaves_the_daemon_as_it_is(snapd):
    snaps.install('kubelet', '1.20/stable')
    snapd.clear()
    assert snaps.install('kubelet', '1.21/stable') is True
    assert snaps.install('kubelet', '1.21/stable') is False
    assert snapd == []


def test_a_daemon_that_another_revision_of_the_charm_runs_is_left_running(snapd):
    snaps.snap.install('kubelet')
    snaps.install('kubelet', '1.20/stable')
    assert snapd == []


def test_a_hook_that_dies_after_the_installation_leaves_the_rest_to_the_next(snapd, monkeypatch):
    def dies(name):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(services, 'stop', dies)
        snaps.install('kubelet', '1.20/stable')
    assert snaps.install('kubelet', '1.20/stable') is True
    assert snapd == [('stop', 'snap.kubelet.daemon'), ('disable', 'snap.kubelet.daemon')]


def test_a_snap_without_a_daemon_asks_systemd_for_nothing(snapd):
    assert snaps.install('kubectl', '1.20/stable') is True
    assert snapd == []
