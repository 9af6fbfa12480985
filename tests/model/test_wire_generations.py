"""Our charms among public ones: kube-control in both directions, and what a worker does with what cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model import access, public_charms
from tests.model import cluster as cluster_of
from tests.model.cluster import MASTER, WORKER, Cluster

WORKERS = (f'{WORKER}/0', f'{WORKER}/1')
WAITING = ('waiting', 'Waiting for credentials from kube-control')
GENERATIONS = {'public-v2018': False, 'public-v2019': True}  # whether it writes its whole bag again


@pytest.fixture(scope='module')
def orphans(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, its workers without a control plane and without kubeconfigs; the API server knows public tokens."""
    cluster = cluster_of.copy(canonical, tmp_path_factory.mktemp('generations') / 'data')
    cluster.juju('remove-relation', f'{MASTER}:kube-control', f'{WORKER}:kube-control')
    cluster.shell(f'{MASTER}/0', f'cat >> {access.KNOWN}', stdin=''.join(foreign_rows(cluster)))
    cluster.juju('update-status', f'{MASTER}/0')
    yield cluster
    cluster.destroy()


def foreign_rows(cluster: Cluster) -> Iterator[str]:
    for name in GENERATIONS:
        for host in map(cluster.node_of, WORKERS):
            yield f'{name}-{host},system:node:{host},{name}-{host},"system:nodes"\n'
        yield f'{name}-proxy,system:kube-proxy,{name}-proxy\n'
        yield f'{name}-client,admin,{name}-client,"system:masters"\n'


def tokens_of(cluster: Cluster, name: str, unit: str) -> dict[str, str]:
    return {
        'kubelet_token': f'{name}-{cluster.node_of(unit)}',
        'proxy_token': f'{name}-proxy',
        'client_token': f'{name}-client',
    }


def without_kubeconfigs(cluster: Cluster) -> None:
    for unit in WORKERS:
        cluster.shell(unit, f'rm -f {" ".join(access.KUBECONFIGS.values())}')


def statuses(cluster: Cluster) -> set[tuple[str, str]]:
    units = cluster.units()
    return {(units[u]['workload-status']['current'], units[u]['workload-status']['message']) for u in WORKERS}


@pytest.mark.parametrize('name', GENERATIONS)
def test_our_worker_joins_a_public_control_plane(orphans: Cluster, tmp_path: Path, name: str) -> None:
    charm = public_charms.master(tmp_path, name, everything=GENERATIONS[name])
    orphans.juju('deploy', str(charm), '-n', '2', '--config', 'answer=true', '--no-wait')
    orphans.juju('add-relation', f'{name}:kube-control', f'{WORKER}:kube-control', '--no-wait')
    orphans.juju('wait')
    for unit in WORKERS:
        assert access.kubeconfig_tokens(orphans, unit) == tokens_of(orphans, name, unit)
    assert {state for state, _ in statuses(orphans)} == {'active'}
    assert all(orphans.nodes()[orphans.node_of(unit)] for unit in WORKERS)
    orphans.juju('remove-application', name)
    assert {state for state, _ in statuses(orphans)} == {'blocked'}


def test_fm_06_credentials_that_cannot_be_used_leave_a_worker_waiting(orphans: Cluster, tmp_path: Path) -> None:
    name = 'public-v2018'
    orphans.juju('deploy', str(public_charms.master(tmp_path, name, everything=False)), '-n', '2', '--no-wait')
    orphans.juju('add-relation', f'{name}:kube-control', f'{WORKER}:kube-control', '--no-wait')
    without_kubeconfigs(orphans)
    orphans.juju('wait', JUJU_LOCAL_PATIENCE='0')
    leader = orphans.leader(name)
    (other,) = (unit for unit in orphans.units() if unit.startswith(f'{name}/') and unit != leader)
    (relation,) = orphans.relation_ids(name, 'kube-control')
    entry = {'scope': WORKERS[0], 'kubelet_token': 'k', 'proxy_token': 'p', 'client_token': 'c'}
    own = {f'system:node:{orphans.node_of(unit)}': f'{unit} shall have k' for unit in WORKERS}
    for garbage in (None, '""', '{"cut', '[1]', json.dumps({'system:node:elsewhere': entry, **own})):
        if garbage is not None:
            orphans.shell(other, 'cat > /root/bag.json', stdin=json.dumps({'creds': garbage, 'poked': repr(garbage)}))
            write = f'relation-set -r kube-control:{relation} --file /root/bag.json'
            orphans.juju('run', '--unit', other, write, JUJU_LOCAL_PATIENCE='0')
        assert statuses(orphans) == {WAITING}, garbage
        assert [access.kubeconfig_tokens(orphans, unit) for unit in WORKERS] == [{}, {}], garbage
    orphans.juju('config', name, 'answer=true')
    assert json.loads(orphans.bag('kube-control', other)['creds'])['system:node:elsewhere'] == entry
    for unit in WORKERS:
        assert access.kubeconfig_tokens(orphans, unit) == tokens_of(orphans, name, unit)
    assert {state for state, _ in statuses(orphans)} == {'active'}
    orphans.juju('remove-application', name)


def test_our_control_plane_serves_public_workers_of_every_generation(cluster: Cluster, tmp_path: Path) -> None:
    generations = {
        'worker-v2018': public_charms.worker(tmp_path, 'worker-v2018', everything=False, gpu='False'),
        'worker-v2019': public_charms.worker(tmp_path, 'worker-v2019', everything=True, gpu='True'),
        'worker-v2024': public_charms.worker(tmp_path, 'worker-v2024', everything=False, schema_vers='[0]'),
    }
    for name, charm in generations.items():
        cluster.juju('deploy', str(charm), '--no-wait')
        cluster.juju('add-relation', f'{name}:kube-control', f'{MASTER}:kube-control', '--no-wait')
    cluster.juju('wait')
    for name in generations:
        unit = f'{name}/0'
        assert cluster.status(unit)[0] == 'active', cluster.status(unit)
        user = f'system:node:{cluster.node_of(unit)}'
        told = json.loads(cluster.read(unit, '/root/creds.json'))
        assert {user: entry['scope'] for user, entry in told.items()} == {user: unit}
        tokens = [told[user][kind] for kind in access.KUBECONFIGS]
        assert access.accepted(cluster, [*tokens, 'nobody']) == [True, True, True, False]
        assert access.known(cluster)[tokens[0]][0] == user
