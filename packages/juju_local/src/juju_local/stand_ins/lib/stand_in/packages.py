"""The packages of a machine: what the archive offers (packages.json), what is installed, and how that is changed."""

from __future__ import annotations

import json
import os
import shutil

from . import core, unit_files, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def archive() -> dict[str, dict[str, Any]]:
    """Return what the store's packages.json offers, by name."""
    with open(f'{core.store()}/packages.json', encoding='utf-8') as file:
        known: dict[str, dict[str, Any]] = json.load(file)['packages']
    return known


def sources() -> str:
    """Return all lines of apt's sources, the machine's own."""
    text = core.read('/etc/apt/sources.list')
    folder = '/etc/apt/sources.list.d'
    names = sorted(os.listdir(core.path(folder))) if os.path.isdir(core.path(folder)) else []
    return text + ''.join(core.read(f'{folder}/{name}') for name in names)


def available() -> dict[str, dict[str, Any]]:
    """Return what can be installed with the sources as they are now."""
    lines = sources()
    return {name: each for name, each in archive().items() if each.get('source', '') in lines}


def installed() -> dict[str, dict[str, Any]]:
    """Return what is installed: name to {version, status: ii|rc|hi, ...}."""
    known: dict[str, dict[str, Any]] = core.peek('dpkg').get('packages', {})
    return known


def furnish() -> None:
    """Install what a new machine comes with; on a machine that had this done, nothing."""
    if core.peek('dpkg'):
        return
    with core.state('dpkg') as kept:
        kept['packages'] = {}
        for name, package in archive().items():
            if package.get('preinstalled'):
                unpack(kept['packages'], name, package)
                for service in package.get('services', []):
                    unit = units.full_name(service)
                    core.link(f'{unit_files.ETC}/multi-user.target.wants/{unit}', f'/lib/systemd/system/{unit}')


def unpack(packages: dict[str, dict[str, Any]], name: str, package: dict[str, Any], version: str = '') -> None:
    """Put a package's files in place and note it as installed."""
    for place in _tree(package):
        if not place.startswith('/etc/') or not os.path.lexists(core.path(place)):  # there, what is in place stays
            _put(place, package)
    for place, target in package.get('programs', {}).items():
        core.link(place, _program(target))
    packages[name] = {
        'version': version or package['version'],
        'status': 'ii',
        'auto': False,
        'description': package.get('description', name),
        'architecture': package.get('architecture', 'amd64'),
    }


def _put(place: str, package: dict[str, Any]) -> None:
    """Put one file of a package's tree in place."""
    source = f'{core.store()}/trees/{package["tree"]}{place}'
    if package.get('linked') and not place.startswith('/etc/') and not os.path.islink(source):
        core.link(place, _program(f'trees/{package["tree"]}{place}'))
        return
    os.makedirs(os.path.dirname(core.path(place)), exist_ok=True)
    if os.path.lexists(core.path(place)):
        os.unlink(core.path(place))
    shutil.copy(source, core.path(place), follow_symlinks=False)


def _program(target: str) -> str:
    """Return what a program's link points to: the store as it is mounted in machines, or where it lies in tests."""
    mounted = '/usr/lib/juju-local/store'
    return f'{core.store() if core.root() else mounted}/{target}'


def files(package: dict[str, Any]) -> list[str]:
    """Return the machine's paths that a package put there."""
    return sorted([*package.get('programs', {}), *_tree(package)])


def _tree(package: dict[str, Any]) -> list[str]:
    """Return the paths of the package's files under the store's trees/."""
    if not package.get('tree'):
        return []
    base = f'{core.store()}/trees/{package["tree"]}'
    found = []
    for folder, folders, names in os.walk(base):
        links = [name for name in folders if os.path.islink(f'{folder}/{name}')]
        found += [f'{folder[len(base) :]}/{name}' for name in (*names, *links)]
    return found


class Plan:
    """What an installation would do: names in the order in which they are set up, and what goes for them."""

    def __init__(self) -> None:
        self.install: list[str] = []
        self.upgrade: list[str] = []
        self.remove: list[str] = []


def plan(offered: dict[str, Any], present: dict[str, Any], wanted: dict[str, str]) -> Plan:
    """Decide what it takes to have these packages (name to version, '' for the one offered).

    Raises:
        core.Refused: one is not known, or not in that version.
    """
    found = Plan()
    for name, version in wanted.items():
        _add(found, offered, present, name, version)
    for name in found.install:
        rivals = offered[name].get('conflicts', [])
        found.remove += [rival for rival in rivals if is_installed(present, rival) and rival not in found.remove]
    return found


def _add(found: Plan, offered: dict[str, Any], present: dict[str, Any], name: str, version: str) -> None:
    if name not in offered:
        raise core.Refused(f'E: Unable to locate package {name}', 100)
    if version and version not in (offered[name]['version'], *offered[name].get('versions', [])):
        raise core.Refused(f"E: Version '{version}' for '{name}' was not found", 100)
    version = version or offered[name]['version']
    if name in found.install or name in found.upgrade:
        return
    for need in offered[name].get('depends', []):
        if not is_installed(present, need):
            _add(found, offered, present, need, '')
    if not is_installed(present, name) or present[name]['status'] == 'iF':
        found.install.append(name)
    elif present[name]['version'] != version:
        found.upgrade.append(name)


def is_installed(present: dict[str, Any], name: str) -> bool:
    return present.get(name, {}).get('status', '') in ('ii', 'hi', 'iF')


def needing(offered: dict[str, Any], present: dict[str, Any], names: list[str]) -> list[str]:
    """Return these packages and the installed ones that depend on them."""
    found = [name for name in names if is_installed(present, name)]
    for name in present:
        needs = offered.get(name, {}).get('depends', [])
        if name not in found and is_installed(present, name) and set(needs) & set(found):
            found.append(name)
    return found


def clear(packages: dict[str, dict[str, Any]], name: str, package: dict[str, Any], *, purge: bool) -> None:
    """Remove a package's files; those under /etc only when purged."""
    for place in files(package):
        if purge or not place.startswith('/etc/'):
            core.remove(place)
    if purge or not any(place.startswith('/etc/') for place in files(package)):
        packages.pop(name, None)
    else:
        packages[name]['status'] = 'rc'
