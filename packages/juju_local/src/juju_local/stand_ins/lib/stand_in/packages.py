"""The packages of a machine: what the archive offers (packages.json), what is installed, and how that is changed."""

from __future__ import annotations

import json
import os
import shutil

from . import core

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


def unpack(packages: dict[str, dict[str, Any]], name: str, package: dict[str, Any], version: str = '') -> None:
    """Put a package's files in place and note it as installed."""
    tree = package.get('tree')
    if tree:
        source = f'{core.store()}/trees/{tree}'
        shutil.copytree(source, core.path('/'), dirs_exist_ok=True, symlinks=True)
    for place, target in package.get('programs', {}).items():
        core.link(place, _program(target))
    packages[name] = {
        'version': version or package['version'],
        'status': 'ii',
        'auto': False,
        'description': package.get('description', name),
        'architecture': package.get('architecture', 'amd64'),
    }


def _program(target: str) -> str:
    """Return what a program's link points to: the store as it is mounted in machines, or where it lies in tests."""
    mounted = '/usr/lib/juju-local/store'
    return f'{core.store() if core.root() else mounted}/{target}'


def files(package: dict[str, Any]) -> list[str]:
    """Return the machine's paths that a package put there."""
    found = list(package.get('programs', {}))
    if package.get('tree'):
        base = f'{core.store()}/trees/{package["tree"]}'
        found += [f'{folder[len(base):]}/{name}' for folder, _, names in os.walk(base) for name in names]
    return sorted(found)


def clear(packages: dict[str, dict[str, Any]], name: str, package: dict[str, Any], *, purge: bool) -> None:
    """Remove a package's files; those under /etc only when purged."""
    for place in files(package):
        if purge or not place.startswith('/etc/'):
            core.remove(place)
    if purge or not any(place.startswith('/etc/') for place in files(package)):
        packages.pop(name, None)
    else:
        packages[name]['status'] = 'rc'
