"""Custom resources, and requests for certificates: what controllers and agents of other projects build on."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from _programs import Http, eventually
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

MERGE = 'application/merge-patch+json'
DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
_numbers = itertools.count()


def definition(plural: str, scope: str = 'Cluster') -> dict[str, Any]:
    sails = {'type': 'integer', 'default': 2}
    spec = {'type': 'object', 'required': ['port'], 'properties': {'port': {'type': 'string'}, 'sails': sails}}
    status = {'type': 'object', 'properties': {'at': {'type': 'string'}}}
    schema = {'type': 'object', 'properties': {'spec': spec, 'status': status}}
    version = {'name': 'v1', 'served': True, 'storage': True, 'subresources': {'status': {}}}
    names = {'plural': plural, 'kind': plural.capitalize(), 'singular': plural[:-1], 'listKind': f'{plural}List'}
    return {
        'apiVersion': 'apiextensions.k8s.io/v1',
        'kind': 'CustomResourceDefinition',
        'metadata': {'name': f'{plural}.sea.example.com'},
        'spec': {
            'group': 'sea.example.com', 'scope': scope, 'names': names,
            'versions': [{**version, 'schema': {'openAPIV3Schema': schema}}],
        },
    }  # fmt: skip


@pytest.fixture
def ships(cluster: Any) -> Iterator[str]:
    """The path of a custom resource of the test's own."""
    plural = f'ships{next(_numbers)}'
    cluster.admin.post(DEFINITIONS, definition(plural))
    path = f'/apis/sea.example.com/v1/{plural}'
    eventually(lambda: cluster.admin.call('GET', path)[0] == 200)
    yield path
    cluster.admin.call('DELETE', f'{DEFINITIONS}/{plural}.sea.example.com')


def ship(name: str = 'emma', **spec: object) -> dict[str, Any]:
    return {'metadata': {'name': name}, 'spec': {'port': 'Kiel', **spec}}


def post(cluster: Any, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    group, version, plural = path.split('/')[2:5]
    whole = {'apiVersion': f'{group}/{version}', 'kind': plural.capitalize(), **body}
    answer: tuple[int, Any] = cluster.admin.call('POST', path, whole)
    return answer


def test_a_definition_is_established_and_its_resource_in_discovery(cluster: Any, ships: str) -> None:
    name = ships.rpartition('/')[2]
    found = cluster.admin.get(f'{DEFINITIONS}/{name}.sea.example.com')
    conditions = {each['type']: each['status'] for each in found['status']['conditions']}
    assert (conditions['Established'], conditions['NamesAccepted']) == ('True', 'True')

    def listed() -> dict[str, Any]:  # the real one tells of a group's resources a moment after it serves them
        return {each['name']: each for each in cluster.admin.get('/apis/sea.example.com/v1')['resources']}

    entry = eventually(lambda: listed()[name])
    assert (entry['kind'], entry['namespaced']) == (name.capitalize(), False)
    assert f'{name}/status' in listed()


def test_an_object_gets_defaults_and_loses_what_its_schema_does_not_know(cluster: Any, ships: str) -> None:
    status, made = post(cluster, ships, ship(colour='red'))
    assert (status, made['spec'], made['metadata']['generation']) == (201, {'port': 'Kiel', 'sails': 2}, 1)
    assert 'status' not in made
    assert cluster.admin.get(f'{ships}/emma') == made


def test_an_object_that_breaks_its_schema_is_invalid(cluster: Any, ships: str) -> None:
    status, answer = post(cluster, ships, {'metadata': {'name': 'emma'}, 'spec': {'sails': 'two'}})
    assert (status, answer['reason']) == (422, 'Invalid')
    assert 'spec.port' in answer['message'] and 'spec.sails' in answer['message']


def test_a_definition_of_v1beta1_is_served_and_read_as_one_of_v1_while_the_server_knows_both(cluster: Any) -> None:
    plural = f'ships{next(_numbers)}'
    body, old = definition(plural), DEFINITIONS.replace('/v1/', '/v1beta1/')
    (version,) = body['spec'].pop('versions')
    shared = {'version': version.pop('name'), 'validation': version['schema'], 'subresources': version['subresources']}
    del shared['validation']['openAPIV3Schema']['properties']['spec']['properties']['sails']['default']  # of v1 only
    body |= {'apiVersion': 'apiextensions.k8s.io/v1beta1', 'spec': {**body['spec'], **shared}}
    cluster.admin.post(old, body)
    try:
        path = f'/apis/sea.example.com/v1/{plural}'
        eventually(lambda: cluster.admin.call('GET', path)[0] == 200)
        status, made = post(cluster, path, ship(colour='red'))
        assert (status, made['spec']) == (201, {'port': 'Kiel', 'colour': 'red'}), 'it keeps what it does not know'
        status, answer = post(cluster, path, {'metadata': {'name': 'anna'}, 'spec': {'sails': 'two'}})
        assert (status, 'spec.port' in answer['message']) == (422, True)
        (found,) = cluster.admin.get(f'{DEFINITIONS}/{plural}.sea.example.com')['spec']['versions']
        assert (found['name'], found['schema']) == ('v1', shared['validation'])
    finally:
        cluster.admin.call('DELETE', f'{old}/{plural}.sea.example.com')


def test_the_status_is_changed_at_its_own_place_only(cluster: Any, ships: str) -> None:
    post(cluster, ships, ship())
    cluster.admin.call('PATCH', f'{ships}/emma', {'status': {'at': 'sea'}}, kind=MERGE)
    made = cluster.admin.get(f'{ships}/emma')
    assert 'status' not in made
    patch = {'metadata': {'resourceVersion': made['metadata']['resourceVersion']}, 'status': {'at': 'sea'}}
    patched = cluster.admin.call('PATCH', f'{ships}/emma/status', {**patch, 'spec': {'port': 'Rom'}}, kind=MERGE)[1]
    assert (patched['status'], patched['spec']['port']) == ({'at': 'sea'}, 'Kiel')
    status, answer = cluster.admin.call('PATCH', f'{ships}/emma/status', {**patch, 'status': {'at': 'x'}}, kind=MERGE)
    assert (status, answer['reason']) == (409, 'Conflict')


def test_a_strategic_patch_needs_a_built_in_kind(cluster: Any, ships: str) -> None:
    post(cluster, ships, ship())
    kind = 'application/strategic-merge-patch+json'
    assert cluster.admin.call('PATCH', f'{ships}/emma', {'spec': {'sails': 3}}, kind=kind)[0] == 415


def test_a_definition_that_goes_takes_its_objects_along(cluster: Any) -> None:
    plural = f'boats{next(_numbers)}'
    path, name = f'/apis/sea.example.com/v1/{plural}', f'{DEFINITIONS}/{plural}.sea.example.com'
    for _ in range(2):
        cluster.admin.post(DEFINITIONS, definition(plural))
        eventually(lambda: cluster.admin.call('GET', path)[0] == 200)
        assert cluster.admin.get(path)['items'] == []
        assert post(cluster, path, ship())[0] == 201
        cluster.admin.call('DELETE', name)
        eventually(lambda: cluster.admin.call('GET', path)[0] == 404)
        eventually(lambda: cluster.admin.call('GET', name)[0] == 404)


def test_a_role_for_one_name_allows_a_list_that_asks_for_that_name(cluster: Any, ships: str) -> None:
    if not cluster.is_ours:
        pytest.skip('needs a user of our own')
    plural = ships.rpartition('/')[2]
    rules = [{'apiGroups': ['sea.example.com'], 'resources': [plural], 'resourceNames': ['emma'],
              'verbs': ['get', 'list', 'watch']}]  # fmt: skip
    rbac, meta = '/apis/rbac.authorization.k8s.io/v1', {'metadata': {'name': plural}}
    cluster.admin.post(f'{rbac}/clusterroles', {**meta, 'rules': rules})
    reference = {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'ClusterRole', 'name': plural}
    subjects = [{'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'User', 'name': 'nobody'}]
    cluster.admin.post(f'{rbac}/clusterrolebindings', {**meta, 'roleRef': reference, 'subjects': subjects})
    nobody: Http = cluster.as_user('nobody-token')
    eventually(lambda: nobody.call('GET', f'{ships}?fieldSelector=metadata.name%3Demma')[0] == 200)
    assert nobody.call('GET', ships)[0] == 403
    assert nobody.call('GET', f'{ships}?fieldSelector=metadata.name%3Dpaula')[0] == 403


def request_pem(common: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def signing_request(**spec: object) -> dict[str, Any]:
    usages = ['digital signature', 'key encipherment', 'client auth']
    signer = 'kubernetes.io/kube-apiserver-client'
    return {
        'apiVersion': 'certificates.k8s.io/v1',
        'kind': 'CertificateSigningRequest',
        'metadata': {'generateName': 'edge-7-', 'labels': {'sea.example.com/of': 'edge-7'}},
        'spec': {'request': request_pem('edge-7'), 'signerName': signer, 'usages': usages, **spec},
    }


def test_a_request_for_a_certificate_says_who_asked_and_never_changes(cluster: Any) -> None:
    made = cluster.admin.post(REQUESTS, signing_request())
    assert made['spec']['username'] == 'admin'
    assert 'system:masters' in made['spec']['groups']
    where = f'{REQUESTS}/{made["metadata"]["name"]}'
    edited = {**made, 'spec': {**made['spec'], 'username': 'somebody'}}
    cluster.admin.call('PUT', where, edited)
    assert cluster.admin.get(where)['spec'] == made['spec']


def test_a_request_for_a_certificate_is_approved_at_its_own_place(cluster: Any) -> None:
    made = cluster.admin.post(REQUESTS, signing_request())
    where = f'{REQUESTS}/{made["metadata"]["name"]}'
    approval = {'type': 'Approved', 'status': 'True', 'reason': 'Test', 'message': 'by a test'}
    made['status'] = {'conditions': [approval]}
    cluster.admin.call('PUT', where, made)
    now = cluster.admin.get(where)
    assert not (now.get('status') or {}).get('conditions')
    status, approved = cluster.admin.call('PUT', f'{where}/approval', {**now, 'status': made['status']})
    assert (status, approved['status']['conditions'][0]['type']) == (200, 'Approved')
    patch = {'status': {'certificate': base64.b64encode(b'-----BEGIN NO-----').decode()}}
    assert cluster.admin.call('PATCH', f'{where}/status', patch, kind=MERGE)[0] in (200, 422)  # a real one parses it
    assert cluster.admin.get(where)['status']['conditions'][0]['type'] == 'Approved'


def test_a_request_without_a_signer_is_invalid(cluster: Any) -> None:
    status, answer = cluster.admin.call('POST', REQUESTS, signing_request(signerName=''))
    assert (status, answer['reason']) == (422, 'Invalid')
