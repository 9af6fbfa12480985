"""systemctl and service: verbs, texts and exit codes of systemd 249."""

from __future__ import annotations

import os
import time

from . import core, init_client, unit_files, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WITH_VALUE = {
    '-p',
    '--property',
    '-P',
    '-n',
    '--lines',
    '-o',
    '--output',
    '-t',
    '--type',
    '-s',
    '--signal',
    '--kill-who',
}
WITH_VALUE |= {'--state', '--job-mode', '--root', '-H', '-M', '--kill-whom', '--message', '--when'}
JOB_VERBS = {
    'start': 'start', 'stop': 'stop', 'restart': 'restart', 'reload': 'reload', 'try-restart': 'restart',
    'condrestart': 'restart', 'reload-or-restart': 'reload', 'force-reload': 'reload',
    'try-reload-or-restart': 'reload',
}  # fmt: skip
ALIASES = {'condrestart': 'try-restart', 'force-reload': 'reload-or-restart'}


class Call:
    """A command line taken apart: options may stand anywhere."""

    def __init__(self, arguments: list[str]) -> None:
        self.words: list[str] = []
        self.flags: dict[str, str] = {}
        todo = list(arguments)
        while todo:
            word = todo.pop(0)
            if word.startswith('--') and '=' in word:
                key, _, value = word.partition('=')
                self._set(key, value)
            elif word in WITH_VALUE:
                self._set(word, todo.pop(0) if todo else '')
            elif word.startswith('-') and word[:2] in WITH_VALUE and not word.startswith('--'):
                self._set(word[:2], word[2:])
            elif word.startswith('-') and word != '-':
                self.flags[word] = ''
            else:
                self.words.append(word)
        self.verb = self.words.pop(0) if self.words else 'list-units'
        self.quiet = bool({'-q', '--quiet'} & set(self.flags))

    def _set(self, key: str, value: str) -> None:
        key = {'--property': '-p', '--lines': '-n', '--output': '-o', '--type': '-t', '--signal': '-s'}.get(key, key)
        self.flags[key] = f'{self.flags[key]},{value}' if key == '-p' and key in self.flags else value

    @property
    def names(self) -> list[str]:
        return [units.full_name(word) for word in self.words]


def main(program: str, arguments: list[str]) -> int:
    """Run systemctl, or service in front of it."""
    if program == 'service':
        arguments = _of_service(arguments)
    call = Call(arguments)
    if call.verb in JOB_VERBS:
        return _jobs(call, call.verb, _names(call))
    if call.verb not in VERBS:
        raise core.Refused(f'Unknown command verb {call.verb}.')
    return VERBS[call.verb](call)


def _of_service(arguments: list[str]) -> list[str]:
    """Turn `service NAME VERB` round."""
    if len(arguments) < 2 or arguments[0].startswith('-'):
        raise core.Refused('Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]')
    verb = 'restart' if arguments[1] == '--full-restart' else arguments[1]
    return [verb, arguments[0]]


def _names(call: Call) -> list[str]:
    if not call.names:
        raise core.Refused('Too few arguments.')
    return call.names


# jobs


def _jobs(call: Call, verb: str, names: list[str]) -> int:
    """Ask for a job on each unit, wait, and tell what failed."""
    _warn_of_changes(verb, names)
    asked = ALIASES.get(verb, verb)
    answer = init_client.ask(asked, names, wait='--no-block' not in call.flags)
    codes = [_tell(JOB_VERBS[verb] if verb != asked else verb, job) for job in answer['jobs']]
    return max(codes, default=0)


def _warn_of_changes(verb: str, names: list[str]) -> None:
    for unit in init_client.ask('show', names)['units']:
        if unit['NeedDaemonReload'] == 'yes' and unit['ActiveState'] != 'inactive' and verb != 'stop':
            core.complain(
                f'Warning: The unit file, source configuration file or drop-ins of {unit["Id"]} changed on disk. '
                "Run 'systemctl daemon-reload' to reload units."
            )


def _tell(verb: str, job: dict[str, str]) -> int:
    """Explain a job's result on stderr as systemctl does; return the exit code."""
    unit, result, why = job['unit'], job['result'], job['why']
    if result == 'done':
        return 0
    refusals = {
        'not-found': (f'Failed to {verb} {unit}: Unit {unit} not found.', 5),
        'not-loaded': (f'Failed to {verb} {unit}: Unit {unit} not loaded.', 5),
        'masked': (f'Failed to {verb} {unit}: Unit {unit} is masked.', 1),
        'bad-setting': (
            f'Failed to {verb} {unit}: Unit {unit} has a bad unit file setting.\n'
            f"See system logs and 'systemctl status {unit}' for details.",
            1,
        ),
        'not-active': (f'{unit} is not active, cannot reload.', 1),
        'not-reloadable': (
            f'Failed to reload {unit}: Job type reload is not applicable for unit {unit}.\n'
            f"See system logs and 'systemctl status {unit}' for details.",
            1,
        ),
        'canceled': (f'Job for {unit} canceled.', 1),
        'dependency': (
            f"A dependency job for {unit} failed. See 'journalctl -xe' for details.",
            1,
        ),
    }
    message, code = refusals.get(result, (_failure(unit, why), 1))
    core.complain(message)
    return code


def _failure(unit: str, why: str) -> str:
    reasons = {
        'exit-code': 'the control process exited with error code',
        'signal': 'a fatal signal was delivered to the control process',
        'core-dump': 'a fatal signal was delivered causing the control process to dump core',
        'protocol': 'the service did not take the steps required by its unit configuration',
        'timeout': 'a timeout was exceeded',
        'resources': 'of unavailable resources or another system error',
        'start-limit-hit': 'start of the service was attempted too often',
    }
    text = f'Job for {unit} failed because {reasons[why]}.' if why in reasons else f'Job for {unit} failed.'
    text += f'\nSee "systemctl status {unit}" and "journalctl -xeu {unit}" for details.'
    if why == 'start-limit-hit':
        text += f'\nTo force a start use "systemctl reset-failed {unit}"\nfollowed by "systemctl start {unit}" again.'
    return text


# questions


def _is_active(call: Call) -> int:
    states = [unit['ActiveState'] for unit in init_client.ask('show', _names(call))['units']]
    _say_each(call, states)
    return 0 if any(state in ('active', 'reloading') for state in states) else 3


def _is_failed(call: Call) -> int:
    states = [unit['ActiveState'] for unit in init_client.ask('show', _names(call))['units']]
    _say_each(call, states)
    return 0 if 'failed' in states else 1


def _say_each(call: Call, states: list[str]) -> None:
    if not call.quiet:
        for state in states:
            core.say(state)


def _is_enabled(call: Call) -> int:
    code = 1
    for name in _names(call):
        state = unit_files.state(name)
        if not state:
            core.complain(f'Failed to get unit file state for {name}: No such file or directory')
            return 1
        _say_each(call, [state])
        if state in ('enabled', 'static', 'alias', 'indirect', 'generated'):
            code = 0
    return code


def _is_system_running(call: Call) -> int:
    failed = any(unit['ActiveState'] == 'failed' for unit in init_client.ask('show')['units'])
    _say_each(call, ['degraded' if failed else 'running'])
    return 1 if failed else 0


def _status(call: Call) -> int:
    codes = []
    for name in call.names:
        unit = init_client.show(name)
        if unit['LoadState'] == 'not-found':
            core.complain(f'Unit {name} could not be found.')
            codes.append(4)
            continue
        core.say(_status_text(unit, int(call.flags.get('-n') or 10)))
        codes.append(0 if unit['ActiveState'] in ('active', 'reloading') else 3)
    return max(codes, default=0)


def _status_text(unit: dict[str, Any], lines: int) -> str:
    from . import journalctl

    dot = {'active': '●', 'failed': '×', 'activating': '●', 'reloading': '↻'}.get(unit['ActiveState'], '○')
    loaded = unit['LoadState']
    if unit['FragmentPath'] and loaded != 'masked':
        loaded += f' ({unit["FragmentPath"]}; {unit["UnitFileState"]}; vendor preset: enabled)'
    elif loaded == 'masked':
        loaded = f'masked (Reason: Unit {unit["Id"]} is masked.)'
    result = f' (Result: {unit["Result"]})' if unit['Result'] != 'success' else ''
    since = time.strftime('%a %Y-%m-%d %H:%M:%S %Z', time.localtime(unit['StateChangeTimestamp']))
    text = [f'{dot} {unit["Id"]} - {unit["Description"]}', f'     Loaded: {loaded}']
    if unit['DropInPaths']:
        text.append(f'    Drop-In: {unit["DropInPaths"]}')
    text.append(f'     Active: {unit["ActiveState"]} ({unit["SubState"]}){result} since {since}')
    if unit['MainPID']:
        text.append(f'   Main PID: {unit["MainPID"]}')
    tail = journalctl.tail([unit['Id']], lines)
    return '\n'.join([*text, '', *tail] if tail else text)


def _show(call: Call) -> int:
    wanted = [each for each in call.flags.get('-p', call.flags.get('-P', '')).split(',') if each]
    blocks = []
    for name in call.names:
        unit = _shown(init_client.show(name))
        keys = wanted or list(unit)
        bare = '--value' in call.flags or '-P' in call.flags
        blocks.append('\n'.join(unit[key] if bare else f'{key}={unit[key]}' for key in keys if key in unit))
    core.say('\n\n'.join(blocks))
    return 0


def _shown(unit: dict[str, Any]) -> dict[str, str]:
    """Return properties as `show` prints them."""
    texts = {key: str(value) for key, value in unit.items() if key not in ('LoadError', 'Job')}
    for key in ('StateChangeTimestamp', 'ExecMainStartTimestamp'):
        known = unit[key] and time.strftime('%a %Y-%m-%d %H:%M:%S %Z', time.localtime(unit[key]))
        texts[key] = known or ''
    if unit['LoadError']:
        texts['LoadError'] = f'org.freedesktop.systemd1.BadUnitSetting "{unit["LoadError"]}"'
    return texts


def _cat(call: Call) -> int:
    for name in _names(call):
        paths = unit_files.sources(name)
        if not paths:
            raise core.Refused(f'No files found for {name}.')
        core.say('\n'.join(f'# {path}\n{core.read(path)}' for path in paths).rstrip('\n'))
    return 0


def _list_units(call: Call) -> int:
    rows = []
    for unit in init_client.ask('show')['units']:
        kinds = [kind for kind in call.flags.get('-t', '').split(',') if kind]
        states = [state for state in call.flags.get('--state', '').split(',') if state]
        failed_only = '--failed' in call.flags
        hidden = unit['ActiveState'] == 'inactive' and not {'-a', '--all'} & set(call.flags)
        if (kinds and unit['Id'].rpartition('.')[2] not in kinds) or (failed_only and unit['ActiveState'] != 'failed'):
            continue
        if (states and unit['ActiveState'] not in states and unit['SubState'] not in states) or (hidden and not states):
            continue
        if call.names and unit['Id'] not in call.names:
            continue
        rows.append([unit['Id'], unit['LoadState'], unit['ActiveState'], unit['SubState'], unit['Description']])
    _table(['UNIT', 'LOAD', 'ACTIVE', 'SUB', 'DESCRIPTION'], rows, plain='--no-legend' in call.flags)
    return 0


def _list_unit_files(call: Call) -> int:
    found: dict[str, str] = {}
    for folder in unit_files.FOLDERS:
        place = core.path(folder)
        for name in os.listdir(place) if os.path.isdir(place) else []:
            if name.endswith(units.SUFFIXES) and (not call.names or name in call.names):
                found.setdefault(name, unit_files.state(name))
    kinds = [kind for kind in call.flags.get('-t', '').split(',') if kind]
    rows = [[name, found[name]] for name in sorted(found) if not kinds or name.rpartition('.')[2] in kinds]
    _table(['UNIT FILE', 'STATE'], rows, plain='--no-legend' in call.flags)
    return 0


def _table(heads: list[str], rows: list[list[str]], *, plain: bool) -> None:
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in rows if plain else [heads, *rows]:
        core.say('  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if not plain:
        core.say(f'\n{len(rows)} units listed.' if len(heads) > 2 else f'\n{len(rows)} unit files listed.')


# unit files


def _enable(call: Call) -> int:
    names = _names(call)
    for name in names:
        if not unit_files.find(name):
            raise core.Refused(f'Failed to enable unit: Unit file {name} does not exist.')
        if unit_files.is_masked(name):
            raise core.Refused(f'Failed to enable unit: Unit file {unit_files.find(name)} is masked.')
    for name in list(names):
        names += [other for other in unit_files.also(name) if other not in names]
    wanted = [(link, name) for name in names for link in unit_files.install_links(name)]
    if not wanted:
        core.complain('The unit files have no installation config (WantedBy=, RequiredBy=, Also=, Alias= settings).')
    for link, name in wanted:
        _make_link(link, unit_files.real(unit_files.find(name)), quiet=call.quiet)
    return _then(call, 'start', call.names)


def _make_link(link: str, target: str, *, quiet: bool) -> None:
    if os.path.islink(core.path(link)) and os.readlink(core.path(link)) == target:
        return
    core.link(link, target)
    if not quiet:
        core.complain(f'Created symlink {link} → {target}.')


def _disable(call: Call) -> int:
    for name in _names(call):
        if not unit_files.find(name) and not unit_files.enabled_links(name):
            raise core.Refused(f'Failed to disable unit: Unit file {name} does not exist.')
        for link in unit_files.enabled_links(name):
            _remove_link(link, quiet=call.quiet)
    return _then(call, 'stop', call.names)


def _remove_link(link: str, *, quiet: bool) -> None:
    core.remove(link)
    if not quiet:
        core.complain(f'Removed {link}.')


def _then(call: Call, verb: str, names: list[str]) -> int:
    """Let init read the links anew, and with --now start or stop the units as well."""
    if init_client.is_running():
        init_client.ask('daemon-reload')
        if '--now' in call.flags:
            return _jobs(call, verb, names)
    return 0


def _reenable(call: Call) -> int:
    return _disable(call) or _enable(call)


def _mask(call: Call) -> int:
    for name in _names(call):
        place = f'{unit_files.ETC}/{name}'
        if os.path.exists(core.path(place)) and not os.path.islink(core.path(place)):
            raise core.Refused(f'Failed to mask unit: File {place} already exists.')
        _make_link(place, '/dev/null', quiet=call.quiet)
    return _then(call, 'stop', call.names)


def _unmask(call: Call) -> int:
    for name in _names(call):
        if unit_files.is_masked(name):
            _remove_link(f'{unit_files.ETC}/{name}', quiet=call.quiet)
    return _then(call, 'start', []) if '--now' not in call.flags else 0


def _daemon_reload(_call: Call) -> int:
    init_client.ask('daemon-reload')
    return 0


def _reset_failed(call: Call) -> int:
    for name in call.names:
        if init_client.show(name)['LoadState'] == 'not-found':
            raise core.Refused(f'Failed to reset failed state of unit {name}: Unit {name} not loaded.')
    init_client.ask('reset-failed', call.names)
    return 0


def _kill(call: Call) -> int:
    whom = call.flags.get('--kill-who', call.flags.get('--kill-whom', 'all'))
    init_client.ask('kill', _names(call), signal=call.flags.get('-s') or 'TERM', whom=whom)
    return 0


def _halt(_call: Call) -> int:
    init_client.ask('halt')
    return 0


VERBS: dict[str, Callable[[Call], int]] = {
    'is-active': _is_active,
    'is-failed': _is_failed,
    'is-enabled': _is_enabled,
    'is-system-running': _is_system_running,
    'status': _status,
    'show': _show,
    'cat': _cat,
    'list-units': _list_units,
    'list-unit-files': _list_unit_files,
    'enable': _enable,
    'disable': _disable,
    'reenable': _reenable,
    'mask': _mask,
    'unmask': _unmask,
    'daemon-reload': _daemon_reload,
    'daemon-reexec': _daemon_reload,
    'reset-failed': _reset_failed,
    'kill': _kill,
    'reboot': _halt,
    'poweroff': _halt,
    'halt': _halt,
}
