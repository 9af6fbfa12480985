"""Whose the flags are that stand behind a command."""

from __future__ import annotations

import pytest
from juju_local._cli import _tasks


@pytest.mark.parametrize(
    'line, foreign',
    [
        ('--unit a/0 ls -l', True),
        ('-u a/0 kubectl get nodes -o wide', True),
        ('-ua/0 ls -l', True),
        ('--application=a --timeout 5m ls -l', True),
        ('--all -- ls -l', True),
        ('ls --unit a/0', False),
        ('--format json ls --unit a/0', False),
        ('a/0 pause --wait 5m', False),
        ('--wait 5m a/0 pause --format json', False),
        ('', False),
    ],
)
def test_flags_behind_a_command_are_its_own_once_a_target_was_named(line: str, foreign: bool) -> None:
    assert _tasks._is_commands(line.split()) is foreign


def test_flags_behind_a_command_in_quotes_are_ours() -> None:
    assert not _tasks._is_commands(['--unit', 'a/0', 'ls -l', '--format', 'json'])
