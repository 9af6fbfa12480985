"""The private registry of the README, end to end: TLS, a password, push, and pods that pull from it."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import IMAGE, WORKERS, Object, Real
from tests.model.cluster import MASTER, ROOT

DOMAIN = 'myregistry.company.com'
USERS = ROOT / 'docs/examples/registry'
PUSHED = f'{DOMAIN}/mine:1'
KINDS = 'deployments,replicationcontrollers,services,secrets,configmaps,ingresses,pods'


def objects(real: Real) -> set[str]:
    """Return what there is in the namespace, without what Kubernetes itself makes there."""
    return set(real.kubectl('get', KINDS, '-o', 'name').split())


def lasting(names: set[str]) -> set[str]:
    """Leave out pods: one that another scenario has deleted may end meanwhile."""
    return {name for name in names if not name.startswith('pod/')}


def account(real: Real) -> Object:
    return {key: value for key, value in real.get('serviceaccount', 'default').items() if key != 'metadata'}


@pytest.fixture
def certificate(real: Real) -> tuple[str, str]:
    """Return a certificate for the domain and its key, in PEM form."""
    folder = Path('/root/registry')
    subject = f"-subj /CN={DOMAIN} -addext 'subjectAltName=DNS:{DOMAIN}'"
    script = f'mkdir -p {folder} && cd {folder} && openssl req -x509 -newkey rsa:2048 -nodes -days 2 {subject} '
    real.shell(WORKERS[0], f'{script} -keyout registry.key -out registry.crt')
    return real.read(WORKERS[0], f'{folder}/registry.crt'), real.read(WORKERS[0], f'{folder}/registry.key')


@pytest.fixture
def trusting(real: Real, certificate: tuple[str, str]) -> Iterator[Real]:
    """A cluster whose machines know the registry's name and trust its certificate, as an operator has them do."""
    folder = f'/etc/docker/certs.d/{DOMAIN}'
    for unit in WORKERS:
        line = f'{real.address(WORKERS[0])} {DOMAIN}'
        real.shell(unit, f'mkdir -p {folder} && cat >{folder}/ca.crt && echo {line} >>/etc/hosts', stdin=certificate[0])
    yield real
    for unit in WORKERS:
        real.shell(unit, f'rm -r {folder} && sed -i /{DOMAIN}/d /etc/hosts && docker rmi -f {PUSHED} || true')
        real.shell(unit, f'docker logout {DOMAIN}', check=False)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_private_registry_of_the_readme_takes_an_image_and_pods_of_the_other_node_pull_it(
    trusting: Real, certificate: tuple[str, str]
) -> None:
    real, before, accounts = trusting, objects(trusting), account(trusting)
    users = {name: (USERS / name).read_text() for name in ('htpasswd', 'htpasswd-plain')}
    user, _, password = users['htpasswd-plain'].strip().partition(':')
    status, message = real.action(
        WORKERS[0], 'registry', domain=DOMAIN, htpasswd=encoded(users['htpasswd']),
        htpasswd_plain=encoded(users['htpasswd-plain']), tlscert=encoded(certificate[0]),
        tlskey=encoded(certificate[1]), ingress=True,
    )  # fmt: skip
    assert status == 'completed', message
    login = f'docker login --username {user} --password-stdin {DOMAIN}'
    assert real.eventually(lambda: 'Succeeded' in real.shell(WORKERS[0], login, check=False, stdin=password), 180), (
        real.shell(WORKERS[0], f'{login} 2>&1', check=False, stdin=password)
    )
    assert 'Succeeded' not in real.shell(WORKERS[1], login, check=False, stdin='wrong')
    real.shell(WORKERS[0], f'docker pull {IMAGE} && docker tag {IMAGE} {PUSHED} && docker push {PUSHED}')

    node = real.node_of(WORKERS[1])
    container = {'name': 'mine', 'image': PUSHED, 'imagePullPolicy': 'Always', 'command': ['sleep', '1000']}
    spec = {'nodeName': node, 'terminationGracePeriodSeconds': 0, 'containers': [container]}
    labels = {'name': 'mine', 'labels': {'app': 'mine'}}
    real.apply({'apiVersion': 'v1', 'kind': 'Pod', 'metadata': labels, 'spec': spec})
    real.until_running('app=mine', 1)
    real.delete('pod/mine')

    assert real.action(WORKERS[0], 'registry', delete=True, ingress=True)[0] == 'completed'
    assert real.eventually(lambda: objects(real) <= before, 120), objects(real) - before
    assert lasting(objects(real)) == lasting(before)
    assert account(real) == accounts
    assert (
        real.shell(f'{MASTER}/0', f'kubectl get ingresses -A -o name | grep -c {shlex.quote("registry")}', check=False)
        == '0\n'
    )
