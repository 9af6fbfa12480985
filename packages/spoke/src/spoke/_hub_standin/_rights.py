"""What an accepted cluster's agent may do on the hub. Computes only."""

from __future__ import annotations

from typing import Any

from aioclustermanager.kubernetes import Resource, resources

from .._names import CLUSTER_LABEL, PREFIX

Json = dict[str, Any]
_GROUP = 'rbac.authorization.k8s.io'
_CLUSTERS, _ADDONS = 'cluster.open-cluster-management.io', 'addon.open-cluster-management.io'


def _rule(group: str, plural: str, *verbs: str, names: tuple[str, ...] = ()) -> Json:
    rule: Json = {'apiGroups': [group], 'resources': [plural], 'verbs': list(verbs)}
    return {**rule, 'resourceNames': list(names)} if names else rule


REGISTRATION = 'open-cluster-management:managedcluster:registration'
WORK = 'open-cluster-management:managedcluster:work'


def common() -> list[Json]:
    """Return the roles that all clusters share, each in its namespace."""
    registration = [
        _rule('coordination.k8s.io', 'leases', 'get', 'update'),
        _rule(_ADDONS, 'managedclusteraddons', 'get', 'list', 'watch'),
        _rule(_ADDONS, 'managedclusteraddons/status', 'patch', 'update'),
    ]
    work = [
        _rule('', 'events', 'create', 'patch', 'update'),
        _rule('work.open-cluster-management.io', 'manifestworks', 'get', 'list', 'watch', 'update', 'patch'),
        _rule('work.open-cluster-management.io', 'manifestworks/status', 'patch', 'update'),
    ]
    return [_role(REGISTRATION, registration), _role(WORK, work)]


def _role(name: str, rules: list[Json]) -> Json:
    return {'metadata': {'name': name}, 'rules': rules}


def of_cluster(cluster: str) -> list[tuple[Resource, str, Json]]:
    """Return (resource, namespace, object) of what an accepted cluster gets besides its namespace."""
    name = f'open-cluster-management:managedcluster:{cluster}'
    one = (cluster,)
    rules = [
        _rule('certificates.k8s.io', 'certificatesigningrequests', 'create', 'get', 'list', 'watch'),
        _rule('register.open-cluster-management.io', 'managedclusters/clientcertificates', 'renew'),
        _rule(_CLUSTERS, 'managedclusters', 'get', 'list', 'update', 'watch', names=one),
        _rule(_CLUSTERS, 'managedclusters/status', 'patch', 'update', names=one),
    ]
    found = [
        (resources.CLUSTER_ROLES, '', _role(name, rules)),
        (resources.CLUSTER_ROLE_BINDINGS, '', _binding(name, name, cluster)),
    ]
    for suffix, role in (('registration', REGISTRATION), ('work', WORK)):
        found.append((resources.ROLE_BINDINGS, cluster, _binding(f'{name}:{suffix}', role, cluster)))
    return found


def _binding(name: str, role: str, cluster: str) -> Json:
    return {
        'metadata': {'name': name, 'labels': {CLUSTER_LABEL: cluster}},
        'roleRef': {'apiGroup': _GROUP, 'kind': 'ClusterRole', 'name': role},
        'subjects': [{'apiGroup': _GROUP, 'kind': 'Group', 'name': f'{PREFIX}{cluster}'}],
    }


def bootstrap(name: str, user: str) -> list[tuple[Resource, Json]]:
    """Return what lets a user ask for a cluster to be taken in."""
    rules = [
        _rule('certificates.k8s.io', 'certificatesigningrequests', 'create', 'get', 'list', 'watch'),
        _rule(_CLUSTERS, 'managedclusters', 'get', 'create', 'update'),
    ]
    binding = {
        'metadata': {'name': name},
        'roleRef': {'apiGroup': _GROUP, 'kind': 'ClusterRole', 'name': name},
        'subjects': [{'apiGroup': _GROUP, 'kind': 'User', 'name': user}],
    }
    return [(resources.CLUSTER_ROLES, _role(name, rules)), (resources.CLUSTER_ROLE_BINDINGS, binding)]
