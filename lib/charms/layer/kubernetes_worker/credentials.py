"""This unit's credentials, and the kubeconfig files made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from charms.layer.kubernetes_common import kubeconfig

from . import paths
from .facts import Cluster, Credentials

GROUP = 'system:nodes'
TOKENS = ('kubelet_token', 'proxy_token', 'client_token')


@dataclass(frozen=True)
class File:
    """A file as it should be."""

    path: str
    text: str = field(repr=False)
    mode: int = 0o600
    owner: str = 'root'


def user(node: str) -> str:
    """Return the user a node authenticates as; the node authorizer knows it by this form."""
    return f'system:node:{node}'


def complete(name: str, entry: object) -> Credentials | None:
    """Return the credentials in a user's entry of the relation data, None unless all tokens are there."""
    if not isinstance(entry, Mapping):
        return None
    tokens = [entry.get(token) for token in TOKENS]
    if not all(isinstance(token, str) and token for token in tokens):
        return None
    return Credentials(name, *map(str, tokens))


def kubelet_file(cluster: Cluster) -> File:
    return File(paths.KUBELET_KUBECONFIG, _render(cluster, 'kubelet', _of(cluster).kubelet_token))


def proxy_file(cluster: Cluster) -> File:
    return File(paths.PROXY_KUBECONFIG, _render(cluster, 'kube-proxy', _of(cluster).proxy_token))


def operator_files(cluster: Cluster, ubuntu: bool) -> list[File]:
    """Return the kubeconfigs of people on the machine: root, and ubuntu where there is such an account."""
    token = _of(cluster).client_token
    files = [File(paths.ROOT_KUBECONFIG, _render(cluster, 'root', token))]
    if ubuntu:
        files.append(File(paths.UBUNTU_KUBECONFIG, _render(cluster, 'ubuntu', token), owner='ubuntu'))
    return files


def _of(cluster: Cluster) -> Credentials:
    if cluster.credentials is None:
        raise ValueError('no credentials yet')
    return cluster.credentials


def _render(cluster: Cluster, user_name: str, token: str) -> str:
    return kubeconfig.render(cluster.server, cluster.ca, user_name, token)
