"""Clusters of an etcd and an API server, as stand-ins and as the real programs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from _certificates import Authority, rsa_key
from _programs import Http, eventually, free_port, started

TOKENS = """\
admin-token,admin,admin,"system:masters"
node-token,system:node:node-a,kubelet-0,"system:nodes"
proxy-token,system:kube-proxy,kube-proxy
manager-token,system:kube-controller-manager,kube-controller-manager
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


def start(folder: Path, stack: contextlib.ExitStack, real: Path | None) -> Cluster:
    """Start etcd and an API server; `real`: the folder of the real ones."""
    authority = Authority(folder)
    server, key = authority.issue('server', 'kube-apiserver')
    client, client_key = authority.issue('client', 'client')
    (folder / 'tokens.csv').write_text(TOKENS)
    accounts = rsa_key(folder / 'accounts.key')
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
        'service-account-issuer': 'https://kubernetes.default.svc', 'service-account-signing-key-file': accounts,
        'service-account-key-file': accounts, 'endpoint-reconciler-type': 'none',
        'kubelet-client-certificate': client, 'kubelet-client-key': client_key,
        'kubelet-certificate-authority': authority.path, 'kubelet-preferred-address-types': 'InternalIP',
        'allow-privileged': 'true',
    }  # fmt: skip
    stack.enter_context(started(folder, 'kube-apiserver', flags, real=real))
    admin = Http(f'https://127.0.0.1:{secure}', authority.path, token='admin-token')
    eventually(lambda: admin.call('GET', '/readyz')[0] == 200)
    return Cluster(admin, real is not None, folder, authority.path, flags)


def controllers(cluster: Cluster) -> dict[str, object]:
    """Return the flags of a controller manager that may do everything."""
    return {
        'kubeconfig': cluster.kubeconfig('controllers', 'admin-token'), 'leader-elect': 'false', 'port': 0,
        'secure-port': 0, 'service-account-private-key-file': cluster.folder / 'accounts.key',
        'root-ca-file': cluster.authority,
    }  # fmt: skip
