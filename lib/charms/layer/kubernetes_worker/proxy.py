"""What kube-proxy should run with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from charms.layer.kubernetes_common import versions
from charms.layer.kubernetes_common.versions import Span, Version

from . import paths
from .facts import Cluster, Machine, Settings

# Which minors take a flag that the charm may set; the others are known to all supported minors.
FLAGS: Mapping[str, Span] = {'logtostderr': Span(last=(1, 25))}


@dataclass(frozen=True)
class Facts:
    version: Version
    cluster: Cluster
    machine: Machine
    settings: Settings


def arguments(facts: Facts) -> dict[str, str]:
    """Return the command line, only with flags this version knows; the operator's own arguments win."""
    base = {
        'cluster-cidr': facts.cluster.cidr,
        'kubeconfig': paths.PROXY_KUBECONFIG,
        'logtostderr': 'true',
        'v': '0',
        'master': facts.cluster.server,
        'hostname-override': facts.machine.node,
    }
    if facts.machine.container:
        base['conntrack-max-per-core'] = (
            '0'  # a container may not change the kernel's limit, and trying ends kube-proxy
        )
    known = {flag: value for flag, value in base.items() if facts.version in FLAGS.get(flag, versions.ALWAYS)}
    return {**known, **facts.settings.proxy_args}
