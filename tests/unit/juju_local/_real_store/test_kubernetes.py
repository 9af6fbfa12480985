"""What the build of the store asks of the machine it runs on."""

from __future__ import annotations

import platform
import shutil

import pytest
from juju_local._real_store import BuildError, _kubernetes


def test_what_a_machine_lacks_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(platform, 'machine', lambda: 'x86_64')
    monkeypatch.setattr(
        shutil, 'which', lambda program: None if program in ('make', 'dpkg-source') else f'/bin/{program}'
    )
    with pytest.raises(BuildError, match=r'^this machine lacks dpkg-dev, make$') as refusal:
        _kubernetes.check_host()
    assert refusal.value.remedy == 'apt-get install dpkg-dev make'


def test_another_architecture_is_refused(monkeypatch):
    monkeypatch.setattr(platform, 'machine', lambda: 'aarch64')
    with pytest.raises(BuildError, match='built on x86_64 only, and this machine is aarch64'):
        _kubernetes.check_host()
