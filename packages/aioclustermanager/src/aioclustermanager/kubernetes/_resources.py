"""Which resources there are, and the paths of their objects (Kubernetes API conventions). Computes only."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote

Object: TypeAlias = 'dict[str, Any]'
"""An object as the API server writes it: JSON. What is in it is in the API reference of its kind."""

Labels: TypeAlias = 'Mapping[str, str] | str'
"""A selector: what has to be equal, or Kubernetes' own notation."""

_PLAIN = re.compile(r'[A-Za-z0-9_~-][A-Za-z0-9._~-]*')  # needs no quoting, and climbs up no path


@dataclass(frozen=True)
class Resource:
    """A kind of objects and where they are; group '' is the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @functools.cached_property
    def api_version(self) -> str:
        """`apiVersion` of its objects."""
        return f'{self.group}/{self.version}' if self.group else self.version

    @functools.cached_property
    def root(self) -> str:
        """The path above it."""
        return f'/apis/{self.group}/{self.version}' if self.group else f'/api/{self.version}'

    def collection(self, namespace: str = '') -> str:
        """Return the path of the objects of a namespace; '' for all namespaces, or where there are none."""
        if not namespace:
            return f'{self.root}/{self.plural}'
        if not self.namespaced:
            raise ValueError(f'{self.plural} are in no namespace, but {namespace!r} was given')
        return f'{self.root}/namespaces/{segment(namespace)}/{self.plural}'

    def one(self, name: str, namespace: str = '', subresource: str = '') -> str:
        """Return the path of an object or of a part of it. Raises ValueError without what it takes."""
        if self.namespaced and not namespace:
            raise ValueError(f'{self.plural} are in namespaces: which one is {name!r} in?')
        path = f'{self.collection(namespace)}/{segment(name)}'
        return f'{path}/{subresource}' if subresource else path

    def __str__(self) -> str:
        return f'{self.plural}.{self.group}' if self.group else self.plural


def segment(name: str) -> str:
    """Return a name as one segment of a path. Raises ValueError for what can be none."""
    if _PLAIN.fullmatch(name):
        return name
    if name in ('', '.', '..'):
        raise ValueError(f'{name!r} cannot be a name')
    return quote(name, safe='')


def query(parameters: Mapping[str, str | int | bool]) -> str:
    """Return '?a=b&c=d' of what is given: None, False, 0 and '' are left out."""
    pairs = [
        f'{key}={"true" if value is True else quote(str(value), safe="")}' for key, value in parameters.items() if value
    ]
    return '?' + '&'.join(pairs) if pairs else ''


def selector(labels: Labels) -> str:
    """Return a selector: a mapping means that all are equal, a text is one already."""
    if isinstance(labels, str):
        return labels
    return ','.join(f'{key}={value}' for key, value in labels.items())


def _core(plural: str, kind: str, *, namespaced: bool = True) -> Resource:
    return Resource('', 'v1', plural, kind, namespaced)


CONFIG_MAPS = _core('configmaps', 'ConfigMap')
ENDPOINTS = _core('endpoints', 'Endpoints')
EVENTS = _core('events', 'Event')
NAMESPACES = _core('namespaces', 'Namespace', namespaced=False)
NODES = _core('nodes', 'Node', namespaced=False)
PERSISTENT_VOLUME_CLAIMS = _core('persistentvolumeclaims', 'PersistentVolumeClaim')
PERSISTENT_VOLUMES = _core('persistentvolumes', 'PersistentVolume', namespaced=False)
PODS = _core('pods', 'Pod')
REPLICATION_CONTROLLERS = _core('replicationcontrollers', 'ReplicationController')
RESOURCE_QUOTAS = _core('resourcequotas', 'ResourceQuota')
SECRETS = _core('secrets', 'Secret')
SERVICE_ACCOUNTS = _core('serviceaccounts', 'ServiceAccount')
SERVICES = _core('services', 'Service')
DAEMON_SETS = Resource('apps', 'v1', 'daemonsets', 'DaemonSet')
DEPLOYMENTS = Resource('apps', 'v1', 'deployments', 'Deployment')
REPLICA_SETS = Resource('apps', 'v1', 'replicasets', 'ReplicaSet')
STATEFUL_SETS = Resource('apps', 'v1', 'statefulsets', 'StatefulSet')
CRON_JOBS = Resource('batch', 'v1', 'cronjobs', 'CronJob')  # since Kubernetes 1.21
JOBS = Resource('batch', 'v1', 'jobs', 'Job')
LEASES = Resource('coordination.k8s.io', 'v1', 'leases', 'Lease')
INGRESSES = Resource('networking.k8s.io', 'v1', 'ingresses', 'Ingress')  # since Kubernetes 1.19
CLUSTER_ROLES = Resource('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(
    'rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding', namespaced=False
)
ROLES = Resource('rbac.authorization.k8s.io', 'v1', 'roles', 'Role')
ROLE_BINDINGS = Resource('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding')
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    'apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', namespaced=False
)
