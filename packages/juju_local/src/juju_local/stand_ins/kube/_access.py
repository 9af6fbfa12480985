"""Who may do what: AlwaysAllow, AlwaysDeny, Node with NodeRestriction, RBAC. Pure: the objects are arguments.

Left out: ABAC and Webhook (which say no here), and the Node authorizer's graph for single secrets: a node may read the
secrets and configmaps of any pod.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import _identity

Json = dict[str, Any]
Lister = Callable[[str], Iterable[Json]]  # storage -> objects


@dataclass(frozen=True)
class Attributes:
    """What a request wants to do."""

    verb: str
    group: str = ''
    plural: str = ''  # with its subresource: pods/eviction
    namespace: str = ''
    name: str = ''
    path: str = ''  # of a request for no resource


MODES = {'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'ABAC', 'Webhook'}


def is_allowed(modes: Iterable[str], user: _identity.User, what: Attributes, objects: Lister) -> bool:
    """Ask each authorizer; one that agrees is enough."""
    if 'system:masters' in user.groups:
        return True
    checks: dict[str, Callable[[], bool]] = {
        'AlwaysAllow': lambda: True,
        'Node': lambda: _node_allows(user, what),
        'RBAC': lambda: _rbac_allows(user, what, objects),
    }
    return any(checks[mode]() for mode in modes if mode in checks)


def node_of(user: _identity.User) -> str:
    """Return the name of the node a user is, '' if it is none."""
    prefix = 'system:node:'
    return user.name.removeprefix(prefix) if user.name.startswith(prefix) and 'system:nodes' in user.groups else ''


_READ = frozenset(('get', 'list', 'watch'))
_NODE_RULES: dict[tuple[str, str], frozenset[str]] = {
    ('', 'services'): _READ,
    ('', 'endpoints'): _READ,
    ('', 'nodes'): frozenset(('create', 'get', 'list', 'watch', 'patch', 'update', 'delete')),
    ('', 'nodes/status'): frozenset(('patch', 'update')),
    ('', 'pods'): frozenset(('create', 'get', 'list', 'watch', 'delete')),
    ('', 'pods/status'): frozenset(('patch', 'update')),
    ('', 'pods/eviction'): frozenset(('create',)),
    ('', 'events'): frozenset(('create', 'patch', 'update')),
    ('', 'secrets'): frozenset(('get', 'list', 'watch')),
    ('', 'configmaps'): frozenset(('get', 'list', 'watch')),
    ('', 'persistentvolumeclaims'): frozenset(('get',)),
    ('', 'persistentvolumes'): frozenset(('get',)),
    ('', 'serviceaccounts/token'): frozenset(('create',)),
    ('coordination.k8s.io', 'leases'): frozenset(('create', 'get', 'patch', 'update', 'delete')),
    ('certificates.k8s.io', 'certificatesigningrequests'): frozenset(('create', 'get', 'list', 'watch')),
    ('storage.k8s.io', 'volumeattachments'): frozenset(('get',)),
    ('storage.k8s.io', 'csinodes'): frozenset(('create', 'get', 'patch', 'update', 'delete')),
    ('storage.k8s.io', 'csidrivers'): _READ,
    ('authentication.k8s.io', 'tokenreviews'): frozenset(('create',)),
    ('authorization.k8s.io', 'subjectaccessreviews'): frozenset(('create',)),
}


def _node_allows(user: _identity.User, what: Attributes) -> bool:
    if not node_of(user):
        return False
    if what.group == 'coordination.k8s.io' and what.namespace != 'kube-node-lease':
        return False
    return what.verb in _NODE_RULES.get((what.group, what.plural), frozenset())


def restriction(user: _identity.User, verb: str, plural: str, subresource: str, obj: Json, old: Json | None) -> str:
    """Return why NodeRestriction refuses a node's write, '' if it does not."""
    node = node_of(user)
    name = (obj.get('metadata') or {}).get('name', '')
    if not node:
        return ''
    if plural == 'nodes' and name != node:
        return f'node "{node}" is not allowed to modify node "{name}"'
    if plural == 'nodes' and verb == 'update' and not subresource and old:
        before, after = ((item.get('spec') or {}).get('taints') for item in (old, obj))
        if before != after:
            return f'node "{node}" is not allowed to modify taints'
    if plural == 'pods' and verb in ('update', 'delete', 'create'):
        bound = ((old or obj).get('spec') or {}).get('nodeName')
        if verb == 'create' and 'kubernetes.io/config.mirror' not in (obj['metadata'].get('annotations') or {}):
            return (
                f'pod does not have "kubernetes.io/config.mirror" annotation, node "{node}" can only create mirror pods'
            )
        if bound != node:
            return f'node "{node}" can only {verb} pods with spec.nodeName set to itself'
    return ''


def _rbac_allows(user: _identity.User, what: Attributes, objects: Lister) -> bool:
    for binding in objects('clusterrolebindings'):
        if _binds(binding, user) and _grants(_role(binding, objects), what):
            return True
    for binding in objects('rolebindings') if what.namespace else ():
        inside = binding['metadata']['namespace'] == what.namespace
        if inside and _binds(binding, user) and _grants(_role(binding, objects), what):
            return True
    return False


def _binds(binding: Json, user: _identity.User) -> bool:
    for subject in binding.get('subjects') or []:
        if subject['kind'] == 'ServiceAccount':
            namespace = subject.get('namespace') or binding['metadata'].get('namespace', '')
            if user.name == f'system:serviceaccount:{namespace}:{subject["name"]}':
                return True
        elif subject['name'] == user.name if subject['kind'] == 'User' else subject['name'] in user.groups:
            return True
    return False


def _role(binding: Json, objects: Lister) -> list[Json]:
    reference = binding['roleRef']
    namespace = binding['metadata'].get('namespace', '')
    for role in objects('clusterroles' if reference['kind'] == 'ClusterRole' else 'roles'):
        meta = role['metadata']
        if meta['name'] == reference['name'] and meta.get('namespace', '') in ('', namespace):
            return list(role.get('rules') or [])
    return []


def _grants(rules: list[Json], what: Attributes) -> bool:
    return any(_rule_grants(rule, what) for rule in rules)


def _rule_grants(rule: Json, what: Attributes) -> bool:
    if not {'*', what.verb} & set(rule.get('verbs') or ()):
        return False
    if not what.plural:
        urls = rule.get('nonResourceURLs') or ()
        return any(url in ('*', what.path) or (url.endswith('*') and what.path.startswith(url[:-1])) for url in urls)
    subresource = what.plural.partition('/')[2]
    wanted = {'*', what.plural, *([f'*/{subresource}'] if subresource else [])}
    if not wanted & set(rule.get('resources') or ()) or not {'*', what.group} & set(rule.get('apiGroups') or ()):
        return False
    return not rule.get('resourceNames') or what.name in rule['resourceNames']


def bootstrap() -> list[tuple[str, Json]]:
    """Return the roles and bindings that every server makes at its start (storage, object)."""
    return [(storage, _labelled(obj)) for storage, obj in _policy()]


def _labelled(obj: Json) -> Json:
    meta = {**obj['metadata'], 'labels': {'kubernetes.io/bootstrapping': 'rbac-defaults'}}
    return {'apiVersion': 'rbac.authorization.k8s.io/v1', **obj, 'metadata': meta}


def _policy() -> Iterable[tuple[str, Json]]:
    everything = {'apiGroups': ['*'], 'resources': ['*'], 'verbs': ['*']}
    reading = [{'apiGroups': ['*'], 'resources': ['*'], 'verbs': ['get', 'list', 'watch']}]
    events = {'apiGroups': ['', 'events.k8s.io'], 'resources': ['events'], 'verbs': ['create', 'patch', 'update']}
    public = ['/healthz', '/version', '/version/', '/livez', '/readyz']
    discovery = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', *public]
    proxied = {'apiGroups': [''], 'resources': ['services', 'endpoints'], 'verbs': ['list', 'watch']}
    sliced = {'apiGroups': ['discovery.k8s.io'], 'resources': ['endpointslices'], 'verbs': ['list', 'watch']}
    nodes = {'apiGroups': [''], 'resources': ['nodes'], 'verbs': ['get', 'list', 'watch']}
    reviews = [
        {'apiGroups': ['authentication.k8s.io'], 'resources': ['tokenreviews'], 'verbs': ['create']},
        {'apiGroups': ['authorization.k8s.io'], 'resources': ['subjectaccessreviews'], 'verbs': ['create']},
    ]
    roles: dict[str, list[Json]] = {
        'cluster-admin': [everything, {'nonResourceURLs': ['*'], 'verbs': ['*']}],
        'admin': [everything],
        'edit': [everything],
        'view': reading,
        'system:basic-user': [
            {'apiGroups': ['authorization.k8s.io'], 'resources': ['selfsubjectaccessreviews'], 'verbs': ['create']}
        ],
        'system:discovery': [{'nonResourceURLs': discovery, 'verbs': ['get']}],
        'system:public-info-viewer': [{'nonResourceURLs': public, 'verbs': ['get']}],
        'system:node-proxier': [proxied, sliced, nodes, events],
        'system:kube-scheduler': [everything],
        'system:kube-controller-manager': list(_manager_rules(events, reviews)),
        'system:controllers': [everything],  # of the real server's, one for each controller
        'system:node': [],
        'system:kubelet-api-admin': [
            {'apiGroups': [''], 'resources': ['nodes', 'nodes/proxy', 'nodes/metrics', 'nodes/log'], 'verbs': ['*']}
        ],
        'system:auth-delegator': reviews,
    }
    for name, rules in roles.items():
        yield 'clusterroles', {'kind': 'ClusterRole', 'metadata': {'name': name}, 'rules': rules}
    bindings = {
        'cluster-admin': ('Group', 'system:masters'),
        'system:basic-user': ('Group', 'system:authenticated'),
        'system:discovery': ('Group', 'system:authenticated'),
        'system:public-info-viewer': ('Group', 'system:unauthenticated'),
        'system:node-proxier': ('User', 'system:kube-proxy'),
        'system:kube-scheduler': ('User', 'system:kube-scheduler'),
        'system:kube-controller-manager': ('User', _identity.CONTROLLER_MANAGER),
        'system:controllers': ('User', _identity.CONTROLLERS),
    }
    for name, (kind, subject) in bindings.items():
        reference = {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'ClusterRole', 'name': name}
        subjects = [{'apiGroup': 'rbac.authorization.k8s.io', 'kind': kind, 'name': subject}]
        body = {'kind': 'ClusterRoleBinding', 'metadata': {'name': name}, 'roleRef': reference, 'subjects': subjects}
        yield 'clusterrolebindings', body


def _manager_rules(events: Json, reviews: list[Json]) -> Iterable[Json]:
    """Yield what the manager may do in its own name: read, elect, and make accounts for its controllers."""
    yield from (events, *reviews)
    for group, plural in (('', 'endpoints'), ('coordination.k8s.io', 'leases')):
        yield {'apiGroups': [group], 'resources': [plural], 'verbs': ['create']}
        names = ['kube-controller-manager']
        yield {'apiGroups': [group], 'resources': [plural], 'resourceNames': names, 'verbs': ['get', 'update']}
    for verb, plurals in (
        ('create', ['secrets', 'serviceaccounts', 'serviceaccounts/token']),
        ('delete', ['secrets']),
        ('get', ['configmaps', 'namespaces', 'secrets', 'serviceaccounts']),
        ('update', ['secrets', 'serviceaccounts']),
    ):
        yield {'apiGroups': [''], 'resources': plurals, 'verbs': [verb]}
    yield {'apiGroups': ['*'], 'resources': ['*'], 'verbs': ['list', 'watch']}
