"""What the ingress and the private registry do with real packets, certificates and images."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import HEAL_S, MASTER, ROOT, WORKERS, Real

NAMESPACE = 'ingress-nginx-kubernetes-worker'
DOMAIN = 'myregistry.company.com'
EXAMPLES = ROOT / 'docs/examples/registry'
FROM = f'{MASTER}/0'  # another machine than the workers


def code(real: Real, url: str, host: str = '') -> str:
    """Return the status that a URL answers with on the control plane's machine; 000 when nothing listens."""
    header = f'--header "Host: {host}" ' if host else ''
    return real.shell(FROM, f'curl -sk --max-time 5 -o /dev/null -w "%{{http_code}}" {header}{url}', check=False)


def until(real: Real, status: str, url: str, host: str = '') -> None:
    assert real.eventually(lambda: code(real, url, host) == status, HEAL_S), code(real, url, host)


def action(real: Real, unit: str, name: str, **parameters: str) -> dict[str, str]:
    """Run an action that must do well; return its results."""
    words = [f'{key.replace("_", "-")}={value}' for key, value in parameters.items()]
    (answer,) = json.loads(real.juju('run-action', unit, name, *words, '--wait', '--format', 'json')).values()
    assert answer['status'] == 'completed', answer
    return dict(answer['results'])


@pytest.fixture(autouse=True)
def ingress(real: Real) -> None:
    """The controllers on both workers answer."""
    for unit in WORKERS:
        until(real, '404', f'http://{real.address(unit)}/')


@pytest.mark.parametrize('scheme', ['http', 'https'])
def test_what_no_ingress_asks_for_is_answered_by_the_default_backend(real: Real, scheme: str) -> None:
    for unit in WORKERS:
        url = f'{scheme}://{real.address(unit)}/nowhere'
        assert real.shell(FROM, f'curl -sk {url}') == 'default backend - 404\n'
        assert code(real, url) == '404'


def test_an_ingress_routes_a_host_to_the_pods_of_its_service(real: Real) -> None:
    host = action(real, WORKERS[0], 'microbot', replicas='2')['address']
    try:
        for unit in WORKERS:
            until(real, '200', f'http://{real.address(unit)}/', host)
        pods = {pod['metadata']['name'] for pod in real.until_running('app=microbot', 2)}
        url = f'http://{real.address(WORKERS[1])}/'
        seen = {real.shell(FROM, f'curl -s --header "Host: {host}" {url}') for _ in range(8)}
        assert {name for name in pods if any(name in text for text in seen)} == pods
    finally:
        action(real, WORKERS[0], 'microbot', delete='true')
    until(real, '404', f'http://{real.address(WORKERS[0])}/', host)


def test_without_ingress_nothing_listens_and_nothing_of_it_is_left(real: Real) -> None:
    def is_closed(unit: str) -> bool:
        return not real.units()[unit].get('open-ports') and code(real, f'http://{real.address(unit)}/') == '000'

    real.juju('config', 'kubernetes-worker', 'ingress=false')
    try:
        for unit in WORKERS:
            assert real.eventually(lambda unit=unit: is_closed(unit), HEAL_S), real.units()[unit]  # type: ignore[misc]
        found = real.get('clusterroles,clusterrolebindings,ingressclasses', '-l', 'cdk-kubernetes-worker-ingress=true')
        assert found['items'] == []
    finally:
        real.juju('config', 'kubernetes-worker', 'ingress=true')
    for unit in WORKERS:
        until(real, '404', f'http://{real.address(unit)}/')
        assert real.units()[unit]['open-ports'] == ['80/tcp', '443/tcp']


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """A certificate of its own for the registry, and its key, as the action takes them."""
    files = {'tlscert': tmp_path / 'registry.crt', 'tlskey': tmp_path / 'registry.key'}
    subject = ['-subj', f'/CN={DOMAIN}', '-addext', f'subjectAltName=DNS:{DOMAIN}']
    paths = ['-out', str(files['tlscert']), '-keyout', str(files['tlskey'])]
    made = ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', *subject, *paths]
    subprocess.run(made, check=True, capture_output=True)
    return {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}


@pytest.fixture
def registry(real: Real, certificate: dict[str, str]) -> Iterator[None]:
    """The registry, and machines that find it by its name and trust its certificate."""
    users = {key: base64.b64encode((EXAMPLES / key).read_bytes()).decode() for key in ('htpasswd', 'htpasswd-plain')}
    users = {key.replace('-', '_'): value for key, value in users.items()}
    action(real, WORKERS[0], 'registry', domain=DOMAIN, ingress='true', **users, **certificate)
    folder = f'/etc/docker/certs.d/{DOMAIN}'
    address = real.address(WORKERS[0])
    trust = f'mkdir -p {folder} && base64 -d >{folder}/ca.crt && echo {address} {DOMAIN} >>/etc/hosts'
    for unit in WORKERS:
        real.shell(unit, trust, stdin=certificate['tlscert'])
    until(real, '401', f'https://{address}/v2/', DOMAIN)
    yield
    for unit in WORKERS:
        real.shell(unit, f'rm -r {folder}; sed "/{DOMAIN}/d" /etc/hosts >/tmp/hosts && cat /tmp/hosts >/etc/hosts')
        real.shell(unit, f'docker logout {DOMAIN}')


def test_an_image_pushed_with_a_password_is_pulled_by_a_pod_of_the_other_node_and_deleted_with_all(
    real: Real, registry: None
) -> None:
    user, password = (EXAMPLES / 'htpasswd-plain').read_text().strip().split(':', 1)
    image = f'{DOMAIN}/mine:1'
    pushed = real.shell(
        WORKERS[0], f'docker pull -q busybox && docker tag busybox {image}; docker push {image} 2>&1 || true'
    )
    assert 'no basic auth credentials' in pushed
    real.shell(WORKERS[0], f'docker login -u {user} --password-stdin {DOMAIN}', stdin=password)
    real.shell(WORKERS[0], f'docker push {image}')
    spec = {
        'nodeName': real.node_of(WORKERS[1]),
        'terminationGracePeriodSeconds': 1,
        'containers': [{'name': 'c', 'image': image, 'imagePullPolicy': 'Always', 'command': ['sleep', '600']}],
    }
    try:
        real.apply(
            {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'mine', 'labels': {'app': 'mine'}}, 'spec': spec}
        )
        real.until_running('app=mine', 1)
    finally:
        real.delete('pod/mine', '--ignore-not-found')
        action(real, WORKERS[1], 'registry', delete='true', ingress='true')
    kinds = 'secrets,deployments,services,ingresses'
    assert real.get(kinds, '-l', 'kubernetes-worker-registry=true')['items'] == []
    assert 'imagePullSecrets' not in real.get('serviceaccount', 'default')
    until(real, '404', f'https://{real.address(WORKERS[0])}/v2/', DOMAIN)
