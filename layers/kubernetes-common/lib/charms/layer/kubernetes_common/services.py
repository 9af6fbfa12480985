"""The door to systemd. Names are those of systemd units, e.g. `snap.kubelet.daemon` or `docker`."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from charmhelpers.core import hookenv

from . import files, records

TIMEOUT_S = 120
# systemd otherwise gives up on a daemon whose API server, etcd or runtime is away for a while
RESTART_ALWAYS = """[Unit]
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=10
"""


def converge(name: str, inputs: Mapping[str, str]) -> bool:
    """Make the running service one that was started with these inputs; return True if it was (re)started.

    Inputs are everything the process reads when it starts: arguments, texts of files (write them first), the revision
    of the program. They are compared with what the service was last *started* with; only a digest is kept. When the
    hook dies between a restart and its record, the next one restarts again. A service that fails to start is logged,
    and tried again by the next call.
    """
    wanted = _digest(inputs)
    record = _record(name)
    if records.get(record) == wanted:
        return False
    records.drop(record)  # from here on nobody knows what it runs with
    if not _systemctl('enable', name) or not _systemctl('restart', name):
        return False
    records.put(record, wanted)
    return True


def is_current(name: str, inputs: Mapping[str, str]) -> bool:
    """Tell whether the service was last started with these inputs."""
    return records.get(_record(name)) == _digest(inputs)


def was_started(name: str) -> bool:
    """Tell whether this charm has started the service and not stopped it since."""
    return records.get(_record(name)) is not None


def inactive(names: Iterable[str]) -> list[str]:
    """Return those of the services that do not run now (one call to systemctl)."""
    names = list(names)
    if not names:
        return []
    done = subprocess.run(
        ['systemctl', 'is-active', *names], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    states = done.stdout.split()
    states += ['unknown'] * (len(names) - len(states))
    return [name for name, state in zip(names, states, strict=False) if state not in ('active', 'reloading')]


def halt(name: str) -> bool:
    """Stop the service for a while; `start` brings it back as it was. At boot it starts all the same."""
    return _systemctl('stop', name)


def start(name: str) -> bool:
    """Start a service that was halted."""
    return _systemctl('start', name)


def stop(name: str) -> None:
    """Stop the service and keep it from starting at boot; fine if there is no such service."""
    records.drop(_record(name))
    _systemctl('stop', name)
    _systemctl('disable', name)


def restart_always(name: str) -> bool:
    """Have systemd start the service again whenever it ends, for ever; return True if that is new."""
    return drop_in(name, 'always-restart.conf', RESTART_ALWAYS)


def drop_in(name: str, file: str, text: str) -> bool:
    """Write a drop-in for the service's unit; return True (and have systemd read it) if it changed."""
    changed = files.write(f'/etc/systemd/system/{name}.service.d/{file}', text, mode=0o644)
    if changed:
        _systemctl('daemon-reload')
    return changed


def define(name: str, text: str) -> bool:
    """Write a unit of ours; return True (and have systemd read it) if it changed."""
    changed = files.write(_unit(name), text, mode=0o644)
    if changed:
        _systemctl('daemon-reload')
    return changed


def is_defined(name: str) -> bool:
    """Tell whether there is a unit of ours."""
    return Path(_unit(name)).exists()


def undefine(name: str) -> None:
    """Take away a unit of ours that was stopped."""
    if files.remove(_unit(name)):
        _systemctl('daemon-reload')


def _unit(name: str) -> str:
    return f'/etc/systemd/system/{name}.service'


def _record(name: str) -> str:
    return f'started-{name}'


def _digest(inputs: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode()).hexdigest()


def _systemctl(*arguments: str) -> bool:
    command = ['systemctl', *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        hookenv.log(f'{" ".join(command)} failed: {error}', hookenv.ERROR)
        return False
    if done.returncode:
        hookenv.log(f'{" ".join(command)} failed: {done.stderr.strip()[:400]}', hookenv.ERROR)
    return done.returncode == 0
