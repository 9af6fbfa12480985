"""snap: the commands that only tell something."""

from __future__ import annotations

import json
import sys
import time

from . import core, snap_config, snap_files, snap_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .snap import Call

TITLES = {'canonical': 'Canonical'}


def publisher(known: dict[str, Any], *, title: bool = False, mark: str = '') -> str:
    """Return who published a snap; Canonical is marked as verified."""
    name = str(known.get('publisher', 'canonical'))
    verified = (mark or '✓') if name == 'canonical' else ''
    return (TITLES.get(name, name) if title else name) + verified


def table(heads: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in [heads, *rows]:
        core.say('  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _snaps() -> dict[str, dict[str, Any]]:
    snaps: dict[str, dict[str, Any]] = core.peek('snap').get('snaps', {})
    return snaps


def _mark(call: Call) -> str:
    wanted = call.flags.get('--unicode', 'auto')
    return '✓' if wanted == 'always' or (wanted == 'auto' and sys.stdout.isatty()) else '**'


def _list(call: Call) -> int:
    snaps = _snaps()
    if call.words and not set(call.words) & set(snaps):
        raise core.Refused('error: no matching snaps installed')
    if not snaps:
        core.complain("No snaps are installed yet. Try 'snap install hello-world'.")
        return 0
    names = sorted(name for name in snaps if not call.words or name in call.words)
    table(
        ['Name', 'Version', 'Rev', 'Tracking', 'Publisher', 'Notes'], [_row(snaps[name], _mark(call)) for name in names]
    )
    return 0


def _row(entry: dict[str, Any], mark: str) -> list[str]:
    known = snap_store.definition(entry['name']) or {}
    return [
        entry['name'],
        entry['version'],
        entry['revision'],
        entry['channel'] or '-',
        publisher(known, mark=mark) if entry['channel'] else '-',
        _notes(entry),
    ]


def _notes(entry: dict[str, Any]) -> str:
    notes = list(entry['notes'])
    notes += [word for word in ('disabled', 'held') if entry.get(word)]
    return ','.join(notes) or (
        'core' if entry['name'] == 'core' else 'base' if entry['name'].startswith('core') else '-'
    )


def refreshes(call: Call) -> int:
    """`snap refresh --list` and `--time`."""
    if '--time' in call.flags:
        timer = snap_config.value_of(core.peek('snap').get('config', {}).get('core', {}), 'refresh.timer')
        core.say(f'timer: {timer or "00:00~24:00/4"}\nlast: n/a\nnext: n/a')
        return 0
    rows = []
    for name, entry in sorted(_snaps().items()):
        known = snap_store.definition(name)
        version = snap_store.version_on(known, entry['channel']) if known and entry['channel'] else ''
        if known and version and str(snap_store.revision(version)) != entry['revision']:
            rows.append(
                [
                    name,
                    version,
                    str(snap_store.revision(version)),
                    '30MB',
                    publisher(known, mark=_mark(call)),
                    _notes(entry),
                ]
            )
    if rows:
        table(['Name', 'Version', 'Rev', 'Size', 'Publisher', 'Notes'], rows)
    else:
        core.complain('All snaps up to date.')
    return 0


def _info(call: Call) -> int:
    found = 0
    for word in call.words:
        known = snap_store.definition(word)
        if known is None:
            core.complain(f'warning: no snap found for "{word}"')
            continue
        if found:
            core.say('---')
        found += 1
        _describe(known)
    if not found:
        raise core.Refused('error: no valid snaps given')
    return 0


def _describe(known: dict[str, Any]) -> None:
    name = known['name']
    entry = _snaps().get(name)
    summary = known.get('summary', name)
    core.say(f'name:      {name}\nsummary:   {summary}\npublisher: {publisher(known, title=True)}\nlicense:   unset')
    core.say(f'description: |\n  {summary}')
    commands = [snap_files.command_name(name, app) for app, each in known['apps'].items() if not each.get('daemon')]
    if commands:
        core.say('commands:\n' + '\n'.join(f'  - {command}' for command in commands))
    if entry:
        states = _service_rows(name)
        if states:
            core.say('services:\n' + '\n'.join(f'  {row[0]}: simple, {row[1]}, {row[2]}' for row in states))
    core.say(f'snap-id:      {name.replace("-", "")}0123456789')
    if entry and entry['channel']:
        core.say(f'tracking:     {entry["channel"]}')
    if entry:
        core.say(f'refresh-date: {time.strftime("%Y-%m-%d", time.gmtime(entry["time"]))}')
    core.say('channels:')
    flavour = 'classic' if known.get('confinement') == 'classic' else '-'
    for track, version in [('latest', snap_store.latest(known)), *known['tracks'].items()]:
        core.say(f'  {track}/stable: {version} 2019-01-01 ({snap_store.revision(version)}) 30MB {flavour}')
    if entry:
        core.say(f'installed:    {entry["version"]} ({entry["revision"]}) 30MB {_notes(entry)}')


def _get(call: Call) -> int:
    if not call.words:
        raise core.Refused('error: the required argument `<snap>` was not provided')
    name = 'core' if call.words[0] in ('core', 'system') else call.words[0]
    kept = core.peek('snap')
    if name != 'core' and name not in kept.get('snaps', {}):
        raise core.Refused(f'error: snap "{name}" is not installed')
    config: dict[str, Any] = kept.get('config', {}).get(name, {})
    found = {}
    for key in call.words[1:]:
        found[key] = snap_config.value_of(config, key)
        if found[key] is None:
            raise core.Refused(f'error: snap "{name}" has no "{key}" configuration option')
    _print(call, name, found if call.words[1:] else config, key=call.words[1] if len(call.words) == 2 else '')
    return 0


def _print(call: Call, name: str, found: dict[str, Any], key: str) -> None:
    if call.has('-d'):
        core.say(json.dumps(found, indent='\t', ensure_ascii=False))
    elif key and not isinstance(found[key], dict) and not call.has('-l'):
        value = found[key]
        core.say(value if isinstance(value, str) and not call.has('-t') else json.dumps(value, separators=(',', ':')))
    elif key and call.has('-t'):
        core.say(json.dumps(found[key], indent='\t'))
    elif not found:
        raise core.Refused(f'error: snap "{name}" has no configuration')
    else:
        flat = (
            {f'{key}.{below}': each for below, each in found[key].items()}
            if key and isinstance(found[key], dict)
            else found
        )
        table(['Key', 'Value'], [[each, _cell(flat[each])] for each in sorted(flat)])


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else '{...}' if isinstance(value, dict) else json.dumps(value)


def _service_rows(name: str) -> list[list[str]]:
    from . import init_client, unit_files

    rows = []
    for unit in snap_files.services(snap_files.meta(name)):
        enabled = 'enabled' if unit_files.enabled_links(unit) else 'disabled'
        active = init_client.is_running() and init_client.show(unit)['ActiveState'] == 'active'
        rows.append(
            [unit.removeprefix('snap.').removesuffix('.service'), enabled, 'active' if active else 'inactive', '-']
        )
    return rows


def _services(call: Call) -> int:
    snaps = _snaps()
    for word in call.words:
        if word.partition('.')[0] not in snaps:
            raise core.Refused(f'error: snap "{word.partition(".")[0]}" not found')
    rows = [row for name in sorted(snaps) for row in _service_rows(name)]
    wanted = [row for row in rows if not call.words or row[0] in call.words or row[0].partition('.')[0] in call.words]
    if not wanted:
        core.complain('There are no services provided by installed snaps.')
        return 0
    table(['Service', 'Startup', 'Current', 'Notes'], wanted)
    return 0


def _logs(call: Call) -> int:
    from . import journalctl

    if not call.words:
        raise core.Refused('error: the required argument `<service> (at least 1 argument)` was not provided')
    lines = call.flags.get('-n') or '10'
    names = [f'snap.{row[0]}.service' for row in _service_rows(call.words[0].partition('.')[0])]
    for line in journalctl.tail(names, 10**6 if lines == 'all' else int(lines)):
        core.say(line)
    return 0


def _version(_call: Call) -> int:
    core.say('snap    2.58\nsnapd   2.58\nseries  16\nubuntu  22.04\nkernel  5.15.0-generic')
    return 0


def _changes(_call: Call) -> int:
    rows = []
    for change in core.peek('snap').get('changes', []):
        when = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(change['time']))
        rows.append([str(change['id']), 'Done', when, when, change['summary']])
    if not rows:
        raise core.Refused('error: no changes found')
    table(['ID', 'Status', 'Spawn', 'Ready', 'Summary'], rows)
    return 0


def _connections(_call: Call) -> int:
    table(
        ['Interface', 'Plug', 'Slot', 'Notes'],
        [['network', f'{name}:network', ':network', '-'] for name in sorted(_snaps())],
    )
    return 0


def _interface(call: Call) -> int:
    core.say(f'name:    {call.words[0] if call.words else "network"}\nsummary: allows access to the network')
    return 0


def _known(_call: Call) -> int:
    return 0


def _create_cohort(call: Call) -> int:
    core.say('cohorts:')
    for name in call.words:
        if snap_store.definition(name) is None:
            raise core.Refused(f'error: snap "{name}" not found')
        core.say(f'  {name}:\n    cohort-key: MSBDT0hPUlQ{name}')
    return 0


def _find(call: Call) -> int:
    known = snap_store.definition(call.words[0]) if call.words else None
    if known is None:
        core.complain(f'No matching snaps for {json.dumps(call.words[0] if call.words else "")}')
        return 0
    row = [known['name'], snap_store.latest(known), publisher(known, mark=_mark(call)), '-', known.get('summary', '')]
    table(['Name', 'Version', 'Publisher', 'Notes', 'Summary'], [row])
    return 0


def _warnings(_call: Call) -> int:
    core.say('No warnings.')
    return 0


COMMANDS: dict[str, Callable[[Call], int]] = {
    'list': _list,
    'info': _info,
    'get': _get,
    'services': _services,
    'logs': _logs,
    'version': _version,
    'changes': _changes,
    'connections': _connections,
    'interfaces': _connections,
    'interface': _interface,
    'known': _known,
    'create-cohort': _create_cohort,
    'find': _find,
    'warnings': _warnings,
}
