"""The clusters that contract tests talk to: etcd and API server started here, as stand-ins and as the real programs.

The real ones are found in $KUBERNETES_BIN or where `make store` put them; without them the tests run on stand-ins only.
A module that starts more programs than those says `STAND_INS_ONLY = True`.

For another real one set CONTRACT_SERVER (https://host:port), CONTRACT_CA (file) and CONTRACT_TOKEN, or
CONTRACT_CERTIFICATE and CONTRACT_KEY (files), of a user in system:masters.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from _certificates import Authority
from _programs import Http, eventually, free_port, real_programs, started

TOKENS = """\
admin-token,admin,admin,"system:masters"
node-token,system:node:node-a,kubelet-0,"system:nodes"
proxy-token,system:kube-proxy,kube-proxy
nobody-token,nobody,nobody
"""


STAND_INS, REAL, OTHER = 'stand-ins', 'real', 'other'


@dataclass
class Cluster:
    admin: Http
    real: bool
    folder: Path
    authority: Path | None
    flags: dict[str, object]  # what the API server was started with; none: it is not ours

    @property
    def server(self) -> str:
        return self.admin.server

    @property
    def is_ours(self) -> bool:
        """Whether it was started here, with TOKENS."""
        return bool(self.flags)

    def as_user(self, token: str) -> Http:
        return Http(self.server, self.authority, token=token)

    def kubeconfig(self, name: str, token: str) -> Path:
        path = self.folder / f'{name}.kubeconfig'
        path.write_text(
            '{apiVersion: v1, kind: Config, current-context: c,'
            f' clusters: [{{name: k, cluster: {{server: "{self.server}",'
            f' certificate-authority: "{self.authority}"}}}}], users: [{{name: u, user: {{token: {token}}}}}],'
            ' contexts: [{name: c, context: {cluster: k, user: u}}]}\n'
        )
        path.chmod(0o600)
        return path


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if 'cluster' not in metafunc.fixturenames:
        return
    kinds = [OTHER] if os.environ.get('CONTRACT_SERVER') else [STAND_INS, REAL]
    if getattr(metafunc.module, 'STAND_INS_ONLY', False):
        kinds = [STAND_INS]
    metafunc.parametrize('cluster', kinds, indirect=True, scope='session')


@pytest.fixture(scope='session')
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp('cluster')
    if request.param == OTHER:
        yield _other(folder)
        return
    real = real_programs() if request.param == REAL else None
    if request.param == REAL and real is None:
        pytest.skip('no real kube-apiserver here: `make store` builds it, or $KUBERNETES_BIN names its folder')
    with contextlib.ExitStack() as stack:
        yield _started(folder, stack, real)


def _other(folder: Path) -> Cluster:
    authority = Path(os.environ['CONTRACT_CA'])
    certificate = os.environ.get('CONTRACT_CERTIFICATE')
    pair = (Path(certificate), Path(os.environ['CONTRACT_KEY'])) if certificate else None
    server, token = os.environ['CONTRACT_SERVER'], os.environ.get('CONTRACT_TOKEN', '')
    return Cluster(Http(server, authority, token=token, certificate=pair), True, folder, authority, {})


def _started(folder: Path, stack: contextlib.ExitStack, real: Path | None) -> Cluster:
    authority = Authority(folder)
    server, key = authority.issue('server', 'kube-apiserver')
    client, client_key = authority.issue('client', 'client')
    (folder / 'tokens.csv').write_text(TOKENS)
    etcd, peers, secure = f'https://127.0.0.1:{free_port()}', f'http://127.0.0.1:{free_port()}', free_port()
    tls = {'cert-file': server, 'key-file': key, 'trusted-ca-file': authority.path, 'client-cert-auth': 'true'}
    urls = {'listen-client-urls': etcd, 'advertise-client-urls': etcd, 'listen-peer-urls': peers}
    urls |= {'initial-advertise-peer-urls': peers, 'initial-cluster': f'a={peers}'}
    storage: dict[str, object] = {'name': 'a', 'data-dir': folder / 'etcd', **urls, **tls}
    stack.enter_context(started(folder, 'etcd', storage, version='3.4.23', real=real))
    flags: dict[str, object] = {
        'etcd-servers': etcd, 'etcd-cafile': authority.path, 'etcd-certfile': client, 'etcd-keyfile': client_key,
        'secure-port': secure, 'bind-address': '127.0.0.1', 'tls-cert-file': server, 'tls-private-key-file': key,
        'client-ca-file': authority.path, 'token-auth-file': folder / 'tokens.csv', 'authorization-mode': 'Node,RBAC',
        'enable-admission-plugins': 'NodeRestriction', 'service-cluster-ip-range': '10.152.183.0/24',
        'service-account-issuer': 'https://kubernetes.default.svc', 'service-account-signing-key-file': key,
        'service-account-key-file': server, 'endpoint-reconciler-type': 'none',
        'kubelet-client-certificate': client, 'kubelet-client-key': client_key,
        'kubelet-certificate-authority': authority.path, 'kubelet-preferred-address-types': 'InternalIP',
        'allow-privileged': 'true',
    }  # fmt: skip
    stack.enter_context(started(folder, 'kube-apiserver', flags, real=real))
    admin = Http(f'https://127.0.0.1:{secure}', authority.path, token='admin-token')
    eventually(lambda: admin.call('GET', '/readyz')[0] == 200)
    made = Cluster(admin, real is not None, folder, authority.path, flags)
    if real:
        stack.enter_context(started(folder, 'kube-controller-manager', _controllers(made, key), real=real))
    return made


def _controllers(cluster: Cluster, key: Path) -> dict[str, object]:
    return {
        'kubeconfig': cluster.kubeconfig('controllers', 'admin-token'), 'leader-elect': 'false', 'port': 0,
        'secure-port': 0, 'service-account-private-key-file': key, 'root-ca-file': cluster.authority,
    }  # fmt: skip


_numbers = itertools.count()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own, with its default service account."""
    name = f'contract-{os.getpid()}-{next(_numbers)}'
    cluster.admin.post('/api/v1/namespaces', {'metadata': {'name': name}})
    accounts = f'/api/v1/namespaces/{name}/serviceaccounts'
    if not cluster.real:  # a controller manager runs beside the stand-in in few tests only
        cluster.admin.call('POST', accounts, {'metadata': {'name': 'default'}})
    eventually(lambda: cluster.admin.get(f'{accounts}/default').get('secrets') or not cluster.real)
    yield name
    cluster.admin.call('DELETE', f'/api/v1/namespaces/{name}')
