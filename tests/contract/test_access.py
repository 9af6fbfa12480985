"""Who may do what, and pods on their way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from _programs import Http, eventually


@pytest.fixture(autouse=True)
def own_tokens(cluster: Any) -> None:
    if not cluster.is_ours:
        pytest.skip('needs tokens of our own')


def test_a_wrong_token_is_unauthorized(cluster: Any) -> None:
    status, body = cluster.as_user('wrong').call('GET', '/api/v1/nodes')
    assert (status, body['message'], body['reason']) == (401, 'Unauthorized', 'Unauthorized')


def test_a_client_certificate_names_the_user_and_the_group(cluster: Any) -> None:
    folder = cluster.folder
    nobody = Http(cluster.server, cluster.authority, certificate=(folder / 'client.crt', folder / 'client.key'))
    status, body = nobody.call('GET', '/api/v1/nodes')
    assert status == 403 and 'User "client" cannot list resource "nodes"' in body['message']


def test_a_refusal_names_user_verb_and_resource(cluster: Any) -> None:
    status, body = cluster.as_user('nobody-token').call('GET', '/api/v1/namespaces/default/secrets/s')
    assert status == 403
    assert body['message'] == (
        'secrets "s" is forbidden: User "nobody" cannot get resource "secrets" in API group "" '
        'in the namespace "default"'
    )


def test_health_and_version_are_for_everybody(cluster: Any) -> None:
    anonymous = Http(cluster.server, cluster.authority)
    assert anonymous.call('GET', '/healthz') == (200, 'ok')
    assert anonymous.call('GET', '/version')[0] == 200
    assert anonymous.call('GET', '/api/v1/nodes')[0] == 403


def test_a_role_binding_lets_a_user_in(cluster: Any, namespace: str) -> None:
    user, roles = cluster.as_user('nobody-token'), f'/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}'
    maps = f'/api/v1/namespaces/{namespace}/configmaps'
    assert user.call('GET', maps)[0] == 403
    rules = [{'apiGroups': [''], 'resources': ['configmaps'], 'verbs': ['list']}]
    cluster.admin.post(f'{roles}/roles', {'metadata': {'name': 'r'}, 'rules': rules})
    subjects = [{'kind': 'User', 'name': 'nobody'}]
    reference = {'kind': 'Role', 'name': 'r', 'apiGroup': 'rbac.authorization.k8s.io'}
    cluster.admin.post(f'{roles}/rolebindings', {'metadata': {'name': 'b'}, 'subjects': subjects, 'roleRef': reference})
    eventually(lambda: user.call('GET', maps)[0] == 200)  # the real one learns of bindings by a watch
    assert user.call('POST', maps, {'metadata': {'name': 'x'}})[0] == 403


def test_a_node_may_write_its_own_node_and_no_other(cluster: Any) -> None:
    node = cluster.as_user('node-token')
    status, body = node.call('POST', '/api/v1/nodes', {'metadata': {'name': 'node-b'}})
    assert status == 403 and 'node "node-a" is not allowed to modify node "node-b"' in body['message']
    assert node.call('POST', '/api/v1/nodes', {'metadata': {'name': 'node-a'}})[0] == 201
    assert node.call('GET', '/api/v1/namespaces/default/pods')[0] == 200
    assert node.call('POST', '/api/v1/namespaces', {'metadata': {'name': 'x'}})[0] == 403
    cluster.admin.call('DELETE', '/api/v1/nodes/node-a')


def test_the_review_of_a_token_tells_its_user(cluster: Any) -> None:
    path = '/apis/authentication.k8s.io/v1/tokenreviews'
    assert (
        cluster.admin.post(path, {'spec': {'token': 'proxy-token'}})['status']['user']['username']
        == 'system:kube-proxy'
    )
    assert 'authenticated' not in cluster.admin.post(path, {'spec': {'token': 'wrong'}})['status']


def test_tokens_are_read_at_the_start_only(cluster: Any) -> None:
    path: Path = cluster.folder / 'tokens.csv'
    before = path.read_text()
    path.write_text(before + 'late-token,late,late,"system:masters"\n')
    try:
        assert cluster.as_user('late-token').call('GET', '/api/v1/nodes')[0] == 401
    finally:
        path.write_text(before)


@pytest.fixture
def pods(cluster: Any, namespace: str) -> str:
    """Two pods that run, as a node would have reported them.

    Their node is not there, and its name their own: what is on a node that was missed for forty seconds is removed.
    """
    path = f'/api/v1/namespaces/{namespace}/pods'
    for name in ('one', 'two'):
        spec = {'nodeName': f'node-of-{namespace}', 'containers': [{'name': 'c', 'image': 'i'}]}
        cluster.admin.post(path, {'metadata': {'name': name, 'labels': {'app': 'web'}}, 'spec': spec})
        status = {'phase': 'Running', 'conditions': [{'type': 'Ready', 'status': 'True'}]}
        cluster.admin.call('PATCH', f'{path}/{name}/status', {'status': status}, kind='application/merge-patch+json')
    return path


def adopt(cluster: Any, pods: str, namespace: str) -> None:
    """Have a ReplicaSet own the pods; it is as large as they are many, so it makes no more."""
    labels = {'app': 'web'}
    template = {'metadata': {'labels': labels}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    spec = {'replicas': 2, 'selector': {'matchLabels': labels}, 'template': template}
    body = {'metadata': {'name': 'web'}, 'spec': spec}
    made = cluster.admin.post(f'/apis/apps/v1/namespaces/{namespace}/replicasets', body)
    owner = {'apiVersion': 'apps/v1', 'kind': 'ReplicaSet', 'name': 'web', 'uid': made['metadata']['uid']}
    for name in ('one', 'two'):
        change = {'metadata': {'ownerReferences': [{**owner, 'controller': True, 'blockOwnerDeletion': True}]}}
        status, body = cluster.admin.call('PATCH', f'{pods}/{name}', change, kind='application/merge-patch+json')
        assert status == 200, body


def evict(cluster: Any, pods: str, name: str) -> tuple[int, Any]:
    body = {'apiVersion': 'policy/v1beta1', 'kind': 'Eviction', 'metadata': {'name': name}}
    answer: tuple[int, Any] = cluster.admin.call('POST', f'{pods}/{name}/eviction', body)
    return answer


def test_an_eviction_gives_the_pod_its_grace_period(cluster: Any, pods: str) -> None:
    assert evict(cluster, pods, 'one')[0] == 201
    meta = cluster.admin.get(f'{pods}/one')['metadata']
    assert meta['deletionTimestamp'] and meta['deletionGracePeriodSeconds'] == 30
    cluster.admin.call('DELETE', f'{pods}/one?gracePeriodSeconds=0')
    assert cluster.admin.call('GET', f'{pods}/one')[0] == 404


def guard(cluster: Any, namespace: str, **budget: Any) -> None:
    """Make a budget for the pods. The real one's controller has to count them before anybody may go."""
    path = f'/apis/policy/v1beta1/namespaces/{namespace}/poddisruptionbudgets'
    spec = {**budget, 'selector': {'matchLabels': {'app': 'web'}}}
    cluster.admin.post(path, {'metadata': {'name': 'b'}, 'spec': spec})


@pytest.mark.parametrize('budget', [{'minAvailable': 1}, {'maxUnavailable': 1}, {'minAvailable': '50%'}], ids=str)
def test_a_budget_lets_one_pod_go_and_keeps_the_other(cluster: Any, pods: str, namespace: str, budget: Any) -> None:
    adopt(cluster, pods, namespace)
    guard(cluster, namespace, **budget)
    assert eventually(lambda: evict(cluster, pods, 'one')[0] == 201)
    status, body = evict(cluster, pods, 'two')
    assert (status, body['reason']) == (429, 'TooManyRequests')
    assert body['message'] == "Cannot evict pod as it would violate the pod's disruption budget."


def test_pods_that_nobody_scales_go_by_a_budget_in_numbers(cluster: Any, pods: str, namespace: str) -> None:
    guard(cluster, namespace, minAvailable=1)
    assert eventually(lambda: evict(cluster, pods, 'one')[0] == 201)


@pytest.mark.parametrize('budget', [{'maxUnavailable': 1}, {'minAvailable': '50%'}], ids=str)
def test_pods_that_nobody_scales_stay_by_any_other_budget(cluster: Any, pods: str, namespace: str, budget: Any) -> None:
    guard(cluster, namespace, **budget)
    assert evict(cluster, pods, 'one')[0] == 429


def test_evicting_a_missing_pod_is_not_found(cluster: Any, pods: str) -> None:
    status, body = evict(cluster, pods, 'three')
    assert (status, body['message']) == (404, 'pods "three" not found')


def test_a_pod_is_bound_once(cluster: Any, namespace: str) -> None:
    path = f'/api/v1/namespaces/{namespace}/pods'
    cluster.admin.post(path, {'metadata': {'name': 'p'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}})
    binding = {'metadata': {'name': 'p'}, 'target': {'kind': 'Node', 'name': f'node-of-{namespace}'}}
    cluster.admin.post(f'{path}/p/binding', binding)
    assert cluster.admin.get(f'{path}/p')['spec']['nodeName'] == f'node-of-{namespace}'
    status, body = cluster.admin.call('POST', f'{path}/p/binding', binding)
    assert status == 409 and f'is already assigned to node "node-of-{namespace}"' in body['message']
