"""Other parties to a cluster: charms of a few lines that speak kube-control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import yaml
from juju_local._db import Database
from juju_local._state import Model

from tests.model.cluster import WORKER, Cluster

ASK = 'kubelet_user="system:node:$(hostname)" auth_group=system:nodes gpu=False'
TOKENS = ('kubelet_token', 'proxy_token', 'client_token')


def charm(folder: Path, name: str, hooks: Mapping[str, str], **metadata: object) -> Path:
    """Write a charm whose hooks are lines of shell; returns its folder."""
    place = folder / name
    (place / 'hooks').mkdir(parents=True)
    about = {'name': name, 'summary': name, 'description': name, 'series': ['jammy'], **metadata}
    (place / 'metadata.yaml').write_text(yaml.safe_dump(about))
    for hook, script in {'start': 'status-set active', **hooks}.items():
        (place / 'hooks' / hook).write_text(f'#!/bin/sh\nset -e\n{script}\n')
        (place / 'hooks' / hook).chmod(0o755)
    return place


def asker(folder: Path, eager: bool = True) -> Path:
    """Write a worker that does nothing but ask for its node's credentials, by itself or when told: many cost little."""
    requires = {'kube-control': {'interface': 'kube-control'}}
    hooks = {'kube-control-relation-joined': f'relation-set {ASK}'} if eager else {}
    return charm(folder, 'asker', hooks, requires=requires)


def control_plane(folder: Path) -> Path:
    """Write another cluster's control plane, which tells nothing by itself."""
    provides = {name: {'interface': kind} for name, kind in (('kube-control', 'kube-control'), ('api', 'http'))}
    return charm(folder, 'elsewhere', {}, provides=provides)


def model(cluster: Cluster) -> Model:
    """Return the model as it is stored now."""
    with closing(Database(cluster.folder)) as database:
        return database.read()


def units(cluster: Cluster, app: str) -> list[str]:
    return [unit.name for unit in model(cluster).units_of(app)]


def relation(cluster: Cluster, one: str, other: str) -> int:
    """Return the id of the relation between two applications."""
    return next(entry.id for entry in model(cluster).relations.values() if {e.app for e in entry.ends} == {one, other})


def tokens(entries: Iterable[Mapping[str, str]]) -> set[str]:
    """Return all tokens in entries of `creds`."""
    return {entry[kind] for entry in entries for kind in TOKENS}


def tell(
    cluster: Cluster, unit: str, settings: str, number: int, endpoint: str = 'kube-control', **environment: str
) -> None:
    """Write to a unit's bag of a relation by hand, and let everybody hear of it."""
    script = f'relation-set -r {endpoint}:{number} {settings}'
    act(cluster, 'run', '--unit', unit, script, check=True, **environment)
    act(cluster, 'wait', check=False, **environment)


def act(cluster: Cluster, *verb: str, check: bool = True, **environment: str) -> str:
    """Run a verb to where nothing is due, without waiting for units that wait."""
    return cluster.juju('--quiet', *verb, check=check, **{'JUJU_LOCAL_PATIENCE': '0', **environment})


def config(cluster: Cluster, *settings: str) -> None:
    """Set options of the workers."""
    act(cluster, 'config', WORKER, *settings)


def restarts(cluster: Cluster, unit: str, service: str) -> int:
    """Return how often the charm had a service started anew."""
    return cluster.shell(unit, 'cat /var/lib/stand-in/calls.log').count(f'"restart", "{service}"')
