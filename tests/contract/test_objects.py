"""Creating, reading, changing and deleting objects."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from _programs import eventually

MERGE = 'application/merge-patch+json'
JSON = 'application/json-patch+json'
TEST_A = {'op': 'test', 'path': '/data/a', 'value': '1'}
STRATEGIC = 'application/strategic-merge-patch+json'


@pytest.fixture
def maps(namespace: str) -> str:
    return f'/api/v1/namespaces/{namespace}/configmaps'


def config_map(name: str = 'one', labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name, 'labels': labels or {}}, 'data': data}


def deployment(name: str = 'web', replicas: int = 0, **labels: str) -> dict[str, Any]:
    labels = labels or {'app': name}
    template = {'metadata': {'labels': labels}, 'spec': {'containers': [{'name': 'c', 'image': 'i:1'}]}}
    spec = {'replicas': replicas, 'selector': {'matchLabels': labels}, 'template': template}
    return {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': name}, 'spec': spec}


def test_a_created_object_has_what_the_server_fills_in(cluster: Any, maps: str, namespace: str) -> None:
    made = cluster.admin.post(maps, config_map(a='1'))
    assert made['metadata']['namespace'] == namespace
    assert made['metadata']['uid'] and made['metadata']['creationTimestamp'].endswith('Z')
    assert int(made['metadata']['resourceVersion']) > 0
    assert cluster.admin.get(f'{maps}/one') == made


def test_a_generated_name_has_five_more_characters(cluster: Any, maps: str) -> None:
    names = {cluster.admin.post(maps, {'metadata': {'generateName': 'x-'}})['metadata']['name'] for _ in range(3)}
    assert len(names) == 3 and {len(name) for name in names} == {7}


def test_a_second_object_of_the_same_name_is_a_conflict(cluster: Any, maps: str) -> None:
    cluster.admin.post(maps, config_map())
    status, body = cluster.admin.call('POST', maps, config_map())
    assert (status, body['reason'], body['message']) == (409, 'AlreadyExists', 'configmaps "one" already exists')
    assert body['details'] == {'name': 'one', 'kind': 'configmaps'}


def test_only_health_may_be_asked_for_its_head(cluster: Any, maps: str) -> None:
    paths = ('/healthz', '/readyz', '/', maps, f'{maps}/none', '/version', '/api', '/apis/apps/v1')
    assert [cluster.admin.call('HEAD', path)[0] for path in paths] == [200, 200, 200, 405, 405, 405, 405, 405]
    assert cluster.admin.call('POST', '/version')[0] == 405


def test_a_missing_object_is_not_found(cluster: Any, maps: str, namespace: str) -> None:
    for method, body in (('GET', None), ('DELETE', None), ('PUT', config_map('no'))):
        status, answer = cluster.admin.call(method, f'{maps}/no', body)
        assert (status, answer['reason'], answer['message']) == (404, 'NotFound', 'configmaps "no" not found')
    status, answer = cluster.admin.call('GET', f'/apis/apps/v1/namespaces/{namespace}/deployments/no')
    assert answer['message'] == 'deployments.apps "no" not found'
    assert answer['details'] == {'name': 'no', 'group': 'apps', 'kind': 'deployments'}


def test_an_unknown_resource_is_not_found_in_other_words(cluster: Any) -> None:
    status, body = cluster.admin.call('GET', '/apis/apps/v1/nonsense')
    assert status == 404
    text = body if isinstance(body, str) else body['message']
    assert text.strip() in ('404 page not found', 'the server could not find the requested resource')


def test_an_object_in_a_missing_namespace_is_refused(cluster: Any) -> None:
    status, body = cluster.admin.call('POST', '/api/v1/namespaces/nowhere-at-all/configmaps', config_map())
    assert (status, body['message']) == (404, 'namespaces "nowhere-at-all" not found')


@pytest.mark.parametrize(
    ('change', 'field'),
    [
        ({'metadata': {'name': 'Capital'}}, 'metadata.name'),
        ({'metadata': {'name': 'one', 'labels': {'a b': 'c'}}}, 'metadata.labels'),
        ({'metadata': {'name': 'one', 'labels': {'a': 'c d'}}}, 'metadata.labels'),
    ],
)
def test_an_invalid_object_is_refused_with_the_field(
    cluster: Any, maps: str, change: dict[str, Any], field: str
) -> None:
    status, body = cluster.admin.call('POST', maps, {**config_map(), **change})
    assert (status, body['reason'], body['details']['causes'][0]['field']) == (422, 'Invalid', field)
    assert f'is invalid: {field}: Invalid value: ' in body['message']


def test_a_write_based_on_an_old_version_is_a_conflict(cluster: Any, maps: str) -> None:
    first = cluster.admin.post(maps, config_map(a='1'))
    status, second = cluster.admin.call('PUT', f'{maps}/one', {**first, 'data': {'a': '2'}})
    assert status == 200 and second['metadata']['resourceVersion'] != first['metadata']['resourceVersion']
    status, body = cluster.admin.call('PUT', f'{maps}/one', {**first, 'data': {'a': '3'}})
    assert (status, body['reason']) == (409, 'Conflict')
    assert 'the object has been modified; please apply your changes to the latest version' in body['message']
    patch = {'metadata': {'resourceVersion': first['metadata']['resourceVersion']}, 'data': {'a': '4'}}
    assert cluster.admin.call('PATCH', f'{maps}/one', patch, kind=MERGE)[0] == 409
    assert cluster.admin.get(f'{maps}/one')['data'] == {'a': '2'}


def test_a_write_that_changes_nothing_keeps_the_version(cluster: Any, maps: str) -> None:
    first = cluster.admin.post(maps, config_map(a='1'))
    assert cluster.admin.call('PUT', f'{maps}/one', first) == (200, first)
    assert cluster.admin.call('PATCH', f'{maps}/one', {'data': {'a': '1'}}, kind=MERGE) == (200, first)


@pytest.mark.parametrize(
    ('kind', 'patch', 'expected'),
    [
        (MERGE, {'data': {'a': None, 'c': '3'}}, {'b': '2', 'c': '3'}),
        (STRATEGIC, {'data': {'a': None, 'c': '3'}}, {'b': '2', 'c': '3'}),
        (STRATEGIC, {'data': {'$patch': 'replace', 'c': '3'}}, {'c': '3'}),
        (JSON, [{'op': 'remove', 'path': '/data/a'}], {'b': '2'}),
        (JSON, [{'op': 'add', 'path': '/data/c', 'value': '3'}], {'a': '1', 'b': '2', 'c': '3'}),
        (JSON, [TEST_A, {'op': 'replace', 'path': '/data/a', 'value': '9'}], {'a': '9', 'b': '2'}),
    ],
)  # fmt: skip
def test_each_kind_of_patch_changes_data(cluster: Any, maps: str, kind: str, patch: object, expected: object) -> None:
    cluster.admin.post(maps, config_map(a='1', b='2'))
    status, body = cluster.admin.call('PATCH', f'{maps}/one', patch, kind=kind)
    assert (status, body['data']) == (200, expected)


@pytest.mark.parametrize(
    'patch',
    [
        [{'op': 'test', 'path': '/data/a', 'value': '2'}],
        [{'op': 'remove', 'path': '/data/zz'}],
    ],
)
def test_a_json_patch_that_does_not_apply_changes_nothing(cluster: Any, maps: str, patch: object) -> None:
    first = cluster.admin.post(maps, config_map(a='1'))
    assert cluster.admin.call('PATCH', f'{maps}/one', patch, kind=JSON)[0] == 422
    assert cluster.admin.get(f'{maps}/one') == first


def test_a_patch_of_an_unknown_kind_is_refused(cluster: Any, maps: str) -> None:
    cluster.admin.post(maps, config_map())
    status, body = cluster.admin.call('PATCH', f'{maps}/one', {}, kind='application/json')
    assert (status, body['reason']) == (415, 'UnsupportedMediaType')


def test_a_strategic_patch_merges_containers_by_name(cluster: Any, namespace: str) -> None:
    path = f'/apis/apps/v1/namespaces/{namespace}/deployments'
    cluster.admin.post(path, deployment())
    containers = [{'name': 'c', 'image': 'i:2'}, {'name': 'd', 'image': 'j:1'}]
    patch = {'spec': {'template': {'spec': {'containers': containers}}}}
    _, body = cluster.admin.call('PATCH', f'{path}/web', patch, kind=STRATEGIC)
    found = {item['name']: item['image'] for item in body['spec']['template']['spec']['containers']}
    assert found == {'c': 'i:2', 'd': 'j:1'}
    patch = {'spec': {'template': {'spec': {'containers': [{'name': 'c', '$patch': 'delete'}]}}}}
    _, body = cluster.admin.call('PATCH', f'{path}/web', patch, kind=STRATEGIC)
    assert [item['name'] for item in body['spec']['template']['spec']['containers']] == ['d']


def test_the_generation_grows_with_the_spec_only(cluster: Any, namespace: str) -> None:
    path = f'/apis/apps/v1/namespaces/{namespace}/deployments'
    assert cluster.admin.post(path, deployment())['metadata']['generation'] == 1
    _, labelled = cluster.admin.call('PATCH', f'{path}/web', {'metadata': {'labels': {'a': 'b'}}}, kind=MERGE)
    assert labelled['metadata']['generation'] == 1
    _, paused = cluster.admin.call('PATCH', f'{path}/web', {'spec': {'paused': True}}, kind=MERGE)
    assert paused['metadata']['generation'] == 2


def test_status_and_spec_are_changed_through_different_doors(cluster: Any, namespace: str) -> None:
    path = f'/apis/apps/v1/namespaces/{namespace}/deployments'
    cluster.admin.post(path, deployment())
    cluster.admin.call('PATCH', f'{path}/web', {'status': {'collisionCount': 7}}, kind=MERGE)
    assert 'collisionCount' not in cluster.admin.get(f'{path}/web').get('status', {})
    both = {'status': {'collisionCount': 7}, 'spec': {'paused': True}}
    _, body = cluster.admin.call('PATCH', f'{path}/web/status', both, kind=MERGE)
    assert body['status']['collisionCount'] == 7
    assert 'paused' not in body['spec']


def test_a_selector_must_match_the_template(cluster: Any, namespace: str) -> None:
    wrong = deployment()
    wrong['spec']['template']['metadata']['labels'] = {'app': 'other'}
    status, body = cluster.admin.call('POST', f'/apis/apps/v1/namespaces/{namespace}/deployments', wrong)
    assert status == 422 and '`selector` does not match template `labels`' in body['message']


def test_a_job_selects_its_own_pods_by_labels_that_the_server_gives(cluster: Any, namespace: str) -> None:
    container = {'name': 'c', 'image': 'busybox'}
    job = {
        'metadata': {'name': 'j'},
        'spec': {'template': {'spec': {'containers': [container], 'restartPolicy': 'Never'}}},
    }
    made = cluster.admin.post(f'/apis/batch/v1/namespaces/{namespace}/jobs', job)
    labels = made['spec']['template']['metadata']['labels']
    assert labels['job-name'] == 'j'
    assert made['spec']['selector']['matchLabels'].items() <= labels.items()


def test_scale_reads_and_sets_the_replicas(cluster: Any, namespace: str) -> None:
    path = f'/apis/apps/v1/namespaces/{namespace}/deployments'
    cluster.admin.post(path, deployment())
    scale = cluster.admin.get(f'{path}/web/scale')
    assert (scale['kind'], scale['spec'].get('replicas', 0), scale['status']['selector']) == ('Scale', 0, 'app=web')
    cluster.admin.call('PATCH', f'{path}/web/scale', {'spec': {'replicas': 3}}, kind=MERGE)
    assert cluster.admin.get(f'{path}/web')['spec']['replicas'] == 3


def test_dry_run_stores_nothing(cluster: Any, maps: str) -> None:
    made = cluster.admin.post(f'{maps}?dryRun=All', config_map(a='1'))
    assert made['data'] == {'a': '1'}
    assert cluster.admin.call('GET', f'{maps}/one')[0] == 404
    first = cluster.admin.post(maps, config_map(a='1'))
    _, changed = cluster.admin.call('PATCH', f'{maps}/one?dryRun=All', {'data': {'a': '2'}}, kind=MERGE)
    assert changed['data'] == {'a': '2'}
    assert cluster.admin.call('DELETE', f'{maps}/one?dryRun=All')[0] == 200
    assert cluster.admin.get(f'{maps}/one') == first


def test_a_finalizer_keeps_an_object_until_it_is_removed(cluster: Any, maps: str) -> None:
    held = config_map()
    held['metadata']['finalizers'] = ['example.com/hold']
    cluster.admin.post(maps, held)
    _, body = cluster.admin.call('DELETE', f'{maps}/one')
    assert body['metadata']['deletionTimestamp']
    assert cluster.admin.get(f'{maps}/one')['metadata']['deletionTimestamp']
    cluster.admin.call('PATCH', f'{maps}/one', {'metadata': {'finalizers': None}}, kind=MERGE)
    assert cluster.admin.call('GET', f'{maps}/one')[0] == 404


def test_a_delete_with_another_uid_is_a_conflict(cluster: Any, maps: str) -> None:
    cluster.admin.post(maps, config_map())
    options = {'kind': 'DeleteOptions', 'apiVersion': 'v1', 'preconditions': {'uid': 'other'}}
    status, body = cluster.admin.call('DELETE', f'{maps}/one', options)
    assert status == 409 and 'the UID in the precondition (other) does not match the UID in record' in body['message']


def test_deletecollection_heeds_the_selector(cluster: Any, maps: str) -> None:
    for name in ('a', 'b', 'c'):
        cluster.admin.post(maps, config_map(name, labels={'x': name}))
    cluster.admin.call('DELETE', f'{maps}?labelSelector=x%20in%20(a,b)')
    names = [item['metadata']['name'] for item in cluster.admin.get(f'{maps}?labelSelector=x')['items']]
    assert names == ['c']


def test_secrets_given_as_text_are_stored_encoded(cluster: Any, namespace: str) -> None:
    path = f'/api/v1/namespaces/{namespace}/secrets'
    made = cluster.admin.post(path, {'metadata': {'name': 's'}, 'stringData': {'a': 'hello'}})
    assert (made['type'], made['data']) == ('Opaque', {'a': base64.b64encode(b'hello').decode()})
    assert 'stringData' not in made


def test_services_get_addresses_and_ports_of_their_own(cluster: Any, namespace: str) -> None:
    path = f'/api/v1/namespaces/{namespace}/services'

    def make(name: str, **spec: object) -> Any:
        return cluster.admin.call('POST', path, {'metadata': {'name': name}, 'spec': {'ports': [{'port': 80}], **spec}})

    one, two = make('one')[1]['spec'], make('two', type='NodePort')[1]['spec']
    assert one['clusterIP'] != two['clusterIP'] and one['ports'][0]['targetPort'] == 80
    assert 30000 <= two['ports'][0]['nodePort'] <= 32767
    assert make('none', clusterIP='None')[1]['spec']['clusterIP'] == 'None'
    for address, words in (
        (one['clusterIP'], 'provided IP is already allocated'),
        ('192.0.2.1', 'not in the valid range'),
    ):
        status, body = make('three', clusterIP=address)
        assert status == 422 and words in body['message']
    status, body = make('four', type='NodePort', ports=[{'port': 80, 'nodePort': two['ports'][0]['nodePort']}])
    assert status == 422 and 'provided port is already allocated' in body['message']


def test_the_cluster_has_its_namespaces_and_its_own_service(cluster: Any) -> None:
    for name in ('default', 'kube-system', 'kube-public'):  # made once it serves
        assert eventually(lambda name=name: cluster.admin.get(f'/api/v1/namespaces/{name}'))
    service = cluster.admin.get('/api/v1/namespaces/default/services/kubernetes')
    assert service['spec']['ports'][0]['port'] == 443


def test_a_pod_without_its_service_account_is_refused(cluster: Any, namespace: str) -> None:
    pod = {
        'metadata': {'name': 'p'},
        'spec': {'serviceAccountName': 'nobody', 'containers': [{'name': 'c', 'image': 'i'}]},
    }
    status, body = cluster.admin.call('POST', f'/api/v1/namespaces/{namespace}/pods', pod)
    assert status == 403 and 'error looking up service account' in body['message']


def test_an_object_comes_and_goes_in_two_versions_of_its_group(cluster: Any, namespace: str) -> None:
    groups = cluster.admin.get('/apis')['groups']
    versions = {group['name']: [item['version'] for item in group['versions']] for group in groups}
    if 'v1beta1' not in versions['rbac.authorization.k8s.io']:
        pytest.skip('this server has one version only')
    body = {'metadata': {'name': 'r'}, 'rules': [{'apiGroups': [''], 'resources': ['pods'], 'verbs': ['get']}]}
    cluster.admin.post(f'/apis/rbac.authorization.k8s.io/v1beta1/namespaces/{namespace}/roles', body)
    found = cluster.admin.get(f'/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/r')
    assert found['apiVersion'] == 'rbac.authorization.k8s.io/v1'


def test_discovery_names_what_is_served(cluster: Any) -> None:
    core = {item['name']: item for item in cluster.admin.get('/api/v1')['resources']}
    assert {'pods', 'pods/eviction', 'pods/binding', 'nodes', 'nodes/status', 'services'} <= set(core)
    assert core['pods']['namespaced'] and not core['nodes']['namespaced']
    apps = {item['name'] for item in cluster.admin.get('/apis/apps/v1')['resources']}
    assert {'deployments', 'deployments/scale', 'daemonsets/status'} <= apps
    assert cluster.admin.get('/version')['major'] == '1'


def test_a_deleted_namespace_goes(cluster: Any) -> None:
    if not cluster.real:
        pytest.skip('needs a controller manager: see test_kubectl')
    cluster.admin.post('/api/v1/namespaces', {'metadata': {'name': 'short-lived'}})
    cluster.admin.call('DELETE', '/api/v1/namespaces/short-lived')
    eventually(lambda: cluster.admin.call('GET', '/api/v1/namespaces/short-lived')[0] == 404)
