"""What the kubelet should run with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from charms.layer.kubernetes_common import trees

from . import cloud, config_fields, extra_args, images, paths, version_table
from .facts import Cluster, Machine, Program, Settings

RESOLVER_BEHIND_STUB = '/run/systemd/resolve/resolv.conf'
CONTAINERD = 'unix:///run/containerd/containerd.sock'

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
    program: Program  # the kubelet installed now, not the one of the channel asked for
    cluster: Cluster
    machine: Machine
    settings: Settings


def arguments(facts: Facts) -> dict[str, str]:
    """Return the command line, only with flags this version knows; the operator's own arguments win."""
    base = {
        'require-kubeconfig': 'true',
        'kubeconfig': paths.KUBELET_KUBECONFIG,
        'network-plugin': 'cni',
        'v': '0',
        'logtostderr': 'true',
        'node-ip': facts.machine.address,
        'allow-privileged': _allow_privileged(facts),
        'config': paths.KUBELET_CONFIG,
    }
    if facts.cluster.registry:
        base['pod-infra-container-image'] = images.pause(facts.machine.architecture, facts.cluster.registry)
    if facts.program.version not in config_fields.FILE:
        base.update(_flags_for(_defaults(facts)))
    base.update(cloud.arguments(facts.cluster.cloud or {}, facts.program.version))
    base.update(runtime(facts.program, facts.settings.kubelet_args))
    known = {flag: value for flag, value in base.items() if extra_args.takes(facts.program, flag)}
    return {**known, **facts.settings.kubelet_args}


def runtime(program: Program, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the flags that lead to the container runtime.

    With dockershim docker is the default and no flag is needed. Without it, or when the operator asks for a remote
    runtime, it is the containerd that serves docker too.
    """
    if program.version in extra_args.DOCKERSHIM and extra.get('container-runtime') != 'remote':
        return {}
    return {'container-runtime': 'remote', 'container-runtime-endpoint': CONTAINERD}


def config(facts: Facts) -> dict[str, object]:
    """Return the KubeletConfiguration; the operator's `kubelet-extra-config` wins at any depth."""
    return trees.merge({**config_fields.HEAD, **_defaults(facts)}, facts.settings.kubelet_config)


def cpu_policy(configuration: Mapping[str, object], flags: Mapping[str, str]) -> dict[str, object]:
    """Return the part of a configuration whose change the kubelet refuses while its saved CPU state is there."""
    fields = ('cpuManagerPolicy', 'cpuManagerPolicyOptions', 'kubeReserved', 'reservedSystemCPUs', 'systemReserved')
    names = ('cpu-manager-policy', 'cpu-manager-policy-options', 'kube-reserved', 'reserved-cpus', 'system-reserved')
    found = {field: configuration[field] for field in fields if field in configuration}
    return {**found, **{name: flags[name] for name in names if name in flags}}


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
    if facts.machine.gpu and facts.program.version in version_table.gates()['DevicePlugins']:
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
    return _text(facts.machine.gpu)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
