"""FM-02, FM-07, FM-08 and FM-09: several masters, one leaving, the leadership moving."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model import access
from tests.model import cluster as cluster_of
from tests.model.cluster import MASTER, WORKER, Cluster

pytestmark = pytest.mark.slow

KUBELET = 'snap.kubelet.daemon'
FOOTING = f"""
find /root/cdk /root/.kube /var/snap/kubelet /var/snap/kube-proxy -type f | sort | xargs sha256sum
systemctl show -p MainPID --value {KUBELET} snap.kube-proxy.daemon
"""


@pytest.fixture(scope='module')
def masters(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster with three masters. Each test needs two of them, and any of them may lead."""
    cluster = cluster_of.copy(canonical, tmp_path_factory.mktemp('fm-02-09') / 'data')
    cluster.juju('add-unit', MASTER, '-n', '2')
    yield cluster
    cluster.destroy()


def of_app(cluster: Cluster, app: str) -> list[str]:
    return [name for name in cluster.units() if name.startswith(f'{app}/')]


def followers(cluster: Cluster) -> list[str]:
    leader = cluster.leader(MASTER)
    return [name for name in of_app(cluster, MASTER) if name != leader]


def footing(cluster: Cluster) -> dict[str, tuple[str, str]]:
    """Return for each worker its status, and one text that tells its files and the processes of its services."""
    return {
        name: (unit['workload-status']['current'], cluster.shell(name, FOOTING))
        for name, unit in cluster.units().items()
        if name.startswith(f'{WORKER}/')
    }


def tokens_by_worker(cluster: Cluster) -> dict[str, dict[str, str]]:
    return {unit: access.kubeconfig_tokens(cluster, unit) for unit in of_app(cluster, WORKER)}


def entries_by_worker(cluster: Cluster, master: str) -> dict[str, dict[str, str]]:
    entries = access.creds(cluster, master).values()
    return {entry['scope']: {kind: entry[kind] for kind in access.KUBECONFIGS} for entry in entries}


def test_fm_09_workers_do_not_notice_that_one_of_three_masters_leaves(masters: Cluster) -> None:
    before, start = footing(masters), masters.last_run()
    leaver = followers(masters)[-1]
    masters.juju('remove-unit', leaver)
    assert leaver not in masters.units()
    assert 'kube-control-relation-departed' in [run.name for run in masters.runs(f'{WORKER}/0', start)]
    assert {state for state, _ in before.values()} == {'active'}
    assert footing(masters) == before


def test_fm_07_a_worker_finds_its_credentials_with_a_new_leader_beside_the_old(masters: Cluster) -> None:
    old, new = masters.leader(MASTER), followers(masters)[0]
    stale = masters.bag('kube-control', old)['creds']
    before = footing(masters)
    masters.juju('set-leader', MASTER, new)
    assert footing(masters) == before
    # as a public master does, the old leader goes on showing its map, which lacks the newcomer
    (relation,) = masters.relation_ids(MASTER, 'kube-control')
    masters.shell(old, 'cat > /root/stale.json; chmod 600 /root/stale.json', stdin=json.dumps({'creds': stale}))
    masters.juju('run', '--unit', old, f'relation-set -r kube-control:{relation} --file /root/stale.json')
    assert masters.bag('kube-control', old)['creds'] == stale
    masters.juju('add-unit', WORKER)
    newcomer = of_app(masters, WORKER)[-1]
    assert newcomer not in before
    assert masters.status(newcomer)[0] == 'active'
    assert masters.is_ready(newcomer)
    assert access.kubeconfig_tokens(masters, newcomer) == entries_by_worker(masters, new)[newcomer]


def test_fm_08_only_the_leader_shows_credentials_and_a_stale_map_moves_no_worker(masters: Cluster) -> None:
    old, new = masters.leader(MASTER), followers(masters)[0]
    stale = masters.bag('kube-control', old)['creds']
    masters.juju('set-leader', MASTER, new)
    assert [unit for unit in of_app(masters, MASTER) if 'creds' in masters.bag('kube-control', unit)] == [new]
    worker = f'{WORKER}/0'
    renewed = access.kubeconfig_tokens(masters, worker)
    masters.shell(new, f'sed -i "/,kubelet-kubernetes-worker-0,/d" {access.KNOWN}')
    masters.juju('update-status', new)
    entry = entries_by_worker(masters, new)[worker]
    assert entry['kubelet_token'] != renewed['kubelet_token']
    assert access.kubeconfig_tokens(masters, worker) == entry
    (relation,) = masters.relation_ids(MASTER, 'kube-control')
    masters.shell(old, 'cat > /root/stale.json; chmod 600 /root/stale.json', stdin=json.dumps({'creds': stale}))
    masters.juju('run', '--unit', old, f'relation-set -r kube-control:{relation} --file /root/stale.json')
    chosen, start = footing(masters)[worker], masters.last_run()
    for _ in range(10):
        masters.juju('update-status', worker)
    assert len(masters.runs(worker, start)) >= 10
    assert footing(masters)[worker] == chosen
    masters.juju('update-status', old)
    assert 'creds' not in masters.bag('kube-control', old)
    assert access.kubeconfig_tokens(masters, worker) == entry


def test_fm_02_a_new_leader_sends_every_worker_the_same_tokens_and_changes_still_arrive(masters: Cluster) -> None:
    tokens, leader = tokens_by_worker(masters), masters.leader(MASTER)
    assert entries_by_worker(masters, leader) == tokens
    masters.juju('remove-unit', leader)
    new = masters.leader(MASTER)
    assert new != leader
    assert entries_by_worker(masters, new) == tokens
    assert all(access.accepted(masters, [token for of in tokens.values() for token in of.values()], new))
    masters.upgrade(WORKER)
    assert entries_by_worker(masters, new) == tokens == tokens_by_worker(masters)
    pids = {unit: masters.pid(unit, KUBELET) for unit in tokens}
    masters.juju('config', WORKER, 'kubelet-extra-args=v=3')
    for unit, pid in pids.items():
        assert '--v=3' in masters.read(unit, '/var/snap/kubelet/current/args').replace('"', '')
        assert masters.pid(unit, KUBELET) != pid
