import pytest
from charms.layer.kubernetes_worker import eviction
from charms.layer.kubernetes_worker.cluster_node import Refused
from node_cluster import Clock, Cluster


def evict_all(cluster, **options):
    told = []
    plain = {'delete_local_data': False, 'force': False, 'timeout_s': 300.0, 'tell': told.append}
    drained = eviction.evict_all(cluster, 'node-a', clock=Clock(), **plain | options)
    assert len([line for line in told if 'is gone' in line]) == len(drained.evicted)
    return drained


def test_all_pods_are_evicted_and_waited_for():
    cluster = Cluster(['a', 'b'])
    assert evict_all(cluster).evicted == ('default/a', 'default/b')
    assert cluster.pods == {}


@pytest.mark.parametrize('version, group', [((1, 21, 3), 'policy/v1beta1'), ((1, 22, 0), 'policy/v1')])
def test_evictions_are_asked_for_in_a_group_the_server_has(version, group):
    cluster = Cluster(['a'], version)
    evict_all(cluster)
    assert cluster.groups == {group}


def test_a_disruption_budget_is_waited_for():
    cluster = Cluster(['a'])
    cluster.guarded = {'a': 5}
    drained = evict_all(cluster)
    assert drained.evicted == ('default/a',) and drained.left == ()


def test_a_budget_that_never_allows_it_ends_with_the_pods_name_and_the_budgets_reason():
    cluster = Cluster(['a', 'b'])
    cluster.guarded = {'a': 10**6}
    drained = evict_all(cluster)
    assert (drained.evicted, drained.left) == (('default/b',), ('default/a (budget of web)',))
    assert set(cluster.pods) == {'a'}


def test_fm_30_nothing_is_evicted_when_one_pod_must_not_be():
    cluster = Cluster(['a', 'b'])
    cluster.pods['b']['metadata']['ownerReferences'] = []
    with pytest.raises(Refused, match=r'default/b .*force=true'):
        evict_all(cluster)
    assert set(cluster.pods) == {'a', 'b'}


def test_a_pod_that_takes_longer_than_the_limit_is_told():
    cluster = Cluster(['a'])
    cluster.pods['a']['metadata']['deletionTimestamp'] = '2026-01-01T00:00:00Z'
    assert evict_all(cluster, timeout_s=7.0).left == ('default/a (asked to end, not gone after 7 s)',)


def test_pods_that_stay_are_told_with_the_reason():
    cluster = Cluster(['agent', 'own'])
    cluster.pods['agent']['metadata']['ownerReferences'] = [{'kind': 'DaemonSet', 'controller': True}]
    cluster.pods['own']['metadata']['annotations'] = {'kubernetes.io/config.mirror': 'x'}
    drained = evict_all(cluster)
    assert drained.stayed == ('default/agent (of a DaemonSet)', 'default/own (the kubelet itself runs it)')
    assert drained.evicted == () and len(cluster.pods) == 2
