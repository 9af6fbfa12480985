"""What the kubelet should run with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from charms.layer.kubernetes_common import options, trees, versions
from charms.layer.kubernetes_common.versions import Span, Version

from . import paths
from .facts import Cluster, Machine, Settings

CONFIG_FILE = Span(first=(1, 10))
RESOLVER_BEHIND_STUB = '/run/systemd/resolve/resolv.conf'
CONTAINERD = 'unix:///run/containerd/containerd.sock'

# Which minors take a flag that the charm may set. Flags without a row are known to all supported minors (1.9 to 1.36).
FLAGS: Mapping[str, Span] = {
    'require-kubeconfig': Span(last=(1, 9)),
    'allow-privileged': Span(last=(1, 14)),
    'network-plugin': Span(last=(1, 23)),  # went with dockershim
    'container-runtime': Span(first=(1, 24), last=(1, 26)),  # before: docker, the default; after: no choice
    'container-runtime-endpoint': Span(first=(1, 24)),
    'logtostderr': Span(last=(1, 25)),
    'pod-infra-container-image': Span(last=(1, 34)),
    'config': CONFIG_FILE,
}
DEVICE_PLUGINS = Span(first=(1, 8), last=(1, 27))  # the gate is gone in 1.28: setting it stops the kubelet

# The same settings as flags, for kubelets that read no file: field of the file -> flag.
FIELD_FLAGS = {
    'address': 'address',
    'clusterDomain': 'cluster-domain',
    'failSwapOn': 'fail-swap-on',
    'port': 'port',
    'tlsCertFile': 'tls-cert-file',
    'tlsPrivateKeyFile': 'tls-private-key-file',
    'resolvConf': 'resolv-conf',
}


@dataclass(frozen=True)
class Facts:
    version: Version  # of the kubelet installed now, not of the channel asked for
    cluster: Cluster
    machine: Machine
    settings: Settings


def arguments(facts: Facts) -> dict[str, str]:
    """Return the command line, only with flags this version knows; the operator's own arguments win."""
    base = {
        'require-kubeconfig': 'true',
        'kubeconfig': paths.KUBELET_KUBECONFIG,
        'network-plugin': 'cni',
        'container-runtime': 'remote',
        'container-runtime-endpoint': CONTAINERD,
        'v': '0',
        'logtostderr': 'true',
        'node-ip': facts.machine.address,
        'allow-privileged': _allow_privileged(facts),
        'config': paths.KUBELET_CONFIG,
    }
    if facts.cluster.registry:
        image = f'pause-{facts.machine.architecture}:3.1'
        base['pod-infra-container-image'] = f'{facts.cluster.registry.rstrip("/")}/{image}'
    if facts.version not in CONFIG_FILE:
        base.update(_flags_for(_defaults(facts)))
    known = {flag: value for flag, value in base.items() if facts.version in FLAGS.get(flag, versions.ALWAYS)}
    return {**known, **facts.settings.kubelet_args}


def config(facts: Facts) -> dict[str, object]:
    """Return the KubeletConfiguration; the operator's `kubelet-extra-config` wins at any depth."""
    head = {'apiVersion': 'kubelet.config.k8s.io/v1beta1', 'kind': 'KubeletConfiguration'}
    return trees.merge({**head, **_defaults(facts)}, facts.settings.kubelet_config)


def problems(version: Version, settings: Settings) -> list[options.Invalid]:
    """Return what is wrong with good-looking options for this version."""
    if settings.kubelet_config and version not in CONFIG_FILE:
        reason = f'needs Kubernetes 1.10 or later, kubelet is {versions.text(version)}'
        return [options.Invalid('kubelet-extra-config', reason)]
    return []


def cpu_policy(configuration: Mapping[str, object]) -> dict[str, object]:
    """Return the part of a configuration whose change the kubelet refuses while its saved CPU state is there."""
    fields = ('cpuManagerPolicy', 'cpuManagerPolicyOptions', 'kubeReserved', 'reservedSystemCPUs', 'systemReserved')
    return {field: configuration[field] for field in fields if field in configuration}


def _defaults(facts: Facts) -> dict[str, object]:
    dns = facts.cluster.dns
    desired: dict[str, object] = {
        'address': '0.0.0.0',  # noqa: S104 - the API server reaches the kubelet over any network
        'authentication': {'anonymous': {'enabled': False}, 'x509': {'clientCAFile': paths.CA}},
        'failSwapOn': False,
        'port': 10250,
        'tlsCertFile': paths.SERVER_CERTIFICATE,
        'tlsPrivateKeyFile': paths.SERVER_KEY,
    }
    if dns and dns.domain:
        desired['clusterDomain'] = dns.domain
    if dns and dns.ip:
        desired['clusterDNS'] = [dns.ip]
    if facts.machine.gpu and facts.version in DEVICE_PLUGINS:
        desired['featureGates'] = {'DevicePlugins': True}
    if facts.machine.stub_resolver:
        desired['resolvConf'] = RESOLVER_BEHIND_STUB  # pods that ask the stub would ask themselves
    return desired


def _flags_for(fields: Mapping[str, object]) -> dict[str, str]:
    flags = {flag: _text(fields[field]) for field, flag in FIELD_FLAGS.items() if field in fields}
    flags |= {'anonymous-auth': 'false', 'client-ca-file': paths.CA}
    if 'clusterDNS' in fields:
        flags['cluster-dns'] = ','.join(fields['clusterDNS'])  # type: ignore[arg-type]  # a list of text, see _defaults
    if 'featureGates' in fields:
        flags['feature-gates'] = 'DevicePlugins=true'
    return flags


def _allow_privileged(facts: Facts) -> str:
    if facts.settings.allow_privileged != 'auto':
        return facts.settings.allow_privileged
    # from 1.9 on device plugins need no privileged kubelet
    return _text(facts.machine.gpu and facts.version[:2] < (1, 9))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
