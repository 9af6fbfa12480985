"""snap: the commands that change something. Texts and exit codes are those of snapd 2.5x.

State (`snap.json`): `snaps` name to what is installed, `config` name to configuration, `changes` a list of summaries.
"""

from __future__ import annotations

import os
import time

from . import core, snap_config, snap_files, snap_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WITH_VALUE = {
    '--channel',
    '--cohort',
    '--revision',
    '--name',
    '--basename',
    '--target-directory',
    '-n',
    '--unicode',
    '--color',
}
WITH_VALUE |= {'--last', '--prefer', '--hold', '--time-limit'}
CLASSIC = """error: This revision of snap "{name}" was published using classic confinement and thus may perform
       arbitrary system changes outside of the security sandbox that snaps are usually confined to,
       which may put your system at risk.

       If you understand and want to proceed repeat the command including --classic."""
SYSTEM = ('core', 'system')


class Call:
    """A command line taken apart."""

    def __init__(self, arguments: list[str]) -> None:
        self.flags: dict[str, str] = {}
        self.words: list[str] = []
        todo = list(arguments)
        while todo:
            word = todo.pop(0)
            if word in ('--stable', '--candidate', '--beta', '--edge'):
                self.flags['--channel'] = word[2:]
            elif word.startswith('--') and '=' in word:
                key, _, self.flags[key] = word.partition('=')
            elif word in WITH_VALUE and todo:
                self.flags[word] = todo.pop(0)
            elif word.startswith('-') and len(word) > 1:
                self.flags[word] = ''
            else:
                self.words.append(word)

    def has(self, *names: str) -> bool:
        return any(name in self.flags for name in names)


def main(program: str, arguments: list[str]) -> int:
    """Run one snap command."""
    from . import snap_text

    if not arguments or arguments[0] in ('help', '--help', '-h'):
        core.say('The snap command lets you install, configure, refresh and remove snaps.')
        return 0
    verb, rest = ('version', []) if arguments[0] == '--version' else (arguments[0], arguments[1:])
    if verb == 'run':
        from . import snap_run

        snap_run.run(rest)
    commands = CHANGING | snap_text.COMMANDS
    if verb not in commands:
        raise core.Refused(f'error: unknown command "{verb}", see \'{program} help\'.', 64)
    call = Call(rest)
    if verb in CHANGING and os.geteuid() != 0:
        raise core.Refused('error: access denied (try with sudo)')
    try:
        return commands[verb](call)
    except snap_config.Invalid as error:
        raise core.Refused(f'error: {error}') from error


def _one(call: Call) -> str:
    if not call.words:
        raise core.Refused('error: the required argument `<snap>` was not provided')
    return call.words[0]


def note(kept: dict[str, Any], summary: str) -> None:
    """Remember a change, for `snap changes`; the last hundred are kept."""
    changes = kept.setdefault('changes', [])
    number = changes[-1]['id'] + 1 if changes else 1
    changes.append({'id': number, 'time': time.time(), 'summary': summary})
    del changes[:-100]


# install, refresh, remove


def _install(call: Call) -> int:
    if not call.words:
        raise core.Refused('error: cannot install zero snaps')
    for word in call.words:
        if call.has('--dangerous') or '/' in word or word.endswith('.snap'):
            _install_file(call, word)
        else:
            _install_name(call, word)
    return 0


def _install_name(call: Call, name: str) -> None:
    known = _known(name)
    with core.state('snap') as kept:
        if name in kept.get('snaps', {}):
            core.complain(f'snap "{name}" is already installed, see \'snap help refresh\'')
            return
        channel = snap_store.full_channel(call.flags.get('--channel') or 'stable')
        version = _version(known, channel)
        _refuse_unconfined(call, known)
        entry = _entry(call, known, version, str(snap_store.revision(version)), channel)
        _settle(kept, known, entry, f'Install "{name}" snap from "{channel}" channel')
    _start(known)
    core.say(f'{_title(entry, known)} installed')


def _install_file(call: Call, path: str) -> None:
    if '/' not in path and not os.path.exists(path):
        raise core.Refused(f'error: cannot open "{path}": No such file or directory')
    name, version = snap_store.read_file(path)
    if not call.has('--dangerous', '--devmode'):
        raise core.Refused(f'error: cannot find signatures with metadata for snap/component "{path}"')
    known = _known(name)
    _refuse_unconfined(call, known)
    with core.state('snap') as kept:
        before = kept.get('snaps', {}).get(name)
        number = kept.setdefault('local', {}).get(name, 0) + 1
        kept['local'][name] = number
        running = snap_files.running(snap_files.services(known)) if before else []
        entry = _entry(call, known, version, f'x{number}', '')
        _settle(kept, known, entry, f'Install "{name}" snap from file "{path}"')
    _start(known) if not before else _restart(running)
    core.say(f'{_title(entry, known)} installed')


def _known(name: str) -> dict[str, Any]:
    known = snap_store.definition(name)
    if known is None:
        raise core.Refused(f'error: snap "{name}" not found')
    return known


def _version(known: dict[str, Any], channel: str) -> str:
    version = snap_store.version_on(known, channel)
    if not version:
        name = known['name']
        raise core.Refused(
            f'error: snap "{name}" is not available on {channel} but other tracks exist.\n\n'
            '       Please be mindful that different tracks may include different features.\n'
            f"       Get more information with 'snap info {name}'."
        )
    return version


def _refuse_unconfined(call: Call, known: dict[str, Any]) -> None:
    classic = known.get('confinement') == 'classic'
    if classic and not call.has('--classic', '--devmode', '--jailmode'):
        raise core.Refused(CLASSIC.format(name=known['name']))
    if call.has('--classic') and not classic:
        core.complain(f'Warning: flag --classic ignored for strictly confined snap {known["name"]}')


def _entry(call: Call, known: dict[str, Any], version: str, revision: str, channel: str) -> dict[str, Any]:
    notes = [word for word in ('classic', 'devmode', 'jailmode') if call.has(f'--{word}')]
    if known.get('confinement') != 'classic' and 'classic' in notes:
        notes.remove('classic')
    entry = {'name': known['name'], 'version': version, 'revision': revision, 'channel': channel, 'notes': notes}
    return entry | {'cohort': call.flags.get('--cohort', ''), 'time': time.time(), 'disabled': False}


def _settle(kept: dict[str, Any], known: dict[str, Any], entry: dict[str, Any], summary: str) -> None:
    """Lay out a revision, run its configure hook, and only then count it as installed.

    Raises:
        core.Refused: the hook failed; what was there before is current again.
    """
    name = known['name']
    before = kept.setdefault('snaps', {}).get(name)
    snap_files.put(known, entry['version'], entry['revision'])
    try:
        configure(name, kept.get('config', {}).get(name, {}))
    except core.Refused:
        if before:
            snap_files.switch(name, before['revision'])
        else:
            snap_files.take_away(name, known)
        raise
    sequence = [each for each in (before or {}).get('sequence', []) if each['revision'] != entry['revision']]
    entry['sequence'] = [*sequence, {key: entry[key] for key in ('version', 'revision', 'channel')}][-3:]
    kept['snaps'][name] = entry
    note(kept, summary)
    snap_files.reload()


def _start(known: dict[str, Any]) -> None:
    units = snap_files.services(known)
    snap_files.enable(units)
    failed = snap_files.systemctl('start', units)
    if failed:
        apps = ' '.join(f'[{job["unit"]}]' for job in failed)
        core.complain(f'error: cannot perform the following tasks:\n- Start snap "{known["name"]}" services ({apps})')


def _restart(units: list[str]) -> None:
    snap_files.systemctl('restart', units)


def _title(entry: dict[str, Any], known: dict[str, Any]) -> str:
    from . import snap_text

    channel = entry['channel']
    shown = '' if channel in ('', 'latest/stable') else f' ({channel.removeprefix("latest/")})'
    by = f' from {snap_text.publisher(known, title=True)}' if channel else ''
    return f'{entry["name"]}{shown} {entry["version"]}{by}'


def _refresh(call: Call) -> int:
    from . import snap_text

    if call.has('--list', '--time'):
        return snap_text.refreshes(call)
    if call.has('--hold', '--unhold'):
        return _hold(call)
    snaps = core.peek('snap').get('snaps', {})
    if call.words:
        for name in call.words:
            _refresh_one(call, name, quiet=False)
        return 0
    changed = [
        name for name, entry in sorted(snaps.items()) if entry['channel'] and _refresh_one(call, name, quiet=True)
    ]
    if not changed:
        core.complain('All snaps up to date.')
    return 0


def _refresh_one(call: Call, name: str, *, quiet: bool) -> bool:
    """Refresh one snap; False if there was nothing newer."""
    known = _known(name) if name in core.peek('snap').get('snaps', {}) else None
    if known is None:
        core.complain(f'snap "{name}" is not installed')
        return False
    with core.state('snap') as kept:
        before = kept['snaps'][name]
        if not before['channel'] and not call.has('--amend'):
            raise core.Refused(f'error: local snap "{name}" is unknown to the store, use --amend to proceed anyway')
        wanted = call.flags.get('--channel') or before['channel'] or 'stable'
        channel = snap_store.full_channel(wanted, before['channel'])
        version = _wanted_version(call, known, channel)
        revision = str(snap_store.revision(version))
        if revision == before['revision'] and channel == before['channel']:
            if not quiet:
                core.complain(f'snap "{name}" has no updates available')
            return False
        if call.has('--classic') or 'classic' in before['notes']:
            call.flags['--classic'] = ''
        _refuse_unconfined(call, known)
        running = snap_files.running(snap_files.services(known))
        entry = _entry(call, known, version, revision, channel) | {'sequence': before['sequence']}
        _settle(kept, known, entry, f'Refresh "{name}" snap from "{channel}" channel')
    if revision != before['revision']:
        _restart(running)
    core.say(f'{_title(entry, known)} refreshed')
    return True


def _wanted_version(call: Call, known: dict[str, Any], channel: str) -> str:
    asked = call.flags.get('--revision')
    if not asked:
        return _version(known, channel)
    for version in known['tracks'].values():
        if str(snap_store.revision(version)) == asked:
            return str(version)
    raise core.Refused(f'error: cannot refresh "{known["name"]}": no snap revision available as specified')


def _hold(call: Call) -> int:
    with core.state('snap') as kept:
        for name in call.words or list(kept.get('snaps', {})):
            _installed(kept, name)['held'] = call.has('--hold')
    core.say(
        'General refreshes of {} {}.'.format(
            ', '.join(call.words) or 'all snaps', 'held' if call.has('--hold') else 'unheld'
        )
    )
    return 0


def _installed(kept: dict[str, Any], name: str) -> dict[str, Any]:
    if name not in kept.get('snaps', {}):
        raise core.Refused(f'error: snap "{name}" is not installed')
    entry: dict[str, Any] = kept['snaps'][name]
    return entry


def _remove(call: Call) -> int:
    if not call.words:
        raise core.Refused('error: the required argument `<snap> (at least 1 argument)` was not provided')
    for name in call.words:
        with core.state('snap') as kept:
            if name not in kept.get('snaps', {}):
                core.complain(f'snap "{name}" is not installed')
                continue
            snap_files.take_away(name, snap_files.meta(name))
            del kept['snaps'][name]
            kept.get('config', {}).pop(name, None)
            note(kept, f'Remove "{name}" snap')
        core.say(f'{name} removed')
    return 0


def _revert(call: Call) -> int:
    name = _one(call)
    with core.state('snap') as kept:
        entry = _installed(kept, name)
        earlier = [each for each in entry['sequence'] if each['revision'] != entry['revision']]
        wanted = call.flags.get('--revision')
        earlier = [each for each in earlier if each['revision'] == wanted] if wanted else earlier
        if not earlier:
            raise core.Refused(f'error: cannot revert "{name}": no revision to revert to')
        units = snap_files.running(snap_files.services(snap_files.meta(name)))
        entry |= earlier[-1]
        snap_files.switch(name, entry['revision'])
        configure(name, kept.get('config', {}).get(name, {}))
        note(kept, f'Revert "{name}" snap')
        snap_files.reload()
    _restart(units)
    core.say(f'{name} reverted to {entry["version"]}')
    return 0


def _switch(call: Call) -> int:
    name = _one(call)
    with core.state('snap') as kept:
        entry = _installed(kept, name)
        entry['channel'] = snap_store.full_channel(call.flags.get('--channel', 'stable'), entry['channel'])
    core.say(f'"{name}" switched to the "{entry["channel"]}" channel')
    return 0


def _enable(call: Call) -> int:
    return _turn(_one(call), on=True)


def _disable(call: Call) -> int:
    return _turn(_one(call), on=False)


def _turn(name: str, *, on: bool) -> int:
    with core.state('snap') as kept:
        entry = _installed(kept, name)
        if entry['disabled'] is not on:
            raise core.Refused(f'error: snap "{name}" already {"en" if on else "dis"}abled')
        entry['disabled'] = not on
    known = snap_files.meta(name)
    if on:
        _start(known)
    else:
        snap_files.systemctl('stop', snap_files.services(known))
        snap_files.disable(snap_files.services(known))
    core.say(f'{name} {"en" if on else "dis"}abled')
    return 0


# configuration


def configure(name: str, config: dict[str, Any]) -> None:
    """Run a snap's configure hook.

    Raises:
        core.Refused: it failed.
    """
    known = snap_files.meta(name)
    hook = known.get('configure', 'args' if known.get('options') else '')
    try:
        if hook == 'args':
            snap_files.write_arguments(name, config)
        elif hook:
            _run_hook(known, hook, config)
    except snap_config.Invalid as error:
        raise core.Refused(
            'error: cannot perform the following tasks:\n'
            f'- Run configure hook of "{name}" snap (run hook "configure": {error})'
        ) from error


def _run_hook(known: dict[str, Any], hook: str, config: dict[str, Any]) -> None:
    import json
    import subprocess

    core.write(f'/var/snap/{known["name"]}/current/.configuration.json', json.dumps(config), 0o600)
    environment = {**os.environ, **snap_files.environment(known)}
    done = subprocess.run(
        [os.path.normpath(f'{known["folder"]}/{hook}')], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise snap_config.Invalid((done.stdout + done.stderr).strip() or f'exit status {done.returncode}')


def _set(call: Call) -> int:
    name = _one(call)
    if len(call.words) < 2:
        raise core.Refused('error: the required argument `<conf value> (at least 1 argument)` was not provided')
    as_text = call.has('-s')
    return _change(name, [snap_config.assignment(word, as_text=as_text) for word in call.words[1:]])


def _unset(call: Call) -> int:
    name = _one(call)
    if len(call.words) < 2:
        raise core.Refused('error: the required argument `<conf key> (at least 1 argument)` was not provided')
    return _change(name, [snap_config.assignment(f'{word}!') for word in call.words[1:]])


def _change(name: str, changes: list[tuple[str, Any]]) -> int:
    """Set a snap's options all together, or none when its configure hook refuses."""
    name = 'core' if name in SYSTEM else name
    with core.state('snap') as kept:
        if name != 'core':
            _installed(kept, name)
        config = kept.setdefault('config', {}).get(name, {})
        for key, value in changes:
            config = snap_config.changed(config, key, value)
        if name == 'core':
            _configure_system(changes, kept.get('stores', []))
        else:
            configure(name, config)
        kept['config'][name] = config
        note(kept, f'Change configuration of "{name}" snap')
    return 0


def _configure_system(changes: list[tuple[str, Any]], stores: list[str]) -> None:
    try:
        for key, value in changes:
            snap_config.check_system(key, value, stores)
    except snap_config.Invalid as error:
        raise core.Refused(
            'error: cannot perform the following tasks:\n'
            f'- Run configure hook of "core" snap (run hook "configure": {error})'
        ) from error


# services


def _job(verb: str, done: str) -> Callable[[Call], int]:
    def run(call: Call) -> int:
        if not call.words:
            raise core.Refused('error: the required argument `<service> (at least 1 argument)` was not provided')
        units = [unit for word in call.words for unit in _units(word)]
        if verb == 'restart' and not any('.' in word for word in call.words):
            units = snap_files.running(units)
        if call.has('--enable'):
            snap_files.enable(units)
        failed = snap_files.systemctl('reload-or-restart' if call.has('--reload') else verb, units)
        if call.has('--disable'):
            snap_files.disable(units)
        if failed:
            shown = ' '.join(each['unit'] for each in failed)
            raise core.Refused(f'error: cannot perform the following tasks:\n- {verb} of [{shown}] (exit status 1)')
        core.say(done)
        return 0

    return run


def _units(word: str) -> list[str]:
    """Return the units that `NAME` or `NAME.APP` means."""
    name, _, app = word.partition('.')
    if name not in core.peek('snap').get('snaps', {}):
        raise core.Refused(f'error: snap "{name}" not found')
    units = snap_files.services(snap_files.meta(name))
    wanted = [unit for unit in units if not app or unit == f'snap.{name}.{app}.service']
    if not wanted:
        what = f'has no service "{app}"' if app else 'has no services'
        raise core.Refused(f'error: snap "{name}" {what}')
    return wanted


# the rest


def _connect(call: Call) -> int:
    kept = core.peek('snap')
    for word in call.words:
        name = word.partition(':')[0]
        if name and name not in SYSTEM:
            _installed(kept, name)
    return 0


def _alias(call: Call) -> int:
    if len(call.words) != 2:
        raise core.Refused('error: the required arguments `<snap.app>` and `<alias>` were not provided')
    name, _, app = call.words[0].partition('.')
    _installed(core.peek('snap'), name)
    core.link(f'/snap/bin/{call.words[1]}', snap_files.command_name(name, app or name))
    core.say(f'Added:\n  - {call.words[0]} as {call.words[1]}')
    return 0


def _unalias(call: Call) -> int:
    if not os.path.islink(core.path(f'/snap/bin/{_one(call)}')):
        raise core.Refused(f'error: cannot find manual alias "{_one(call)}" in any snap')
    core.remove(f'/snap/bin/{_one(call)}')
    return 0


def _ack(call: Call) -> int:
    """Take assertions; only the stores they speak of are remembered, and no signature is looked at."""
    try:
        with open(_one(call), encoding='utf-8') as file:
            assertions = file.read().split('\n\n')
    except OSError as error:
        raise core.Refused(f'error: cannot open {_one(call)}: {error.strerror}') from error
    headers = [dict(line.split(': ', 1) for line in text.splitlines() if ': ' in line) for text in assertions]
    with core.state('snap') as kept:
        known = kept.setdefault('stores', [])
        known += [each['store'] for each in headers if each.get('type') == 'store' and each.get('store')]
    return 0


def _download(call: Call) -> int:
    name = _one(call)
    known = _known(name)
    version = _version(known, snap_store.full_channel(call.flags.get('--channel') or 'stable'))
    stem = f'{call.flags.get("--target-directory", ".")}/{name}_{snap_store.revision(version)}'
    for suffix, text in (('.snap', f'{snap_store.MAGIC}{name} {version}\n'), ('.assert', 'type: snap-declaration\n')):
        with open(stem + suffix, 'w', encoding='utf-8') as file:
            file.write(text)
    core.say(
        f'Fetching snap "{name}"\nFetching assertions for "{name}"\nInstall the snap with:\n   snap ack {stem}.assert'
    )
    core.say(f'   snap install {stem}.snap')
    return 0


def _nothing(_call: Call) -> int:
    return 0


CHANGING: dict[str, Callable[[Call], int]] = {
    'install': _install,
    'refresh': _refresh,
    'remove': _remove,
    'revert': _revert,
    'switch': _switch,
    'enable': _enable,
    'disable': _disable,
    'set': _set,
    'unset': _unset,
    'start': _job('start', 'Started.'),
    'stop': _job('stop', 'Stopped.'),
    'restart': _job('restart', 'Restarted.'),
    'connect': _connect,
    'disconnect': _connect,
    'alias': _alias,
    'unalias': _unalias,
    'ack': _ack,
    'download': _download,
    'wait': _nothing,
    'watch': _nothing,
    'login': _nothing,
}
