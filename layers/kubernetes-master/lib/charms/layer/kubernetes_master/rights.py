"""What the API server may do on nodes where RBAC decides: a kubelet asks for each log, exec or proxied request.

Computing only. The names are those of the public charm, so an upgraded cluster has each of them once.
"""

from __future__ import annotations

from typing import Any

from . import daemons
from .settings import Settings

API = 'rbac.authorization.k8s.io/v1'
USERS = (daemons.CLIENT_NAME, 'client')  # common name of the API server's certificate, now and in charms before 2019
RESOURCES = ['nodes/log', 'nodes/metrics', 'nodes/proxy', 'nodes/spec', 'nodes/stats']
VERBS = ['get', 'list', 'watch', 'create', 'delete']


def are_needed(settings: Settings) -> bool:
    return 'RBAC' in settings.authorization_mode.split(',')


def objects(app: str) -> dict[str, dict[str, Any]]:
    """Return the objects that grant it, by the name of their collection."""
    role, binding = f'proxy-clusterrole-{app}', f'proxy-role-binding-{app}'
    return {
        'clusterroles': {
            'apiVersion': API,
            'kind': 'ClusterRole',
            'metadata': {'name': role},
            'rules': [{'apiGroups': [''], 'resources': RESOURCES, 'verbs': VERBS}],
        },
        'clusterrolebindings': {
            'apiVersion': API,
            'kind': 'ClusterRoleBinding',
            'metadata': {'name': binding},
            'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'ClusterRole', 'name': role},
            'subjects': [{'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'User', 'name': user} for user in USERS],
        },
    }
