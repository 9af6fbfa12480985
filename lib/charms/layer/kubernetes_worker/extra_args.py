"""Which of the operator's extra arguments a program of this version does not know."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from charms.layer.kubernetes_common import options, versions
from charms.layer.kubernetes_common.versions import Version

from . import kubelet, proxy

OPTIONS = {'kubelet': 'kubelet-extra-args', 'kube-proxy': 'proxy-extra-args'}
SPANS = {'kubelet': kubelet.FLAGS, 'kube-proxy': proxy.FLAGS}
# Flags that the kubelet hides in its help while they are deprecated in favour of its configuration file (1.10 to 1.19);
# the snap passes them on all the same.
KUBELET_HIDDEN = """
    address allow-privileged anonymous-auth authentication-token-webhook authorization-mode client-ca-file cluster-dns
    cluster-domain cpu-manager-policy enforce-node-allocatable eviction-hard eviction-soft fail-swap-on feature-gates
    kube-reserved max-pods node-status-update-frequency pod-cidr port read-only-port resolv-conf serialize-image-pulls
    system-reserved tls-cert-file tls-cipher-suites tls-private-key-file
"""
HIDDEN = {'kubelet': frozenset(KUBELET_HIDDEN.split()), 'kube-proxy': frozenset[str]()}


class Unknown(options.Invalid):
    """An extra argument, `name`, that the program does not have."""

    def __init__(self, option: str, reason: str, name: str) -> None:
        super().__init__(option, reason)
        self.name = name


def flags(usage: str) -> frozenset[str]:
    """Return the names of all flags in the text that `PROGRAM --help` prints."""
    return frozenset(re.findall(r'(?m)^\s*(?:-\w, )?--([a-z0-9][a-z0-9.-]*)', usage))


def unknown(program: str, version: Version, arguments: Mapping[str, str], known: Collection[str]) -> list[Unknown]:
    """Return one problem for each argument the program would not take; the snap drops it without a word, or it dies.

    Args:
        program: kubelet or kube-proxy.
        version: of the program.
        arguments: the operator's.
        known: the flags in its help; empty when it could not be asked: then nothing is refused.
    """
    if not known:
        return []
    return [
        Unknown(OPTIONS[program], f'{program} {versions.text(version)} has no flag {name!r}', name)
        for name in arguments
        if name not in known and not _is_hidden(program, version, name)
    ]


def _is_hidden(program: str, version: Version, name: str) -> bool:
    return name in HIDDEN[program] and version in SPANS[program].get(name, versions.ALWAYS)
