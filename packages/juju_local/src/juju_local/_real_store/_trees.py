"""What apt offers in machines of the real store: Debian's packages, unpacked, dressed as Ubuntu's where it shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from juju_local._real_store import _elf
from juju_local._real_store._debian import Debian
from juju_local._real_store._workshop import BuildError

LIBRARIES = (
    'libapr1', 'libaprutil1', 'libdevmapper1.02.1', 'libip4tc2', 'libip6tc2', 'libipset13', 'libmnl0',
    'libnetfilter-conntrack3', 'libnfnetlink0', 'libnftnl11', 'libseccomp2', 'libwrap0', 'libxtables12',
)  # fmt: skip
PROGRAMS = (
    'apache2-utils', 'conntrack', 'containerd', 'docker.io', 'ethtool', 'ipset', 'iptables', 'runc',
    'socat', 'tini',
)  # fmt: skip
PACKAGES = (*PROGRAMS, *LIBRARIES)
PREINSTALLED = ('iptables',)  # with what they need
LIBRARY_FOLDERS = ('usr/lib/x86_64-linux-gnu', 'usr/lib')
LEFT_OUT = (
    'usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/lintian', 'usr/share/bash-completion',
    'usr/share/zsh', 'usr/share/fish', 'usr/share/bug', 'etc/init.d', 'usr/lib/systemd', 'etc/containerd',
    'usr/bin/dnet', 'usr/sbin/ovrouter', 'usr/lib/udev',
)  # fmt: skip
# What the packages' own scripts do, which do not run here; and where Ubuntu has a program.
LINKS = {
    'iptables': {
        f'usr/sbin/{family}{verb}': 'xtables-nft-multi'
        for family in ('iptables', 'ip6tables', 'arptables')
        for verb in ('', '-save', '-restore')
    },
    'docker.io': {'usr/bin/dockerd': '../sbin/dockerd'},
}
BASE_TREES = ('docker.io', 'containerd')  # whose unit files are the stand-ins', since those are Ubuntu's


def write(debian: Debian, files: dict[str, Path], own: Path, stand_ins: Path, store: Path) -> None:
    """Write `packages.json` and `trees/` of the store.

    Raises:
        BuildError: a program would lack a library in a machine.
    """
    offered = _kept(json.loads((stand_ins / 'packages.json').read_text())['packages'])
    for name in {package['tree'] for package in offered.values() if 'tree' in package}:
        shutil.copytree(stand_ins / 'trees' / name, store / 'trees' / name, symlinks=True)
    fields = {name: debian.fields(files[name]) for name in PACKAGES}
    for name in PACKAGES:
        _unpack(debian, name, files[name], own, stand_ins, store / 'trees' / name)
        offered[name] = _entry(name, fields[name])
    for name in _closure(PREINSTALLED, offered):
        offered[name]['preinstalled'] = True
    _check(store / 'trees')
    lines = (f'  {json.dumps(name)}: {json.dumps(offered[name])}' for name in sorted(offered))
    (store / 'packages.json').write_text('{"packages": {\n' + ',\n'.join(lines) + '\n}}\n')


def _kept(packages: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the stand-ins' packages that pretend nothing: names that charms install, with no program behind them."""
    return {
        name: package
        for name, package in packages.items()
        if name not in PACKAGES and not package.get('programs') and not package.get('source')
    }


def _unpack(debian: Debian, name: str, file: Path, own: Path, stand_ins: Path, tree: Path) -> None:
    debian.unpack(file, tree)
    for path in LEFT_OUT:
        place = tree / path
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink(missing_ok=True)
    if name in BASE_TREES:
        shutil.copytree(stand_ins / 'trees' / name, tree, symlinks=True, dirs_exist_ok=True)
    if name == 'runc':
        (tree / 'usr/libexec').mkdir(exist_ok=True)
        (tree / 'usr/sbin/runc').rename(tree / 'usr/libexec/runc')
        shutil.copy(own / 'runc', tree / 'usr/sbin/runc')
    for path, target in LINKS.get(name, {}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).unlink(missing_ok=True)
        (tree / path).symlink_to(target)


def _entry(name: str, fields: dict[str, str]) -> dict[str, Any]:
    named = [
        each.split()[0].partition(':')[0] for each in fields.get('Depends', '').replace('|', ',').split(',') if each
    ]
    entry: dict[str, Any] = {
        'version': fields['Version'],
        'description': fields['Description'],
        'section': fields.get('Section', 'misc'),
        'depends': sorted({each for each in named if each in PACKAGES}),
        'tree': name,
        'linked': True,
    }
    services = {'containerd': ['containerd'], 'docker.io': ['docker.socket', 'docker']}.get(name)
    return entry | ({'services': services} if services else {})


def _closure(names: tuple[str, ...], offered: dict[str, dict[str, Any]]) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += offered[name].get('depends', [])
    return found


def _check(trees: Path) -> None:
    """Raise BuildError for a program whose library neither a package of ours nor this machine has."""
    folders = [trees / name / folder for name in PACKAGES for folder in LIBRARY_FOLDERS]
    folders += [Path('/') / folder for folder in LIBRARY_FOLDERS]
    there = frozenset(path.name for folder in folders for path in folder.glob('*.so*'))
    for name in PACKAGES:
        for program, lacking in _elf.missing(trees / name, (), there).items():
            raise BuildError(f'{program} of {name} needs {", ".join(lacking)}, which no package of the store has')
