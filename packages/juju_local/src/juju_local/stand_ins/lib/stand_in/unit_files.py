"""Unit files on disk: where they are looked for, drop-ins, and the links that enable and mask them."""

from __future__ import annotations

import os

from . import core, units

FOLDERS = ('/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system', '/lib/systemd/system')
ETC = FOLDERS[0]
INIT_SETTINGS = f'{core.HOME}/init.json'  # {"line_max": 2048} for a systemd older than 235


def find(name: str) -> str:
    """Return the path of a unit's file (or its template's), '' if there is none."""
    for candidate in (name, units.template_of(name)):
        for folder in FOLDERS:
            if candidate and os.path.lexists(core.path(f'{folder}/{candidate}')):
                return f'{folder}/{candidate}'
    return ''


def real(path: str) -> str:
    """Follow a link of the machine to the file it names: one step, as aliases are made."""
    place = core.path(path)
    if not os.path.islink(place):
        return path
    target = os.readlink(place)
    return target if target.startswith('/') else os.path.normpath(f'{os.path.dirname(path)}/{target}')


def is_masked(name: str) -> bool:
    path = find(name)
    return bool(path) and real(path) == '/dev/null'


def drop_ins(name: str) -> list[str]:
    """Return the paths of a unit's drop-ins in the order they apply; an earlier folder hides a later one's file."""
    found: dict[str, str] = {}
    for folder in reversed(FOLDERS):
        for owner in dict.fromkeys((units.template_of(name), name)):
            place = f'{folder}/{owner}.d'
            if owner and os.path.isdir(core.path(place)):
                found |= {each: f'{place}/{each}' for each in os.listdir(core.path(place)) if each.endswith('.conf')}
    return [found[each] for each in sorted(found)]


def sources(name: str) -> list[str]:
    """Return every file that makes up a unit, its own first."""
    path = find(name)
    return [real(path), *drop_ins(name)] if path else []


def stamp(name: str) -> list[tuple[str, int]]:
    """Return what changes when the unit's files change."""
    return [(path, _modified(core.path(path))) for path in sources(name)]


def _modified(place: str) -> int:
    try:
        return os.stat(place).st_mtime_ns
    except FileNotFoundError:
        return 0


def load(name: str) -> units.Unit:
    """Read a unit.

    Raises:
        units.Bad: systemd would refuse it.
    """
    line_max = int(core.read_json(INIT_SETTINGS, {}).get('line_max', units.LINE_MAX))
    settings: list[tuple[str, str, str]] = []
    for path in sources(name):
        try:
            settings += units.parse(core.read(path), line_max)
        except units.Bad as error:
            raise units.Bad(f'{path}:{error}') from error
    return units.Unit(name, settings)


def wanted_by(target: str, relation: str = 'wants') -> list[str]:
    """Return the units that links under `TARGET.wants` (or `.requires`) pull in."""
    found: set[str] = set()
    for folder in FOLDERS:
        place = core.path(f'{folder}/{target}.{relation}')
        if os.path.isdir(place):
            found |= set(os.listdir(place))
    return sorted(found)


def install_links(name: str) -> list[str]:
    """Return the links that enabling the unit makes."""
    unit = load(name)
    links = [f'{ETC}/{target}.wants/{name}' for target in unit.words('Install', 'WantedBy')]
    links += [f'{ETC}/{target}.requires/{name}' for target in unit.words('Install', 'RequiredBy')]
    return links + [f'{ETC}/{alias}' for alias in unit.words('Install', 'Alias') if alias != name]


def also(name: str) -> list[str]:
    return load(name).words('Install', 'Also')


def enabled_links(name: str) -> list[str]:
    """Return the links in /etc that now enable the unit, whatever its file says."""
    found = []
    place = core.path(ETC)
    for folder in sorted(os.listdir(place)) if os.path.isdir(place) else []:
        if folder.endswith(('.wants', '.requires')) and os.path.lexists(f'{place}/{folder}/{name}'):
            found.append(f'{ETC}/{folder}/{name}')
        elif (
            folder != name and os.path.islink(f'{place}/{folder}') and os.path.basename(real(f'{ETC}/{folder}')) == name
        ):
            found.append(f'{ETC}/{folder}')
    return found


def state(name: str) -> str:
    """Return what `systemctl is-enabled` says, '' for a unit that does not exist."""
    path = find(name)
    if not path:
        return ''
    if is_masked(name):
        return 'masked'
    if os.path.basename(path) == name and os.path.basename(real(path)) != name:
        return 'alias'
    if enabled_links(name):
        return 'enabled'
    return 'disabled' if install_links(name) or also(name) else 'static'
