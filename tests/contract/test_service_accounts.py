"""Service accounts: secrets that the controller manager fills with a token, and whom the API server takes it for."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from _clusters import controllers
from _programs import eventually, started

REAL_IS_SLOW = True
TYPE = 'kubernetes.io/service-account-token'
NOTE = 'kubernetes.io/service-account'


@pytest.fixture(scope='module', autouse=True)
def manager(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A controller manager; beside the real API server one runs anyway."""
    if not cluster.is_ours:
        pytest.skip('needs a controller manager of our own')
    with contextlib.ExitStack() as stack:
        if not cluster.real:
            stack.enter_context(
                started(tmp_path_factory.mktemp('manager'), 'kube-controller-manager', controllers(cluster))
            )
        yield


def account(cluster: Any, namespace: str, name: str) -> Any:
    return cluster.admin.post(f'/api/v1/namespaces/{namespace}/serviceaccounts', {'metadata': {'name': name}})


def wanted(name: str, owner: str) -> dict[str, Any]:
    return {'metadata': {'name': name, 'annotations': {f'{NOTE}.name': owner}}, 'type': TYPE}


def filled(cluster: Any, namespace: str, name: str, owner: str) -> Any:
    """Make a secret for an account's token; returns it once the token is there."""
    path = f'/api/v1/namespaces/{namespace}/secrets'
    cluster.admin.post(path, wanted(name, owner))
    return eventually(lambda: (found := cluster.admin.get(f'{path}/{name}'))['data']['token'] and found)


def token(secret: Any) -> str:
    return base64.b64decode(secret['data']['token']).decode()


def is_known(cluster: Any, bearer: str) -> bool:
    """Tell whether the API server takes a token; the real one learns by a watch that a secret was filled."""
    return bool(cluster.as_user(bearer).call('GET', '/api/v1/nodes')[0] != 401)


def test_a_secret_of_an_account_is_filled_with_a_token_that_says_whose_it_is(cluster: Any, namespace: str) -> None:
    uid = account(cluster, namespace, 'robot')['metadata']['uid']
    secret = filled(cluster, namespace, 'mine', 'robot')
    assert secret['metadata']['annotations'] == {f'{NOTE}.name': 'robot', f'{NOTE}.uid': uid}
    assert set(secret['data']) == {'ca.crt', 'namespace', 'token'}
    assert base64.b64decode(secret['data']['ca.crt']) == cluster.authority.read_bytes()
    assert base64.b64decode(secret['data']['namespace']).decode() == namespace
    header, body, _ = token(secret).split('.')
    assert json.loads(base64.b64decode(header + '=='))['alg'] == 'RS256'
    claim = 'kubernetes.io/serviceaccount'
    assert json.loads(base64.urlsafe_b64decode(body + '==')) == {
        'iss': claim.replace('.io', ''),
        f'{claim}/namespace': namespace,
        f'{claim}/secret.name': 'mine',
        f'{claim}/service-account.name': 'robot',
        f'{claim}/service-account.uid': uid,
        'sub': f'system:serviceaccount:{namespace}:robot',
    }
    eventually(lambda: is_known(cluster, token(secret)))
    review = cluster.admin.post('/apis/authentication.k8s.io/v1/tokenreviews', {'spec': {'token': token(secret)}})
    groups = ['system:serviceaccounts', f'system:serviceaccounts:{namespace}', 'system:authenticated']
    user = {'username': f'system:serviceaccount:{namespace}:robot', 'uid': uid, 'groups': groups}
    assert {key: review['status']['user'][key] for key in user} == user


def test_an_account_may_do_what_is_bound_to_it(cluster: Any, namespace: str) -> None:
    account(cluster, namespace, 'robot')
    robot = cluster.as_user(token(filled(cluster, namespace, 'mine', 'robot')))
    maps, roles = f'/api/v1/namespaces/{namespace}/configmaps', '/apis/rbac.authorization.k8s.io/v1/namespaces'
    eventually(lambda: is_known(cluster, robot.token))
    status, body = robot.call('GET', maps)
    assert (status, f'User "system:serviceaccount:{namespace}:robot" cannot list' in body['message']) == (403, True)
    rules = [{'apiGroups': [''], 'resources': ['configmaps'], 'verbs': ['list']}]
    cluster.admin.post(f'{roles}/{namespace}/roles', {'metadata': {'name': 'r'}, 'rules': rules})
    subjects = [{'kind': 'ServiceAccount', 'name': 'robot', 'namespace': namespace}]
    reference = {'kind': 'Role', 'name': 'r', 'apiGroup': 'rbac.authorization.k8s.io'}
    binding = {'metadata': {'name': 'b'}, 'subjects': subjects, 'roleRef': reference}
    cluster.admin.post(f'{roles}/{namespace}/rolebindings', binding)
    eventually(lambda: robot.call('GET', maps)[0] == 200)


def test_a_token_ends_with_its_secret_and_with_its_account(cluster: Any, namespace: str) -> None:
    secrets, accounts = (f'/api/v1/namespaces/{namespace}/{kind}' for kind in ('secrets', 'serviceaccounts'))
    account(cluster, namespace, 'robot')
    used, lost, orphan = (token(filled(cluster, namespace, name, 'robot')) for name in ('used', 'lost', 'orphan'))
    eventually(lambda: is_known(cluster, used))
    # tokens that nobody used: the real server remembers for ten seconds whom it let in
    assert cluster.admin.call('DELETE', f'{secrets}/lost')[0] == 200
    eventually(lambda: not is_known(cluster, lost))
    assert cluster.admin.call('DELETE', f'{accounts}/robot')[0] == 200
    eventually(lambda: not is_known(cluster, orphan))
    eventually(lambda: cluster.admin.call('GET', f'{secrets}/orphan')[0] == 404)


def test_an_account_of_the_same_name_is_another_one(cluster: Any, namespace: str) -> None:
    account(cluster, namespace, 'robot')
    before = token(filled(cluster, namespace, 'mine', 'robot'))
    assert cluster.admin.call('DELETE', f'/api/v1/namespaces/{namespace}/serviceaccounts/robot')[0] == 200
    eventually(lambda: cluster.admin.call('GET', f'/api/v1/namespaces/{namespace}/secrets/mine')[0] == 404)
    account(cluster, namespace, 'robot')
    after = token(filled(cluster, namespace, 'mine', 'robot'))
    assert after != before
    eventually(lambda: is_known(cluster, after))
    assert not is_known(cluster, before)


def test_a_token_is_nobodys_after_one_letter_was_changed(cluster: Any, namespace: str) -> None:
    account(cluster, namespace, 'robot')
    said, body, mark = token(filled(cluster, namespace, 'mine', 'robot')).split('.')
    changed = 'B' if mark[0] == 'A' else 'A'
    assert not is_known(cluster, f'{said}.{body}.{changed}{mark[1:]}')


def test_a_secret_for_no_account_is_taken_away_or_refused(cluster: Any, namespace: str) -> None:
    path = f'/api/v1/namespaces/{namespace}/secrets'
    cluster.admin.post(path, wanted('lost', 'nobody'))
    eventually(lambda: cluster.admin.call('GET', f'{path}/lost')[0] == 404)
    status, body = cluster.admin.call('POST', path, {'metadata': {'name': 'lost'}, 'type': TYPE})
    assert (status, f'metadata.annotations[{NOTE}.name]: Required value' in body['message']) == (422, True)
