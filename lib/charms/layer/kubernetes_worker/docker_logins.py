"""A door: logs docker in to image registries and out again. Passwords go through stdin only."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import files, options, records

from . import journal, logins, paths
from .logins import Login

RECORD = 'docker-logins'
TIMEOUT_S = 20
BUDGET_S = 40.0  # registries out of reach must not hold up a hook


def converge() -> None:
    """Make docker's logins those of the option; what fails is tried again in a later hook, and the status tells."""
    try:
        wanted = logins.parse(hookenv.config())
    except options.Invalid:
        return  # the status tells; what is there stays
    known = records.get(RECORD)
    ours = known if isinstance(known, list) else []
    todo = logins.changes(wanted, _stored(), ours)
    for server in todo.leave:
        why = _docker(['logout', server])
        if why:
            journal.later.append(f'docker-logins: logout from {server} did not succeed: {why}')
            continue
        ours = [name for name in ours if name != server]
        _remember(ours)
    deadline = time.monotonic() + BUDGET_S
    for login in todo.enter:
        if login.server not in ours:
            ours = [*ours, login.server]
            _remember(ours)  # first: a login that nobody remembers would never be taken back
        _enter(login, deadline)
    _remember([*ours, *(login.server for login in wanted if login.server not in ours)])


def _enter(login: Login, deadline: float) -> None:
    if time.monotonic() > deadline:
        why = 'others took too long'
    else:
        command = ['login', '--username', login.username, '--password-stdin', login.server]
        why = _docker(command, login.password)
    if why:
        hookenv.log(f'docker login at {login.server}: {why}', hookenv.WARNING)
        journal.later.append(f'docker-logins: login at {login.server} did not succeed: {why}')


def _docker(command: list[str], stdin: str = '') -> str:
    """Run docker as root's own; return why it did not succeed, '' if it did."""
    environment = {**os.environ, 'HOME': '/root'}  # hooks may have none, and the kubelet reads root's logins
    try:
        done = subprocess.run(
            ['docker', *command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__ if isinstance(error, subprocess.TimeoutExpired) else str(error)
    return ' '.join(done.stderr.split())[-160:] or f'status {done.returncode}' if done.returncode else ''


def _remember(servers: list[str]) -> None:
    if records.get(RECORD) != servers and (servers or records.get(RECORD) is not None):
        records.put(RECORD, servers)


def _stored() -> dict[str, str]:
    """Return the servers that docker has a login for, with what it keeps of it."""
    try:
        document: Any = json.loads(files.read(paths.DOCKER_LOGINS) or '{}')
        entries = document.get('auths') or {}
        return {server: str(entry.get('auth') or '') for server, entry in entries.items()}
    except (ValueError, AttributeError):
        return {}  # docker makes it anew
