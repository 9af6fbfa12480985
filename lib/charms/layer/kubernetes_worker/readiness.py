"""What is missing before the daemons can run, and whom to ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import problems
from .facts import Facts


@dataclass(frozen=True)
class Missing:
    """A reason why the daemons cannot be (re)configured."""

    state: Literal['blocked', 'waiting']
    message: str


def missing(facts: Facts, app: str) -> Missing | None:
    """Return the first thing that is missing, in the order in which an operator should mend them; None if ready."""
    return _relation(facts, app) or _own(facts) or _told(facts)


def _relation(facts: Facts, app: str) -> Missing | None:
    related = facts.relations
    peers = [
        (related.kube_control, 'kube-control', 'kubernetes-master:kube-control'),
        (related.certificates, 'certificates', 'easyrsa:client'),
        (related.kube_api_endpoint, 'kube-api-endpoint', 'kubeapi-load-balancer:website'),
        (related.cni, 'cni', 'flannel:cni'),
    ]
    for there, endpoint, peer in peers:
        if not there:
            what = 'CNI' if endpoint == 'cni' else endpoint
            return Missing('blocked', f'Missing {what} relation: relate {app}:{endpoint} to a peer such as {peer}')
    return None


def _own(facts: Facts) -> Missing | None:
    if facts.settings is None:
        return Missing('blocked', problems.named(facts.problems))
    if facts.programs is None:
        return Missing('waiting', 'Waiting for the Kubernetes snaps')
    if not facts.runtime and facts.problems:
        return Missing('blocked', str(facts.problems[0]))  # one of them may keep the runtime from being installed
    if not facts.runtime:
        return Missing('waiting', 'Waiting for the container runtime docker')
    if not facts.cni_plugins:
        return Missing('waiting', 'Waiting for the CNI plugins')
    return None


def _told(facts: Facts) -> Missing | None:
    cluster = facts.cluster
    inputs = [
        (cluster.ca, 'Waiting for the CA certificate from certificates'),
        (cluster.server_certificate and cluster.server_key, 'Waiting for a server certificate from certificates'),
        (cluster.credentials, 'Waiting for credentials from kube-control'),
        (cluster.server, 'Waiting for an API server from kube-api-endpoint'),
        (cluster.dns, 'Waiting for cluster DNS data from kube-control'),
        (cluster.cloud is not None, 'Waiting for the cloud from its integrator (relation openstack)'),
        (cluster.cidr, 'Waiting for the pod network from CNI (relation cni)'),
    ]
    return next((Missing('waiting', message) for there, message in inputs if not there), None)
