"""The cluster that contract tests talk to: stand-ins started here, or a real API server.

For a real one set CONTRACT_SERVER (https://host:port), CONTRACT_CA (file) and CONTRACT_TOKEN, or CONTRACT_CERTIFICATE
and CONTRACT_KEY (files), of a user in system:masters. Tests that need to start programs of their own are skipped then.
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
from _programs import Http, eventually, free_port, started

TOKENS = """\
admin-token,admin,admin,"system:masters"
node-token,system:node:node-a,kubelet-0,"system:nodes"
proxy-token,system:kube-proxy,kube-proxy
nobody-token,nobody,nobody
"""


@dataclass
class Cluster:
    admin: Http
    real: bool
    folder: Path
    authority: Path | None
    flags: dict[str, object]  # what the API server was started with

    @property
    def server(self) -> str:
        return self.admin.server

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


@pytest.fixture(scope='session')
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp('cluster')
    if server := os.environ.get('CONTRACT_SERVER'):
        authority = Path(os.environ['CONTRACT_CA'])
        certificate = os.environ.get('CONTRACT_CERTIFICATE')
        pair = (Path(certificate), Path(os.environ['CONTRACT_KEY'])) if certificate else None
        admin = Http(server, authority, token=os.environ.get('CONTRACT_TOKEN', ''), certificate=pair)
        yield Cluster(admin, True, folder, authority, {})
        return
    with contextlib.ExitStack() as stack:
        yield _stand_ins(folder, stack)


def _stand_ins(folder: Path, stack: contextlib.ExitStack) -> Cluster:
    authority = Authority(folder)
    server, key = authority.issue('server', 'kube-apiserver')
    client, client_key = authority.issue('client', 'client')
    (folder / 'tokens.csv').write_text(TOKENS)
    etcd, secure = f'https://127.0.0.1:{free_port()}', free_port()
    tls = {'cert-file': server, 'key-file': key, 'trusted-ca-file': authority.path, 'client-cert-auth': 'true'}
    urls = {'listen-client-urls': etcd, 'advertise-client-urls': etcd}
    stack.enter_context(
        started(folder, 'etcd', {'name': 'a', 'data-dir': folder / 'etcd', **urls, **tls}, version='3.4.23')
    )
    flags: dict[str, object] = {
        'etcd-servers': etcd, 'etcd-cafile': authority.path, 'etcd-certfile': client, 'etcd-keyfile': client_key,
        'secure-port': secure, 'bind-address': '127.0.0.1', 'tls-cert-file': server, 'tls-private-key-file': key,
        'client-ca-file': authority.path, 'token-auth-file': folder / 'tokens.csv', 'authorization-mode': 'Node,RBAC',
        'enable-admission-plugins': 'NodeRestriction', 'service-cluster-ip-range': '10.152.183.0/24',
        'service-account-issuer': 'https://kubernetes.default.svc', 'service-account-signing-key-file': key,
        'service-account-key-file': key,
        'kubelet-client-certificate': client, 'kubelet-client-key': client_key,
        'kubelet-certificate-authority': authority.path, 'kubelet-preferred-address-types': 'InternalIP',
        'allow-privileged': 'true',
    }  # fmt: skip
    stack.enter_context(started(folder, 'kube-apiserver', flags))
    admin = Http(f'https://127.0.0.1:{secure}', authority.path, token='admin-token')
    eventually(lambda: admin.call('GET', '/readyz')[0] == 200)
    return Cluster(admin, False, folder, authority.path, flags)


_numbers = itertools.count()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own, with its default service account."""
    name = f'contract-{os.getpid()}-{next(_numbers)}'
    cluster.admin.post('/api/v1/namespaces', {'metadata': {'name': name}})
    accounts = f'/api/v1/namespaces/{name}/serviceaccounts'
    if not cluster.real:  # a controller manager runs beside the stand-in in few tests only
        cluster.admin.call('POST', accounts, {'metadata': {'name': 'default'}})
    eventually(lambda: cluster.admin.call('GET', f'{accounts}/default')[0] == 200)
    yield name
    cluster.admin.call('DELETE', f'/api/v1/namespaces/{name}')
