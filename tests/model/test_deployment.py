"""What a new user sees: the bundle deployed, and the first things to do with it."""

from __future__ import annotations

from tests.model.cluster import MASTER, WORKER, Cluster


def test_every_unit_is_active_and_idle_and_both_workers_are_ready_nodes(cluster: Cluster) -> None:
    units = cluster.units()
    assert {name: unit['workload-status']['current'] for name, unit in units.items()} == dict.fromkeys(units, 'active')
    assert {unit['juju-status']['current'] for unit in units.values()} == {'idle'}
    workers = {cluster.node_of(f'{WORKER}/0'), cluster.node_of(f'{WORKER}/1')}
    assert cluster.eventually(lambda: cluster.nodes() == dict.fromkeys(workers, True))


def test_labels_reach_the_nodes_and_leave_them_again(cluster: Cluster) -> None:
    def labels() -> dict[str, str]:
        answer: dict[str, str] = cluster.kubectl('get', 'node', node, '-o', 'json')['metadata']['labels']
        return answer

    node = cluster.node_of(f'{WORKER}/0')
    before = labels()
    cluster.juju('config', WORKER, 'labels=disk=ssd zone=a')
    assert labels() == {**before, 'disk': 'ssd', 'zone': 'a'}
    cluster.juju('config', WORKER, '--reset', 'labels')
    assert labels() == before


def test_a_removed_unit_leaves_no_node_no_token_and_no_relation_data(cluster: Cluster) -> None:
    node = cluster.node_of(f'{WORKER}/1')
    cluster.juju('remove-unit', f'{WORKER}/1')
    assert cluster.eventually(lambda: node not in cluster.nodes())
    assert node not in cluster.read(f'{MASTER}/0', '/root/cdk/known_tokens.csv')
    assert f'{WORKER}/1' not in str(cluster.bag('kube-control', f'{MASTER}/0'))
    assert set(cluster.nodes()) == {cluster.node_of(f'{WORKER}/0')}
