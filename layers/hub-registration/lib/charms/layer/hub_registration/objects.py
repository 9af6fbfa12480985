"""What joining a hub makes in this cluster: the agent's namespace and rights, claims. Computing only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import ACCOUNT, NAMESPACE
from .settings import Settings

Object = dict[str, Any]
RBAC = 'rbac.authorization.k8s.io/v1'
CLAIMS = 'cluster.open-cluster-management.io/v1alpha1'
DEFINITIONS = ('apiextensions.k8s.io/v1', 'apiextensions.k8s.io/v1beta1')  # the latter before Kubernetes 1.16
DEFINITION = 'clusterclaims.cluster.open-cluster-management.io'
CLUSTER_LABEL = 'open-cluster-management.io/cluster-name'  # on all secrets that the agent makes for add-ons
OWNER = 'app.kubernetes.io/managed-by'
READ = ['get', 'list', 'watch']


@dataclass(frozen=True)
class Placed:
    """An object and where it goes."""

    collection: str
    body: Object
    group: str = 'v1'
    namespace: str = ''

    @property
    def name(self) -> str:
        return str(self.body['metadata']['name'])


def owner(app: str) -> str:
    """Return the value of the label `OWNER` on what is ours to take away."""
    return f'{app}-hub-registration'


def namespace(app: str) -> Placed:
    return Placed('namespaces', _object('v1', 'Namespace', NAMESPACE, app))


def account(app: str) -> Placed:
    """Return the agent's service account; no pod runs as it."""
    body = {**_object('v1', 'ServiceAccount', ACCOUNT, app), 'automountServiceAccountToken': False}
    return Placed('serviceaccounts', body, namespace=NAMESPACE)


def token(app: str, name: str) -> Placed:
    """Return the secret that the controller manager puts the account's token into, in every version of Kubernetes."""
    body = _object('v1', 'Secret', name, app)
    body['metadata']['annotations'] = {'kubernetes.io/service-account.name': ACCOUNT}
    return Placed('secrets', {**body, 'type': 'kubernetes.io/service-account-token'}, namespace=NAMESPACE)


def rights(app: str, settings: Settings) -> list[Placed]:
    """Return the least rights that the agent goes on with (its own secrets and events; nodes, claims, health)."""
    cluster = [
        _rule('', ['nodes'], READ),
        _rule('cluster.open-cluster-management.io', ['clusterclaims'], READ),
        {'nonResourceURLs': ['/healthz', '/livez', '/version'], 'verbs': ['get']},
    ]
    if settings.is_on('AddonManagement'):  # add-ons have their secret and lease in namespaces of their own
        cluster += [
            _rule('', ['secrets'], ['create', 'delete', 'get', 'list', 'update']),
            _rule('coordination.k8s.io', ['leases'], ['get']),
        ]
    own = [
        _rule('', ['secrets'], ['create', 'delete', *READ, 'update']),
        _rule('', ['events'], ['create']),
    ]
    name = f'hub-registration-{app}'
    return [
        Placed('clusterroles', {**_object(RBAC, 'ClusterRole', name, app), 'rules': cluster}, RBAC),
        Placed('clusterrolebindings', _binding('ClusterRole', name, app), RBAC),
        Placed('roles', {**_object(RBAC, 'Role', name, app), 'rules': own}, RBAC, NAMESPACE),
        Placed('rolebindings', _binding('Role', name, app), RBAC, NAMESPACE),
    ]


def definition(app: str, group: str) -> Placed:
    """Return the definition of ClusterClaims in one of the forms of `DEFINITIONS`."""
    value = {'type': 'string', 'minLength': 1, 'maxLength': 1024}
    spec = {'type': 'object', 'properties': {'value': value}}
    schema = {'openAPIV3Schema': {'type': 'object', 'properties': {'spec': spec}}}
    version: Object = {'name': 'v1alpha1', 'served': True, 'storage': True}
    described: Object = {
        'group': 'cluster.open-cluster-management.io',
        'scope': 'Cluster',
        'names': {
            'plural': 'clusterclaims',
            'singular': 'clusterclaim',
            'kind': 'ClusterClaim',
            'listKind': 'ClusterClaimList',
        },
        'versions': [{**version, 'schema': schema} if group == DEFINITIONS[0] else version],
    }
    if group != DEFINITIONS[0]:
        described['validation'] = schema
    body = {**_object(group, 'CustomResourceDefinition', DEFINITION, app), 'spec': described}
    return Placed('customresourcedefinitions', body, group)


def claims(app: str, wanted: Mapping[str, str]) -> list[Placed]:
    return [
        Placed('clusterclaims', {**_object(CLAIMS, 'ClusterClaim', name, app), 'spec': {'value': value}}, CLAIMS)
        for name, value in sorted(wanted.items())
    ]


def secret(app: str, name: str, data: Mapping[str, str]) -> Placed:
    """Return a secret; `data` in base64."""
    return Placed(
        'secrets', {**_object('v1', 'Secret', name, app), 'type': 'Opaque', 'data': dict(data)}, 'v1', NAMESPACE
    )


def is_ours(body: Mapping[str, Any], app: str) -> bool:
    labels = (body.get('metadata') or {}).get('labels') or {}
    return bool(labels.get(OWNER) == owner(app))


def holds(found: Any, wanted: Any) -> bool:
    """Tell whether an object has all that is wanted; a server adds fields of its own, but to no list of ours."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(key in found and holds(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(holds, found, wanted))
    return bool(found == wanted)


def _object(version: str, kind: str, name: str, app: str) -> Object:
    return {'apiVersion': version, 'kind': kind, 'metadata': {'name': name, 'labels': {OWNER: owner(app)}}}


def _rule(group: str, resources: list[str], verbs: list[str]) -> Object:
    return {'apiGroups': [group], 'resources': resources, 'verbs': verbs}


def _binding(kind: str, name: str, app: str) -> Object:
    return {
        **_object(RBAC, f'{kind}Binding', name, app),
        'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': kind, 'name': name},
        'subjects': [{'kind': 'ServiceAccount', 'name': ACCOUNT, 'namespace': NAMESPACE}],
    }
