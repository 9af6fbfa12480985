import copy

import pytest
from charms.layer.kubernetes_common import api
from charms.layer.kubernetes_worker import cluster_node


class Cluster:
    """A node and its pods, behind the calls of the API client that are used here."""

    def __init__(self, pods=(), version=(1, 12, 10)):
        self.node = {'metadata': {'labels': {}}, 'spec': {}}
        self.pods = {
            pod: {
                'metadata': {
                    'namespace': 'default',
                    'name': pod,
                    'ownerReferences': [{'kind': 'ReplicaSet', 'controller': True}],
                }
            }
            for pod in pods
        }
        self.at = version
        self.guarded = {}  # pod -> evictions that the disruption budget still forbids
        self.groups = set()
        self.forbidden = set()

    def version(self):
        return self.at

    def get(self, resource, name, namespace=''):
        if resource == 'nodes':
            return copy.deepcopy(self.node)
        if name not in self.pods:
            raise api.NotFound('GET', 404, 'no such pod')
        return self.pods[name]

    def list(self, resource, fields):
        assert fields == 'spec.nodeName=node-a'
        return list(self.pods.values())

    def evict(self, namespace, name, group):
        self.groups.add(group)
        if self.guarded.get(name, 0) > 0:
            self.guarded[name] -= 1
            raise api.TooManyRequests('POST', 429, 'budget of web')
        del self.pods[name]

    def patch(self, resource, name, body, kind):
        refused = self.forbidden.intersection(body.get('metadata', {}).get('labels', {}))
        if refused:
            raise api.Forbidden('PATCH', 403, f'not allowed: {refused}')
        self.node['spec'].update(body.get('spec', {}))
        self.node['metadata']['labels'].update(body.get('metadata', {}).get('labels', {}))


class Clock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def evict_all(cluster, **options):
    return cluster_node.evict_all(
        cluster, 'node-a', clock=Clock(), **{'delete_local_data': False, 'force': False, **options}
    )


def test_all_pods_are_evicted_and_waited_for():
    cluster = Cluster(['a', 'b'])
    assert evict_all(cluster) == 2
    assert cluster.pods == {}


@pytest.mark.parametrize('version, group', [((1, 21, 3), 'policy/v1beta1'), ((1, 22, 0), 'policy/v1')])
def test_evictions_are_asked_for_in_a_group_the_server_has(version, group):
    cluster = Cluster(['a'], version)
    evict_all(cluster)
    assert cluster.groups == {group}


def test_a_disruption_budget_is_waited_for():
    cluster = Cluster(['a'])
    cluster.guarded = {'a': 5}
    assert evict_all(cluster) == 1


def test_a_budget_that_never_allows_it_ends_with_the_pods_name_and_the_budgets_reason():
    cluster = Cluster(['a', 'b'])
    cluster.guarded = {'a': 10**6}
    with pytest.raises(cluster_node.Refused, match=r'default/a \(budget of web\)'):
        evict_all(cluster)
    assert set(cluster.pods) == {'a'}


def test_fm_30_nothing_is_evicted_when_one_pod_must_not_be():
    cluster = Cluster(['a', 'b'])
    cluster.pods['b']['metadata']['ownerReferences'] = []
    with pytest.raises(cluster_node.Refused, match=r'default/b .*force=true'):
        evict_all(cluster)
    assert set(cluster.pods) == {'a', 'b'}


def test_fm_31_cordon_and_uncordon_may_be_repeated():
    cluster = Cluster()
    for wanted in (True, True, False, False):
        cluster_node.set_unschedulable(cluster, 'node-a', wanted)
        assert cluster_node.is_cordoned(cluster, 'node-a') is wanted


def test_fm_40_a_label_the_api_refuses_holds_up_no_other():
    cluster = Cluster()
    cluster.forbidden = {'node-role.kubernetes.io/x'}
    refused = cluster_node.set_labels(cluster, 'node-a', {'a': '1', 'node-role.kubernetes.io/x': '', 'b': '2'})
    ((named, reason),) = refused
    assert named == 'node-role.kubernetes.io/x' and named in reason
    assert cluster.node['metadata']['labels'] == {'a': '1', 'b': '2'}
