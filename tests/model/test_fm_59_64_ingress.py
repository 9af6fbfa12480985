"""FM-59 to FM-64: the ingress in the cluster and on the machines' ports, and the private registry behind it."""

from __future__ import annotations

import base64
import ctypes
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, config
from tests.model.test_operations import action, apply

pytestmark = [pytest.mark.slow, pytest.mark.one_cluster, pytest.mark.usefixtures('no_hook_fails')]

UNIT, OTHER = f'{WORKER}/0', f'{WORKER}/1'
API = 'snap.kube-apiserver.daemon'
RULES = '/var/lib/stand-in/fail/kube-apiserver.requests.json'
NAMESPACE = f'ingress-nginx-{WORKER}'
MARK = f'cdk-{WORKER}-ingress=true'
CONFIGURATION = f'nginx-load-balancer-{WORKER}-conf'
KINDS = (
    'namespaces,serviceaccounts,configmaps,services,deployments,daemonsets,'
    'roles,rolebindings,clusterroles,clusterrolebindings'
)
DOMAIN = 'myregistry.company.com'


def hooks(cluster: Cluster) -> None:
    act(cluster, 'update-status', UNIT)
    act(cluster, 'update-status', OTHER)


def ports(cluster: Cluster) -> list[list[str]]:
    units = cluster.units()
    return [sorted(units[unit].get('open-ports', [])) for unit in (UNIT, OTHER)]


OPEN, CLOSED = [['443/tcp', '80/tcp']] * 2, [[], []]


def found(cluster: Cluster, mark: str = MARK, kinds: str = KINDS) -> set[str]:
    """Return the objects that bear a mark."""
    items = cluster.kubectl('get', kinds, '-A', '-l', mark, '-o', 'json')['items']
    return {
        f'{item["kind"]} {item["metadata"]["name"]}' for item in items if not item['metadata'].get('deletionTimestamp')
    }


def refuse(cluster: Cluster, match: str, times: int = -1) -> None:
    """Let the API server fail such requests."""
    rule = [{'match': match, 'code': 500, 'message': 'etcd is full', 'times': times}]
    cluster.shell(f'{MASTER}/0', f'mkdir -p $(dirname {RULES}); cat > {RULES}', stdin=json.dumps(rule))


def mend(cluster: Cluster) -> None:
    cluster.shell(f'{MASTER}/0', f'rm -f {RULES}')


def api(cluster: Cluster, verb: str) -> None:
    cluster.shell(f'{MASTER}/0', f'systemctl {verb} {API}')
    if verb == 'start':
        cluster.until_api_answers()


def status(cluster: Cluster) -> tuple[str, str]:
    return cluster.status(UNIT)


def is_gone(cluster: Cluster, app: str = WORKER) -> bool:
    """Wait until an application's ingress is gone, its namespace too, which ends with the last pod in it."""

    def nothing() -> bool:
        namespaces = cluster.kubectl('get', 'namespaces', '-o', 'name').split()
        return f'namespace/ingress-nginx-{app}' not in namespaces and found(cluster, f'cdk-{app}-ingress=true') == set()

    return cluster.eventually(nothing)


# -- ingress


def test_fm_59_61_everything_goes_when_the_api_is_back_and_the_ports_close_at_once(cluster: Cluster) -> None:
    everything = found(cluster)
    assert len(everything) == 10 and ports(cluster) == OPEN
    api(cluster, 'stop')
    config(cluster, 'ingress=false')
    assert ports(cluster) == CLOSED
    assert status(cluster)[0] == 'waiting' and 'ingress' in status(cluster)[1]
    api(cluster, 'start')
    refuse(cluster, 'DELETE /apis/apps', times=1)
    hooks(cluster)
    hooks(cluster)
    assert is_gone(cluster), found(cluster)
    assert status(cluster)[0] == 'active'
    mend(cluster)

    config(cluster, 'ingress=true')
    assert found(cluster) == everything and ports(cluster) == OPEN
    assert cluster.eventually(lambda: len(controllers(cluster)) == 2)


def controllers(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the controller's pods that run."""
    items = cluster.kubectl('get', 'pods', '-n', NAMESPACE, '-o', 'json')['items']
    running = [pod for pod in items if pod['status'].get('phase') == 'Running']
    return [pod for pod in running if 'controller' in pod['metadata']['name']]


def test_fm_60_off_means_that_nothing_is_deleted_any_more_and_others_keep_theirs(cluster: Cluster) -> None:
    own = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'people', 'namespace': NAMESPACE}}
    apply(cluster, own)
    config(cluster, 'ingress=false')
    assert found(cluster) == {f'Namespace {NAMESPACE}'}
    assert cluster.kubectl('get', 'configmap', 'people', '-n', NAMESPACE, '-o', 'name').strip() == 'configmap/people'

    account = {
        'apiVersion': 'v1',
        'kind': 'ServiceAccount',
        'metadata': {'name': f'nginx-ingress-serviceaccount-{WORKER}', 'namespace': NAMESPACE},
    }
    apply(cluster, account)
    refuse(cluster, 'DELETE ')
    hooks(cluster)
    config(cluster, 'labels=other=1')
    config(cluster, '--reset', 'labels')
    assert status(cluster) == ('active', 'Kubernetes worker running.')
    mend(cluster)
    name = account['metadata']['name']  # type: ignore[index]
    assert name in cluster.kubectl('get', 'serviceaccounts', '-n', NAMESPACE, '-o', 'name')

    config(cluster, 'ingress=true')
    state, message = status(cluster)
    assert state == 'waiting' and name in message and 'not made by this charm' in message
    assert 'labels' not in cluster.kubectl('get', 'serviceaccount', name, '-n', NAMESPACE, '-o', 'json')['metadata']
    assert ports(cluster) == CLOSED
    cluster.kubectl('delete', 'serviceaccount', name, '-n', NAMESPACE)
    hooks(cluster)
    assert status(cluster)[0] == 'active' and ports(cluster) == OPEN
    cluster.kubectl('delete', 'configmap', 'people', '-n', NAMESPACE)


def test_fm_61_ports_follow_what_is_wanted_and_not_the_outcome_of_one_attempt(cluster: Cluster) -> None:
    refuse(cluster, 'PATCH /apis/apps')
    config(cluster, 'nginx-image=my.registry/nginx:1')
    assert status(cluster)[0] == 'waiting' and ports(cluster) == OPEN
    mend(cluster)
    hooks(cluster)
    daemons = cluster.kubectl('get', 'daemonsets', '-n', NAMESPACE, '-o', 'json')['items']
    images = {item['spec']['template']['spec']['containers'][0]['image'] for item in daemons}
    assert images == {'my.registry/nginx:1'} and status(cluster)[0] == 'active'

    config(cluster, 'ingress=false', '--reset', 'nginx-image')
    assert is_gone(cluster)
    for unit in (UNIT, OTHER):  # as earlier revisions left them
        act(cluster, 'run', '--unit', unit, 'open-port 80/tcp; open-port 443/tcp')
    assert ports(cluster) == OPEN
    cluster.upgrade(WORKER)
    assert ports(cluster) == CLOSED
    assert cluster.units()[f'{MASTER}/0']['open-ports'] == ['6443/tcp']

    refuse(cluster, f'POST /apis/apps/v1/namespaces/{NAMESPACE}/daemonsets')
    config(cluster, 'ingress=true')
    assert ports(cluster) == CLOSED and status(cluster)[0] == 'waiting'
    mend(cluster)
    hooks(cluster)
    assert ports(cluster) == OPEN and status(cluster)[0] == 'active'


def test_a_bad_image_blocks_and_changes_nothing(cluster: Cluster) -> None:
    before = cluster.kubectl('get', 'daemonsets', '-n', NAMESPACE, '-o', 'json')['items'][0]['metadata']['generation']
    config(cluster, 'nginx-image=not an image', 'default-backend-image=-x')
    state, message = status(cluster)
    assert state == 'blocked' and 'nginx-image' in message and 'default-backend-image' in message
    config(cluster, '--reset', 'nginx-image,default-backend-image')
    after = cluster.kubectl('get', 'daemonsets', '-n', NAMESPACE, '-o', 'json')['items'][0]['metadata']['generation']
    assert after == before and status(cluster)[0] == 'active'


LEGACY = f"""
apiVersion: apps/v1beta2
kind: DaemonSet
metadata: {{name: nginx-ingress-{WORKER}-controller}}
---
apiVersion: rbac.authorization.k8s.io/v1beta1
kind: ClusterRole
metadata: {{name: nginx-ingress-{WORKER}-clusterrole}}
"""


def test_fm_59_what_a_public_revision_made_goes_once(cluster: Cluster) -> None:
    def old() -> set[str]:
        shown = cluster.kubectl('get', 'daemonsets,clusterroles', '-n', 'default', '-o', 'name').split()
        return {name.partition('/')[2] for name in shown if f'nginx-ingress-{WORKER}-' in name}

    names = {f'nginx-ingress-{WORKER}-controller', f'nginx-ingress-{WORKER}-clusterrole'}
    template = {'metadata': {'labels': {'a': 'b'}}, 'spec': {'containers': [{'name': 'x', 'image': 'x'}]}}
    daemons = {'apiVersion': 'apps/v1', 'kind': 'DaemonSet', 'metadata': {'name': f'nginx-ingress-{WORKER}-controller'}}
    role = {'apiVersion': 'rbac.authorization.k8s.io/v1', 'kind': 'ClusterRole', 'rules': []}
    make = [
        {**daemons, 'spec': {'selector': {'matchLabels': {'a': 'b'}}, 'template': template}},
        {**role, 'metadata': {'name': f'nginx-ingress-{WORKER}-clusterrole'}},
    ]
    apply(cluster, *make)
    cluster.shell(UNIT, 'mkdir -p /root/cdk/addons; cat > /root/cdk/addons/ingress-daemon-set.yaml', stdin=LEGACY)
    config(cluster, 'ingress-ssl-chain-completion=true')
    assert old() == set()
    apply(cluster, *make)  # by hand: it stays
    config(cluster, '--reset', 'ingress-ssl-chain-completion')
    assert old() == names
    cluster.kubectl('delete', 'daemonset', f'nginx-ingress-{WORKER}-controller')
    cluster.kubectl('delete', 'clusterrole', f'nginx-ingress-{WORKER}-clusterrole')


# -- registry


def bcrypt(password: str) -> str:
    library = ctypes.CDLL('libcrypt.so.1')
    library.crypt.restype = ctypes.c_char_p
    made: bytes = library.crypt(password.encode(), b'$2y$05$abcdefghijklmnopqrstuu')
    return made.decode()


def certificate(folder: Path, name: str = DOMAIN, *more: str) -> dict[str, str]:
    """Return the two parameters that a new certificate with its key are."""
    key, file = folder / 'key.pem', folder / 'cert.pem'
    new = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', str(key), '-out', str(file)]
    command = ['openssl', 'req', '-x509', '-subj', f'/CN={name}', '-days', '10', *new, *more]
    subprocess.run(command, check=True, capture_output=True)
    return {'tlscert': coded(file.read_text()), 'tlskey': coded(key.read_text())}


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def good(tmp_path: Path) -> dict[str, str]:
    """Parameters with which the registry is made."""
    users = {'htpasswd': coded(f'userA:{bcrypt("passwordA")}\n'), 'htpasswd-plain': coded('userA:passwordA')}
    return {'domain': DOMAIN, **users, **certificate(tmp_path)}


def registry(cluster: Cluster, unit: str = UNIT, **parameters: str) -> dict[str, Any]:
    return action(
        cluster, unit, 'registry', *(f'{name.replace("_", "-")}={value}' for name, value in parameters.items())
    )


def made(cluster: Cluster) -> set[str]:
    return found(cluster, 'kubernetes-worker-registry=true', 'secrets,services,deployments,ingresses')


EVERYTHING = {
    'Secret registry-tls-data',
    'Secret registry-auth-data',
    'Secret registry-access',
    'Deployment kube-registry',
    'Service kube-registry',
    'Ingress registry-ing',
}


def pull_secrets(cluster: Cluster) -> list[str]:
    account = cluster.kubectl('get', 'serviceaccount', 'default', '-o', 'json')
    return [entry['name'] for entry in account.get('imagePullSecrets', [])]


def settings(cluster: Cluster) -> dict[str, str]:
    data: dict[str, str] = cluster.kubectl('get', 'cm', CONFIGURATION, '-n', NAMESPACE, '-o', 'json').get('data', {})
    return data


def test_fm_64_wrong_parameters_are_named_and_nothing_is_made(
    cluster: Cluster, good: dict[str, str], tmp_path: Path
) -> None:
    other = certificate(tmp_path, 'other.company.com')
    cases = [
        ({'tlskey': '', 'htpasswd': 'not!base64', 'domain': f'{DOMAIN}:5000'}, ['tlskey:', 'htpasswd:', 'domain:']),
        (
            {'htpasswd-plain': coded('userA:wrong'), 'tlscert': other['tlscert']},
            ['htpasswd-plain:', 'tlscert:', 'tlskey:'],
        ),
    ]
    for wrong, named in cases:
        done = registry(cluster, **{**good, **wrong, 'ingress': 'true'})
        assert done['status'] == 'failed' and all(name in done['message'] for name in named), done
        assert 'passwordA' not in done['message']
        assert made(cluster) == set() and pull_secrets(cluster) == [] and settings(cluster) == {}


def test_fm_63_64_the_registry_is_made_changed_and_removed_and_what_others_added_stays(
    cluster: Cluster, good: dict[str, str], tmp_path: Path
) -> None:
    cluster.kubectl('patch', 'serviceaccount', 'default', '-p', '{"imagePullSecrets": [{"name": "mine"}]}')
    cluster.kubectl('patch', 'configmap', CONFIGURATION, '-n', NAMESPACE, '-p', '{"data": {"hsts": "false"}}')
    assert registry(cluster, **good)['status'] == 'completed'  # without ingress
    assert made(cluster) == EVERYTHING - {'Ingress registry-ing'} and settings(cluster) == {'hsts': 'false'}

    done = registry(cluster, **good, ingress='true')
    assert (done['status'], done['results']['registry']) == ('completed', DOMAIN)
    assert made(cluster) == EVERYTHING
    assert pull_secrets(cluster) == ['mine', 'registry-access']
    assert settings(cluster) == {'hsts': 'false', 'proxy-body-size': '1024m'}
    read = cluster.kubectl('get', 'daemonsets', '-n', NAMESPACE, '-o', 'json')['items'][0]
    assert f'--configmap=$(POD_NAMESPACE)/{CONFIGURATION}' in read['spec']['template']['spec']['containers'][0]['args']
    access = cluster.kubectl('get', 'secret', 'registry-access', '-o', 'json')
    assert access['type'] == 'kubernetes.io/dockerconfigjson'
    logins = json.loads(base64.b64decode(access['data']['.dockerconfigjson']))['auths']
    assert logins[DOMAIN]['password'] == 'passwordA'

    assert registry(cluster, OTHER, **good, ingress='true')['results']['written'] == 'nothing changed'
    changed = {**good, **certificate(tmp_path)}
    refuse(cluster, 'PATCH /apis/apps/v1/namespaces/default/deployments')
    partly = registry(cluster, **changed, ingress='true')
    assert partly['status'] == 'failed' and 'etcd is full' in partly['message']
    mend(cluster)
    assert registry(cluster, **changed, ingress='true')['results']['written'] == 'deployments default/kube-registry'
    tls = cluster.kubectl('get', 'secret', 'registry-tls-data', '-o', 'json')['data']
    assert tls == {'tls.crt': changed['tlscert'], 'tls.key': changed['tlskey']}
    assert pull_secrets(cluster) == ['mine', 'registry-access']

    for _ in range(2):
        assert registry(cluster, delete='true')['status'] == 'completed'
        assert made(cluster) == set()
        assert pull_secrets(cluster) == ['mine'] and settings(cluster) == {'hsts': 'false'}
    cluster.kubectl('patch', 'serviceaccount', 'default', '--type=merge', '-p', '{"imagePullSecrets": null}')
    cluster.kubectl('patch', 'configmap', CONFIGURATION, '-n', NAMESPACE, '-p', '{"data": null}')
    everywhere = cluster.juju('debug-log', '--replay') + cluster.read(UNIT, '/var/lib/stand-in/calls.log')
    assert 'passwordA' not in everywhere


def test_fm_63_what_the_action_did_not_make_is_in_its_way_and_stays(cluster: Cluster, good: dict[str, str]) -> None:
    cluster.kubectl('create', 'secret', 'generic', 'registry-access', '--from-literal=a=b')
    done = registry(cluster, **good)
    assert done['status'] == 'failed' and 'secrets default/registry-access' in done['message']
    assert made(cluster) == set()
    assert registry(cluster, delete='true')['status'] == 'completed'
    assert 'registry-access' in cluster.kubectl('get', 'secrets', '-o', 'name')
    cluster.kubectl('delete', 'secret', 'registry-access')


def test_fm_64_a_size_that_somebody_set_stays_and_is_told_and_without_a_controller_there_is_no_ingress(
    cluster: Cluster, good: dict[str, str]
) -> None:
    cluster.kubectl('patch', 'configmap', CONFIGURATION, '-n', NAMESPACE, '-p', '{"data": {"proxy-body-size": "8m"}}')
    done = registry(cluster, **good, ingress='true')
    assert done['status'] == 'completed' and 'proxy-body-size=8m' in done['results']['note']
    registry(cluster, delete='true')
    assert settings(cluster) == {'proxy-body-size': '8m'}
    config(cluster, 'ingress=false')
    refused = registry(cluster, **good, ingress='true')
    assert refused['status'] == 'failed' and 'set option ingress=true' in refused['message']
    assert made(cluster) == set() and is_gone(cluster)
    config(cluster, 'ingress=true')


def test_microbot_is_run_scaled_and_removed(cluster: Cluster) -> None:
    address = f'microbot.{cluster.units()[UNIT]["public-address"]}.nip.io'
    for replicas in ('3', '1'):
        done = action(cluster, UNIT, 'microbot', f'replicas={replicas}')
        assert (done['status'], done['results']['address']) == ('completed', address)
        deployment = cluster.kubectl('get', 'deployment', 'microbot', '-o', 'json')
        assert deployment['spec']['replicas'] == int(replicas)
    assert action(cluster, UNIT, 'microbot', 'delete=true')['status'] == 'completed'
    assert found(cluster, 'kubernetes-worker-microbot=true', 'services,deployments,ingresses') == set()


# -- other versions, and another application


def test_fm_62_the_objects_are_in_groups_that_a_newer_server_offers(cluster: Cluster, good: dict[str, str]) -> None:
    act(cluster, 'config', MASTER, 'channel=1.22/stable', 'require-manual-upgrade=false')
    assert '1.22' in cluster.kubectl('version', '-o', 'json')['serverVersion']['gitVersion']
    hooks(cluster)
    assert status(cluster)[0] == 'active', status(cluster)
    classes = cluster.kubectl('get', '--raw', '/apis/networking.k8s.io/v1/ingressclasses')
    assert f'nginx-{WORKER}' in classes
    daemons = cluster.kubectl('get', 'daemonsets', '-n', NAMESPACE, '-o', 'json')['items']
    image = daemons[0]['spec']['template']['spec']['containers'][0]['image']
    assert len(daemons) == 1 and image.endswith('/ingress-nginx/controller:v1.2.1')
    assert registry(cluster, **good, ingress='true')['status'] == 'completed'
    ingress = json.loads(
        cluster.kubectl('get', '--raw', '/apis/networking.k8s.io/v1/namespaces/default/ingresses/registry-ing')
    )
    assert ingress['spec']['rules'][0]['http']['paths'][0]['backend']['service']['name'] == 'kube-registry'
    registry(cluster, delete='true')
    config(cluster, 'ingress=false')
    assert is_gone(cluster)
    assert f'nginx-{WORKER}' not in cluster.kubectl('get', '--raw', '/apis/networking.k8s.io/v1/ingressclasses')
    config(cluster, 'ingress=true')


def test_fm_62_only_the_leader_asks_for_the_servers_version_when_nothing_happens(cluster: Cluster) -> None:
    def rules() -> list[Any]:
        return list(json.loads(cluster.read(f'{MASTER}/0', RULES)))

    leader = cluster.leader(WORKER)
    refuse(cluster, 'GET /version', times=1)
    act(cluster, 'update-status', OTHER if leader == UNIT else UNIT)
    assert len(rules()) == 1
    act(cluster, 'update-status', leader)
    assert rules() == [] and status(cluster)[0] == 'active'
    mend(cluster)


def test_fm_60_one_application_never_touches_the_ingress_of_another(cluster: Cluster) -> None:
    everything = found(cluster)
    cluster.deploy_workers('web', 1)
    act(cluster, 'config', 'web', 'ingress=false')
    act(cluster, 'wait', check=False)
    assert found(cluster) == everything
    act(cluster, 'config', 'web', 'ingress=true')
    assert len(found(cluster, 'cdk-web-ingress=true')) == 10 and found(cluster) == everything
    config(cluster, 'ingress=false')
    assert is_gone(cluster) and len(found(cluster, 'cdk-web-ingress=true')) == 10
    config(cluster, 'ingress=true')
    act(cluster, 'config', 'web', 'ingress=false')
    act(cluster, 'update-status', 'web/0')
    assert is_gone(cluster, 'web') and found(cluster) == everything
    act(cluster, 'config', 'web', 'ingress=true')
    assert len(found(cluster, 'cdk-web-ingress=true')) == 10


def test_fm_60_the_ingress_goes_with_its_application_and_stays_while_one_of_its_units_does(cluster: Cluster) -> None:
    everything = found(cluster)
    for verb in (('remove-relation', 'web:kube-control', MASTER), ('remove-application', 'web')):
        assert len(found(cluster, 'cdk-web-ingress=true')) == 10
        act(cluster, *verb)
        assert is_gone(cluster, 'web')
        if verb[0] == 'remove-relation':
            act(cluster, 'add-relation', 'web:kube-control', f'{MASTER}:kube-control')
            act(cluster, 'update-status', 'web/0')
    act(cluster, 'remove-unit', OTHER)  # of two
    assert found(cluster) == everything
