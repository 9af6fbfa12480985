"""The resources an agent talks about, and the objects it sends. Computes only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aioclustermanager.kubernetes import Object, Resource

from ._names import CLUSTER_LABEL
from ._options import ANNOTATION_PREFIX

CSRS = Resource('certificates.k8s.io', 'v1', 'certificatesigningrequests', 'CertificateSigningRequest', False)
CSRS_V1BETA1 = Resource('certificates.k8s.io', 'v1beta1', CSRS.plural, CSRS.kind, False)
MANAGED_CLUSTERS = Resource('cluster.open-cluster-management.io', 'v1', 'managedclusters', 'ManagedCluster', False)
CLAIMS = Resource('cluster.open-cluster-management.io', 'v1alpha1', 'clusterclaims', 'ClusterClaim', False)
ADDONS = Resource('addon.open-cluster-management.io', 'v1alpha1', 'managedclusteraddons', 'ManagedClusterAddOn')

LEASE = 'managed-cluster-lease'
USAGES = ('digital signature', 'key encipherment', 'client auth')
_DEFAULT_LEASE_S = 60


def managed_cluster(name: str, annotations: Mapping[str, str], urls: Sequence[str], ca: bytes) -> Object:
    """Return the ManagedCluster that an agent asks to be taken in with."""
    meta: Object = {'name': name}
    if annotations:
        meta['annotations'] = dict(annotations)
    spec: Object = {'hubAcceptsClient': False}
    if urls:
        spec['managedClusterClientConfigs'] = client_configs(urls, ca)
    return {'metadata': meta, 'spec': spec}


def client_configs(urls: Iterable[str], ca: bytes) -> list[Object]:
    return [{'url': url, 'caBundle': base64.b64encode(ca).decode('ascii')} for url in urls]


def with_urls(cluster: Object, urls: Sequence[str], ca: bytes) -> Object | None:
    """Return the ManagedCluster with the URLs it lacks; None if it lacks none."""
    listed = (cluster.get('spec') or {}).get('managedClusterClientConfigs') or []
    known = {entry.get('url') for entry in listed}
    missing = [url for url in dict.fromkeys(urls) if url not in known]
    if not missing:
        return None
    spec = {'hubAcceptsClient': False, **(cluster.get('spec') or {})}
    return {**cluster, 'spec': {**spec, 'managedClusterClientConfigs': [*listed, *client_configs(missing, ca)]}}


def own_annotations(annotations: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the annotations that an agent may set, and the keys of those it may not."""
    allowed = {key: value for key, value in annotations.items() if key.startswith(ANNOTATION_PREFIX)}
    return allowed, sorted(set(annotations) - set(allowed))


def signing_request(
    resource: Resource, generate_name: str, labels: Mapping[str, str], signer: str, pem: bytes, expiration_s: int
) -> Object:
    spec: Object = {'request': encoded(pem), 'signerName': signer, 'usages': list(USAGES)}
    if expiration_s:
        spec['expirationSeconds'] = expiration_s
    return {
        'apiVersion': resource.api_version,
        'kind': resource.kind,
        'metadata': {'generateName': generate_name, 'labels': dict(labels)},
        'spec': spec,
    }


def request_state(csr: Mapping[str, Any]) -> str:
    """Return 'denied', 'pending', 'approved' (but not signed) or 'issued'."""
    kinds = {each.get('type') for each in (csr.get('status') or {}).get('conditions') or []}
    if kinds & {'Denied', 'Failed'}:
        return 'denied'
    if 'Approved' not in kinds:
        return 'pending'
    return 'issued' if (csr.get('status') or {}).get('certificate') else 'approved'


def answered_at(csr: Mapping[str, Any]) -> datetime:
    """Return when a request was approved or denied, as the hub's clock says."""
    for each in (csr.get('status') or {}).get('conditions') or []:
        if each.get('type') in ('Approved', 'Denied', 'Failed') and each.get('lastUpdateTime'):
            return moment(each['lastUpdateTime'])
    return moment(csr['metadata']['creationTimestamp'])


def moment(text: str) -> datetime:
    """Return the moment that Kubernetes writes as 2024-02-21T09:00:00Z or with a fraction. Raises ValueError."""
    return datetime.fromisoformat(text.replace('Z', '+00:00'))


def micro_time(now: datetime) -> str:
    """Return a moment as a MicroTime."""
    return now.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def lease_duration_s(cluster: Mapping[str, Any]) -> float:
    """Return how often the hub wants the lease renewed."""
    return float((cluster.get('spec') or {}).get('leaseDurationSeconds') or _DEFAULT_LEASE_S)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode('ascii')


def decoded(text: object) -> bytes:
    """Return the bytes behind base64, b'' for what is none."""
    try:
        return base64.b64decode(str(text or ''), validate=True)
    except (binascii.Error, ValueError):
        return b''


def labels(cluster: str) -> dict[str, str]:
    return {CLUSTER_LABEL: cluster}
