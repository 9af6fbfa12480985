"""Makes the layer's pure logic importable, as a built charm would; and an API server for what it makes in a cluster."""

from __future__ import annotations

import contextlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / 'layers' / name / 'lib') for name in ('kubernetes-common', 'hub-registration')]

import charms  # noqa: E402 - only now are all its portions on the path

charms.__path__ = pkgutil.extend_path(charms.__path__, 'charms')

from charms.layer.hub_registration import NAMESPACE, objects  # noqa: E402
from charms.layer.kubernetes_common import api  # noqa: E402

from tests.contract import _programs  # noqa: E402
from tests.unit.spoke import world  # noqa: E402

clusters = world.clusters


@contextlib.contextmanager
def old_cluster(folder: Path, version: str) -> Iterator[api.Client]:
    """Run an API server (a stand-in) that still has an insecure port; yields a client of it."""
    etcd, peers, port = (_programs.free_port() for _ in range(3))
    where, beside = f'http://127.0.0.1:{etcd}', f'http://127.0.0.1:{peers}'
    storage = {'name': 'a', 'data-dir': folder / 'etcd', 'listen-client-urls': where, 'advertise-client-urls': where,
               'listen-peer-urls': beside, 'initial-advertise-peer-urls': beside,
               'initial-cluster': f'a={beside}'}  # fmt: skip
    flags = {'etcd-servers': where, 'insecure-port': port, 'secure-port': 0, 'authorization-mode': 'RBAC'}
    with (
        _programs.started(folder, 'etcd', storage, version='3.4.23'),
        _programs.started(folder, 'kube-apiserver', flags, version=version),
    ):
        anybody = _programs.Http(f'http://127.0.0.1:{port}', None)
        _programs.eventually(lambda: anybody.call('GET', '/healthz') == (200, 'ok'))
        yield api.Client(anybody.server, '', 'none')


def end_namespace(client: api.Client) -> None:
    """Do what the controller manager does with the agent's namespace once it was deleted."""
    try:
        found = client.get('namespaces', NAMESPACE)
    except api.NotFound:
        return
    for kind in ('secrets', 'serviceaccounts'):
        for each in client.list(kind, namespace=NAMESPACE):
            client.delete(kind, each['metadata']['name'], namespace=NAMESPACE)
    if found['metadata'].get('deletionTimestamp'):
        client.request(
            'PUT', f'{api.path("namespaces", NAMESPACE)}/finalize', body={**found, 'spec': {'finalizers': []}}
        )


@pytest.fixture
def client(clusters: tuple[world.Cluster, world.Cluster]) -> Iterator[api.Client]:
    """An administrator's client of a cluster that knows nothing of hubs."""
    cluster = clusters[1]
    made = api.Client(cluster.server, cluster.ca.decode(), world.ADMIN)
    _programs.eventually(lambda: 'default' in [each['metadata']['name'] for each in made.list('namespaces')])
    yield made
    for collection, name, group in (
        ('customresourcedefinitions', objects.DEFINITION, objects.DEFINITIONS[0]),
        ('namespaces', NAMESPACE, 'v1'),
    ):
        try:
            made.delete(collection, name, group=group)
        except api.NotFound:
            continue
    end_namespace(made)
