"""What each daemon of the control plane should run with, by version. Computing only.

What a version accepts stands in `SPANS`: an argument it no longer knows is left out, whoever wants it. Sources: the
release notes of Kubernetes 1.5 to 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from charms.layer.kubernetes_common import versions
from charms.layer.kubernetes_common.versions import Span, Version

from . import CDK, PORT
from .settings import Settings

APISERVER = 'kube-apiserver'
CONTROLLER_MANAGER = 'kube-controller-manager'
SCHEDULER = 'kube-scheduler'
NAMES = (APISERVER, CONTROLLER_MANAGER, SCHEDULER)

CA = f'{CDK}/ca.crt'
SERVER = (f'{CDK}/server.crt', f'{CDK}/server.key')
CLIENT = (f'{CDK}/client.crt', f'{CDK}/client.key')
CLIENT_NAME = 'system:kube-apiserver'  # common name of the client certificate
TOKENS = f'{CDK}/known_tokens.csv'
PASSWORDS = f'{CDK}/basic_auth.csv'
# what the API server is given of the two: an operator's comments stay in the files above
SERVED = {path: path.replace(CDK, f'{CDK}/kube-apiserver') for path in (TOKENS, PASSWORDS)}
ACCOUNTS_KEY = f'{CDK}/serviceaccount.key'
ETCD = {'ca': f'{CDK}/etcd/client-ca.pem', 'key': f'{CDK}/etcd/client-key.pem', 'cert': f'{CDK}/etcd/client-cert.pem'}
AUDIT_POLICY = f'{CDK}/audit/audit-policy.yaml'
AUDIT_WEBHOOK = f'{CDK}/audit/audit-webhook-config.yaml'
AUDIT_LOG = f'{CDK}/audit/audit.log'
KUBECONFIGS = {name: f'{CDK}/{name}config' for name in (CONTROLLER_MANAGER, SCHEDULER)}

SPANS: dict[str, Span] = {
    'admission-control': Span(last=(1, 9)),
    'enable-admission-plugins': Span(first=(1, 10)),
    'basic-auth-file': Span(last=(1, 18)),
    'insecure-bind-address': Span(last=(1, 19)),
    'insecure-port': Span(last=(1, 19)),
    'logtostderr': Span(last=(1, 25)),
    'service-account-issuer': Span(first=(1, 20)),
    'service-account-signing-key-file': Span(first=(1, 20)),
}
PLUGINS: dict[str, Span] = {
    'NamespaceLifecycle': versions.ALWAYS,
    'LimitRanger': versions.ALWAYS,
    'ServiceAccount': versions.ALWAYS,
    'PersistentVolumeLabel': Span(first=(1, 9), last=(1, 12)),  # deprecated after that: the server warns, then refuses
    'Priority': Span(first=(1, 11)),
    'DefaultStorageClass': Span(first=(1, 9)),
    'DefaultTolerationSeconds': versions.ALWAYS,
    'StorageObjectInUseProtection': Span(first=(1, 11)),
    'MutatingAdmissionWebhook': Span(first=(1, 9)),
    'ValidatingAdmissionWebhook': Span(first=(1, 9)),
    'ResourceQuota': versions.ALWAYS,
}
AUDIT_V1 = Span(first=(1, 12))  # v1beta1 goes in 1.24
METRICS = Span(first=(1, 7))  # aggregation


@dataclass(frozen=True)
class Facts:
    """What the arguments depend on beside the options."""

    version: Version  # of the program installed now
    service_cidr: str  # as fixed when the cluster started
    address: str  # at which this unit is reached
    etcd: str  # connection string
    storage_backend: str  # what etcd offers: etcd2 or etcd3
    gpu: bool


def apiserver(facts: Facts, settings: Settings) -> dict[str, str]:
    """Return the arguments of kube-apiserver; the operator's own win."""
    modes = settings.authorization_mode.split(',')
    plugins = [name for name, span in PLUGINS.items() if facts.version in span]
    plugins += ['NodeRestriction'] if 'Node' in modes else []
    wanted = {
        'allow-privileged': _privileged(facts, settings),
        'service-cluster-ip-range': facts.service_cidr,
        'min-request-timeout': '300',
        'v': '4',
        'logtostderr': 'true',
        'tls-cert-file': SERVER[0],
        'tls-private-key-file': SERVER[1],
        'client-ca-file': CA,
        'kubelet-certificate-authority': CA,
        'kubelet-client-certificate': CLIENT[0],
        'kubelet-client-key': CLIENT[1],
        'insecure-bind-address': '127.0.0.1',
        'insecure-port': '8080',
        'secure-port': str(PORT),
        'storage-backend': _backend(facts, settings),
        'basic-auth-file': SERVED[PASSWORDS],
        'token-auth-file': SERVED[TOKENS],
        'service-account-key-file': ACCOUNTS_KEY,
        'service-account-signing-key-file': ACCOUNTS_KEY,
        'service-account-issuer': f'https://kubernetes.default.svc.{settings.dns_domain}',
        'kubelet-preferred-address-types': 'InternalIP,Hostname,InternalDNS,ExternalDNS,ExternalIP',
        'advertise-address': facts.address,
        'etcd-cafile': ETCD['ca'],
        'etcd-keyfile': ETCD['key'],
        'etcd-certfile': ETCD['cert'],
        'etcd-servers': facts.etcd,
        'admission-control': ','.join(plugins),
        'enable-admission-plugins': ','.join(plugins),
        'authorization-mode': settings.authorization_mode,
        'audit-log-path': AUDIT_LOG,
        'audit-log-maxsize': '100',
        'audit-log-maxbackup': '9',
        **({'audit-policy-file': AUDIT_POLICY} if settings.audit_policy else {}),
        **({'audit-webhook-config-file': AUDIT_WEBHOOK} if settings.audit_webhook_config else {}),
        **(_aggregation() if settings.enable_metrics and facts.version in METRICS else {}),
    }
    return {**known(wanted, facts.version), **settings.api_extra_args}


def controller_manager(facts: Facts, settings: Settings) -> dict[str, str]:
    """Return the arguments of kube-controller-manager; the operator's own win."""
    wanted = {
        'kubeconfig': KUBECONFIGS[CONTROLLER_MANAGER],
        'min-resync-period': '3m',
        'v': '2',
        'root-ca-file': CA,
        'logtostderr': 'true',
        'service-account-private-key-file': ACCOUNTS_KEY,
        'tls-cert-file': SERVER[0],
        'tls-private-key-file': SERVER[1],
        # RBAC lets each controller do its own work only, under its own account; the manager itself may do little
        **({'use-service-account-credentials': 'true'} if 'RBAC' in settings.authorization_mode.split(',') else {}),
    }
    return {**known(wanted, facts.version), **settings.controller_manager_extra_args}


def scheduler(facts: Facts, settings: Settings) -> dict[str, str]:
    """Return the arguments of kube-scheduler; the operator's own win."""
    wanted = {'kubeconfig': KUBECONFIGS[SCHEDULER], 'v': '2', 'logtostderr': 'true'}
    return {**known(wanted, facts.version), **settings.scheduler_extra_args}


def known(wanted: Mapping[str, str], version: Version) -> dict[str, str]:
    """Return the arguments this version knows."""
    return {name: value for name, value in wanted.items() if version in SPANS.get(name, versions.ALWAYS)}


def audit_policy(settings: Settings, version: Version) -> dict[str, object]:
    """Return the audit policy in the API version this program reads; both have the same fields."""
    policy = dict(settings.audit_policy)
    if policy.get('apiVersion') == 'audit.k8s.io/v1beta1' and version in AUDIT_V1:
        policy['apiVersion'] = 'audit.k8s.io/v1'
    return policy


def _aggregation() -> dict[str, str]:
    return {
        'requestheader-client-ca-file': CA,
        'requestheader-allowed-names': CLIENT_NAME,
        'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
        'requestheader-group-headers': 'X-Remote-Group',
        'requestheader-username-headers': 'X-Remote-User',
        'proxy-client-cert-file': CLIENT[0],
        'proxy-client-key-file': CLIENT[1],
        'enable-aggregator-routing': 'true',
    }


def _privileged(facts: Facts, settings: Settings) -> str:
    return ('true' if facts.gpu else 'false') if settings.allow_privileged == 'auto' else settings.allow_privileged


def _backend(facts: Facts, settings: Settings) -> str:
    return facts.storage_backend if settings.storage_backend == 'auto' else settings.storage_backend
