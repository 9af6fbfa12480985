"""What snapd offers in machines of the real store: snap definitions around the real programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from juju_local._real_store import _kubernetes
from juju_local._real_store._workshop import Workshop

DAEMONS = ('kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy')
# `--name` alone is a switch, `--name type` takes a value
FLAG = re.compile(r'^ +(?:-\w, )?--([a-z][a-z0-9-]*)(?: (\S+))?(?: |$)', re.MULTILINE)
NOT_OPTIONS = ('help', 'version')


def write(workshop: Workshop, stand_ins: Path, store: Path) -> None:
    """Write `snaps/`: the definitions of the stand-ins', with the options and versions that the programs tell."""
    track = '.'.join(_kubernetes.VERSION.split('.')[:2])
    for name in (*_kubernetes.PROGRAMS, 'cdk-addons'):
        known = _definition(stand_ins, name) | {'tracks': {track: _kubernetes.VERSION}}
        if name in DAEMONS:
            said = workshop.run(f'help-{name}', [store / 'bin' / name, '--help'])
            known['options'] = options(said, known.get('options', {}))
        _put(store, name, known)
    said = workshop.run('etcd-version', [store / 'bin/etcd', '--version'])
    version = said.split()[2]
    known = _definition(stand_ins, 'etcd') | {'tracks': {'.'.join(version.split('.')[:2]): version}}
    known['apps'] = {**known['apps'], 'etcdctl': {'command': '../../bin/etcdctl', 'environment': {'ETCDCTL_API': '3'}}}
    _put(store, 'etcd', known)
    (store / 'snaps/cdk-addons/apply').symlink_to('../../base/snaps/cdk-addons/apply')
    (store / 'snaps/core').symlink_to('../base/snaps/core')


def options(said: str, before: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a configure hook from a program's help; those passed on whatever it says stay."""
    found = {name: option for name, option in before.items() if option.get('always')}
    for name, value in FLAG.findall(said):
        if name not in NOT_OPTIONS:
            kept = {'always': True} if name in found else {}
            found[name] = {'type': 'string' if value else 'bool'} | kept
    return {name: {key: each[key] for key in ('type', 'always') if key in each} for name, each in sorted(found.items())}


def _definition(stand_ins: Path, name: str) -> dict[str, Any]:
    known: dict[str, Any] = json.loads((stand_ins / 'snaps' / name / 'snap.json').read_text())
    return known


def _put(store: Path, name: str, known: dict[str, Any]) -> None:
    folder = store / 'snaps' / name
    folder.mkdir(parents=True)
    (folder / 'snap.json').write_text(json.dumps(known, indent=1) + '\n')
    if (store / 'bin' / name).exists():
        (folder / name).symlink_to(f'../../bin/{name}')
