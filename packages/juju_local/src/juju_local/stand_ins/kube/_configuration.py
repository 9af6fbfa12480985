"""What kube-apiserver's flags mean; refuses what the real one refuses at its start."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import _access, _addresses, _flags, _program, _rest, _tokens, _version

_OFF_BY_DEFAULT = {'AlwaysAdmit', 'AlwaysDeny', 'NodeRestriction', 'AlwaysPullImages', 'EventRateLimit'}
# Name to (first, last) minor version. What a plug-in does here: NodeRestriction and ServiceAccount are enforced.
PLUGINS: dict[str, tuple[str, str]] = {
    'AlwaysAdmit': ('', ''),
    'AlwaysDeny': ('', ''),
    'AlwaysPullImages': ('', ''),
    'CertificateApproval': ('1.18', ''),
    'CertificateSigning': ('1.18', ''),
    'CertificateSubjectRestriction': ('1.18', ''),
    'DefaultIngressClass': ('1.18', ''),
    'DefaultStorageClass': ('', ''),
    'DefaultTolerationSeconds': ('', ''),
    'DenyEscalatingExec': ('', '1.20'),
    'EventRateLimit': ('', ''),
    'ExtendedResourceToleration': ('1.9', ''),
    'ImagePolicyWebhook': ('', ''),
    'Initializers': ('1.7', '1.13'),
    'LimitPodHardAntiAffinityTopology': ('', ''),
    'LimitRanger': ('', ''),
    'MutatingAdmissionWebhook': ('1.9', ''),
    'NamespaceAutoProvision': ('', ''),
    'NamespaceExists': ('', ''),
    'NamespaceLifecycle': ('', ''),
    'NodeRestriction': ('', ''),
    'OwnerReferencesPermissionEnforcement': ('', ''),
    'PersistentVolumeClaimResize': ('1.9', ''),
    'PersistentVolumeLabel': ('', '1.30'),
    'PodNodeSelector': ('', ''),
    'PodPreset': ('', '1.19'),
    'PodSecurityPolicy': ('', '1.24'),
    'PodTolerationRestriction': ('', ''),
    'Priority': ('', ''),
    'ResourceQuota': ('', ''),
    'RuntimeClass': ('1.14', ''),
    'SecurityContextDeny': ('', '1.29'),
    'ServiceAccount': ('', ''),
    'StorageObjectInUseProtection': ('1.10', ''),
    'TaintNodesByCondition': ('1.12', ''),
    'ValidatingAdmissionWebhook': ('1.9', ''),
}


@dataclass(frozen=True)
class Configuration:
    values: Mapping[str, str]
    version: _version.Version
    modes: tuple[str, ...]
    rest: _rest.Settings

    def get(self, name: str) -> str:
        return self.values.get(name, '')


def read(values: Mapping[str, str], version: _version.Version) -> Configuration:
    """Return the configuration; raises Fatal with what is wrong."""
    modes = tuple(filter(None, values['authorization-mode'].split(',')))
    for mode in modes:
        if mode not in _access.MODES:
            raise _program.Fatal(f'"{mode}" is not a valid mode')
    if not values.get('etcd-servers'):
        raise _program.Fatal('--etcd-servers must be specified')
    if version >= (1, 20) and values.get('insecure-port', '0') != '0':
        raise _program.Fatal(f'invalid port value {values["insecure-port"]}: only zero is allowed')
    if values['storage-backend'] == 'etcd2' and version >= (1, 13):
        raise _program.Fatal(
            "--storage-backend invalid, allowed values: etcd3. If not specified, it will default to 'etcd3'"
        )
    if version >= (1, 20) and not values.get('service-account-issuer'):
        raise _program.Fatal('service-account-issuer is a required flag')
    _check_files(values)
    services = _services(values['service-cluster-ip-range'])
    first, _, last = values['service-node-port-range'].partition('-')
    plugins = _plugins(values, version)
    ranges = _addresses.Ranges(services, range(int(first), int(last) + 1))
    privileged = _flags.is_set(values, 'allow-privileged')
    return Configuration(values, version, modes, _rest.Settings(ranges, plugins, privileged))


def _services(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text.split(',')[0], strict=False)
    except ValueError as error:
        raise _program.Fatal(f'invalid argument "{text}" for "--service-cluster-ip-range" flag: {error}') from error


def _plugins(values: Mapping[str, str], version: _version.Version) -> frozenset[str]:
    def named(flag: str) -> set[str]:
        return set(filter(None, values.get(flag, '').split(',')))

    exact, more, less = (
        named(f) for f in ('admission-control', 'enable-admission-plugins', 'disable-admission-plugins')
    )
    if exact and (more or less):
        raise _program.Fatal(
            'admission-control and enable-admission-plugins/disable-admission-plugins flags are mutually exclusive'
        )
    for name in exact | more | less:
        if name not in PLUGINS or not _version.is_within(version, *PLUGINS[name]):
            raise _program.Fatal(f'unknown admission plugin: "{name}"')
    return frozenset(exact or (set(PLUGINS) - _OFF_BY_DEFAULT | more) - less)


_FILES = (
    'etcd-cafile', 'etcd-certfile', 'etcd-keyfile', 'tls-cert-file', 'tls-private-key-file', 'client-ca-file',
    'token-auth-file', 'basic-auth-file', 'service-account-key-file', 'service-account-signing-key-file',
    'kubelet-certificate-authority', 'kubelet-client-certificate', 'kubelet-client-key', 'requestheader-client-ca-file',
    'proxy-client-cert-file', 'proxy-client-key-file', 'audit-policy-file', 'audit-webhook-config-file',
    'authentication-token-webhook-config-file', 'authorization-webhook-config-file', 'cloud-config',
    'experimental-encryption-provider-config', 'encryption-provider-config',
)  # fmt: skip


def _check_files(values: Mapping[str, str]) -> None:
    for name in _FILES:
        if path := values.get(name):
            try:
                Path(path).open('rb').close()
            except OSError as error:
                why = str(error.strerror).lower()
                raise _program.Fatal(f'unable to load --{name}: open {path}: {why}') from error


def account_keys(configuration: Configuration) -> tuple[_tokens.Key, ...]:
    """Return the keys that tokens of service accounts may be signed with; without a flag it is the server's own."""
    path = configuration.get('service-account-key-file') or configuration.get('tls-private-key-file')
    found = _tokens.key(Path(path).read_text(encoding='utf-8')) if path else None
    return (found,) if found else ()


def server_context(configuration: Configuration) -> ssl.SSLContext | None:
    """Return the TLS settings of the secure port; None without a certificate."""
    certificate, key = configuration.get('tls-cert-file'), configuration.get('tls-private-key-file')
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(['h2', 'http/1.1'])
    try:
        context.load_cert_chain(certificate, key)
        if authority := configuration.get('client-ca-file'):
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_OPTIONAL
    except ssl.SSLError as error:
        raise _program.Fatal(
            f'unable to load server certificate: tls: {error.reason} ({certificate}, {key})'
        ) from error
    return context


def etcd_context(configuration: Configuration) -> ssl.SSLContext | None:
    """Return the TLS settings towards etcd; None for plain HTTP."""
    if not configuration.get('etcd-servers').startswith('https'):
        return None
    try:
        context = ssl.create_default_context(cafile=configuration.get('etcd-cafile') or None)
        if certificate := configuration.get('etcd-certfile'):
            context.load_cert_chain(certificate, configuration.get('etcd-keyfile'))
    except ssl.SSLError as error:
        raise _program.Fatal(f'unable to load the etcd client certificate: {error.reason}') from error
    return context
