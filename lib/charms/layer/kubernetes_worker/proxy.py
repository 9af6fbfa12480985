"""What kube-proxy should run with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import extra_args, paths, proxy_config
from .facts import Cluster, Machine, Program, Settings


@dataclass(frozen=True)
class Facts:
    program: Program  # the kube-proxy installed now
    cluster: Cluster
    machine: Machine
    settings: Settings


def arguments(facts: Facts) -> dict[str, str]:
    """Return the command line, only with flags this version knows; the operator's own arguments win.

    They are in the file instead, if all of them can be: a kube-proxy with a file goes by few of its flags.
    """
    split = _split(facts)
    return {**split.flags, 'config': paths.PROXY_CONFIG} if split else _flags(facts)


def config(facts: Facts) -> Mapping[str, object]:
    """Return the KubeProxyConfiguration; nothing when kube-proxy runs with flags alone."""
    split = _split(facts)
    return split.config if split else {}


def _split(facts: Facts) -> proxy_config.Split | None:
    if facts.program.version not in proxy_config.FILE:
        return None
    flags = _flags(facts)
    if 'master' not in facts.settings.proxy_args:
        flags.pop('master', None)  # the kubeconfig says it, too
    return proxy_config.split(flags)


def _flags(facts: Facts) -> dict[str, str]:
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
