"""What kube-proxy should run with."""

from __future__ import annotations

from dataclasses import dataclass

from . import extra_args, paths
from .facts import Cluster, Machine, Program, Settings


@dataclass(frozen=True)
class Facts:
    program: Program  # the kube-proxy installed now
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
        # a container may not change the kernel's limit, and trying ends kube-proxy
        base['conntrack-max-per-core'] = '0'
    known = {flag: value for flag, value in base.items() if extra_args.takes(facts.program, flag)}
    return {**known, **facts.settings.proxy_args}
