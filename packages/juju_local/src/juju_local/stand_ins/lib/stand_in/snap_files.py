"""The door to a snap's files: its folders under /snap and /var/snap, its commands, its units."""

from __future__ import annotations

import json
import os
import shutil

from . import core, init_client, snap_config, unit_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RESTART = {'on-failure': 'on-failure', 'always': 'always', 'never': 'no', 'on-success': 'on-success'}
UNIT = """[Unit]
# Auto-generated, DO NOT EDIT
Description=Service for snap application {name}.{app}
Wants=network.target
After=network.target
X-Snappy=yes

[Service]
EnvironmentFile=-/etc/environment
ExecStart=/usr/bin/snap run {name}.{app}
SyslogIdentifier={name}.{app}
Restart={restart}
WorkingDirectory=/var/snap/{name}/{revision}
TimeoutStopSec=30
Type={kind}
{more}
[Install]
WantedBy=multi-user.target
"""


def services(known: dict[str, Any]) -> list[str]:
    """Return the names of a snap's units."""
    return [f'snap.{known["name"]}.{app}.service' for app, each in known['apps'].items() if each.get('daemon')]


def put(known: dict[str, Any], version: str, revision: str) -> None:
    """Lay out a revision and make it the current one; the data of the one before is copied."""
    name = known['name']
    meta = {key: value for key, value in known.items() if key != 'tracks'} | {'version': version, 'revision': revision}
    core.write(f'/snap/{name}/{revision}/meta/snap.json', json.dumps(meta))
    core.write(f'/snap/{name}/{revision}/meta/snap.yaml', _snap_yaml(known, version))
    _copy_data(name, revision)
    os.makedirs(core.path(f'/var/snap/{name}/common'), exist_ok=True)
    switch(name, revision)


def _snap_yaml(known: dict[str, Any], version: str) -> str:
    lines = [f'name: {known["name"]}', f"version: '{version}'", f'summary: {json.dumps(known.get("summary", ""))}']
    lines += [f'confinement: {known.get("confinement", "strict")}', 'grade: stable', 'apps:']
    for app, each in known['apps'].items():
        lines += [f'  {app}:', f'    command: {each["command"]}']
        lines += [f'    daemon: {each["daemon"]}'] if each.get('daemon') else []
    return '\n'.join(lines) + '\n'


def _copy_data(name: str, revision: str) -> None:
    target = core.path(f'/var/snap/{name}/{revision}')
    current = core.path(f'/var/snap/{name}/current')
    if os.path.isdir(target):
        return
    if os.path.isdir(current):
        shutil.copytree(current, target, symlinks=True)
    else:
        os.makedirs(target)


def switch(name: str, revision: str) -> None:
    """Make a revision the current one: links, commands, units."""
    core.link(f'/snap/{name}/current', revision)
    core.link(f'/var/snap/{name}/current', revision)
    known = meta(name)
    for app, each in known['apps'].items():
        if each.get('daemon'):
            core.write(f'{unit_files.ETC}/snap.{name}.{app}.service', _unit(known, app, each))
        core.write(f'/snap/bin/{command_name(name, app)}', _command(known, app), 0o755)


def command_name(name: str, app: str) -> str:
    return name if app == name else f'{name}.{app}'


def meta(name: str) -> dict[str, Any]:
    """Return the definition of the snap's current revision, with its version and revision."""
    known: dict[str, Any] = core.read_json(f'/snap/{name}/current/meta/snap.json', {})
    return known


def _unit(known: dict[str, Any], app: str, each: dict[str, Any]) -> str:
    more = ''.join(f'Environment="{key}={value}"\n' for key, value in each.get('environment', {}).items())
    more += ''.join(f'{line}\n' for line in each.get('service', []))
    restart = RESTART[each.get('restart-condition', 'on-failure')]
    values = {'name': known['name'], 'app': app, 'restart': restart, 'kind': each['daemon'], 'more': more}
    return UNIT.format(revision=known['revision'], **values)


def _command(known: dict[str, Any], app: str) -> str:
    """Return a shell script that runs an app as `snap run` would: a tenth of its time to start."""
    lines = [f"export {key}='{value}'" for key, value in environment(known).items()]
    words = ' '.join(f"'{word}'" for word in command(known, app))
    user = f'export SNAP_USER_DATA="$HOME/snap/{known["name"]}/{known["revision"]}"'
    return '\n'.join(['#!/bin/sh', *lines, user, f'exec {words} "$@"', ''])


def environment(known: dict[str, Any]) -> dict[str, str]:
    """Return the variables every app of the snap gets."""
    name, revision = known['name'], known['revision']
    found = {
        'SNAP': core.path(f'/snap/{name}/{revision}'),
        'SNAP_NAME': name,
        'SNAP_INSTANCE_NAME': name,
        'SNAP_VERSION': known['version'],
        'SNAP_REVISION': revision,
        'SNAP_DATA': core.path(f'/var/snap/{name}/{revision}'),
        'SNAP_COMMON': core.path(f'/var/snap/{name}/common'),
        'SNAP_USER_COMMON': core.path(f'/root/snap/{name}/common'),
        'SNAP_ARCH': 'amd64',
    }
    return found | ({'STAND_IN_ROOT': core.root()} if core.root() else {})


def command(known: dict[str, Any], app: str) -> list[str]:
    """Return the command line of an app, without the caller's arguments."""
    each = known['apps'][app]
    return [os.path.normpath(f'{known["folder"]}/{each["command"]}'), *each.get('arguments', [])]


def write_arguments(name: str, config: dict[str, Any]) -> None:
    """Run the configure hook of the Kubernetes snaps: write the args file.

    Raises:
        snap_config.Invalid: the hook fails.
    """
    known = meta(name)
    text = snap_config.arguments(known, known['version'], config)
    core.write(f'/var/snap/{name}/current/args', text, 0o600)


def take_away(name: str, known: dict[str, Any], *, purge: bool = True) -> None:
    """Remove all that a snap has on this machine."""
    systemctl('stop', services(known))
    for unit in services(known):
        core.remove(f'{unit_files.ETC}/multi-user.target.wants/{unit}')
        core.remove(f'{unit_files.ETC}/{unit}')
    for app in known['apps']:
        core.remove(f'/snap/bin/{command_name(name, app)}')
    core.remove(f'/snap/{name}')
    if purge:
        core.remove(f'/var/snap/{name}')
    reload()


def enable(units: list[str]) -> None:
    for unit in units:
        core.link(f'{unit_files.ETC}/multi-user.target.wants/{unit}', f'{unit_files.ETC}/{unit}')
    reload()


def disable(units: list[str]) -> None:
    for unit in units:
        core.remove(f'{unit_files.ETC}/multi-user.target.wants/{unit}')
    reload()


def reload() -> None:
    if init_client.is_running():
        init_client.ask('daemon-reload')


def systemctl(verb: str, units: list[str]) -> list[dict[str, str]]:
    """Have init start, stop or restart units; return the jobs that failed. Without an init nothing happens."""
    if not units or not init_client.is_running():
        return []
    jobs: list[dict[str, str]] = init_client.ask(verb, units)['jobs']
    return [job for job in jobs if job['result'] not in ('done', 'not-loaded')]


def running(units: list[str]) -> list[str]:
    """Return those of the units that run or are about to."""
    if not units or not init_client.is_running():
        return []
    shown = init_client.ask('show', units)['units']
    return [unit['Id'] for unit in shown if unit['ActiveState'] in ('active', 'activating', 'reloading')]
