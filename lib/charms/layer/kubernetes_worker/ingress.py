"""The ingress controller and the default backend, as objects of the cluster. Decides only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import yaml
from charms.layer.kubernetes_common import versions
from charms.layer.kubernetes_common.ingress_objects import CLASSES, ROLES, WORKLOADS, mark, namespace
from charms.layer.kubernetes_common.things import Body, Thing, bears, digest, make
from charms.layer.kubernetes_common.versions import Span, Version

from . import images

PORTS = (80, 443)
INGRESSES = ('networking.k8s.io/v1', 'networking.k8s.io/v1beta1', 'extensions/v1beta1')  # the best first

# Kinds in the manifests of public revisions.
RESOURCES = {
    'DaemonSet': 'daemonsets', 'ConfigMap': 'configmaps', 'ServiceAccount': 'serviceaccounts', 'Role': 'roles',
    'RoleBinding': 'rolebindings', 'ClusterRole': 'clusterroles', 'ClusterRoleBinding': 'clusterrolebindings',
}  # fmt: skip

QUAY = 'quay.io/kubernetes-ingress-controller/nginx-ingress-controller'
MODERN = Span(first=(1, 19))  # controllers from 1.0 on read networking.k8s.io/v1 and know classes
# Controller image by the server's version (table "Supported versions" of ingress-nginx) and architecture. Those before
# 1.0 have an image each; of the others there is one for all architectures, among which ppc64el is not.
CONTROLLERS = (
    (Span(last=(1, 18)), {'amd64': f'{QUAY}-amd64:0.22.0', 'arm64': f'{QUAY}-arm64:0.22.0'}),
    (Span(last=(1, 18)), {'s390x': f'{QUAY}-s390x:0.16.1', 'ppc64el': f'{QUAY}-ppc64le:0.16.1'}),
    (
        Span((1, 19), (1, 23)),
        dict.fromkeys(('amd64', 'arm64', 's390x'), 'registry.k8s.io/ingress-nginx/controller:v1.2.1'),
    ),
    (
        Span((1, 24), (1, 25)),
        dict.fromkeys(('amd64', 'arm64', 's390x'), 'registry.k8s.io/ingress-nginx/controller:v1.8.1'),
    ),
    (
        Span(first=(1, 26)),
        dict.fromkeys(('amd64', 'arm64', 's390x'), 'registry.k8s.io/ingress-nginx/controller:v1.11.1'),
    ),
)
BACKEND = 'registry.k8s.io/defaultbackend-{}:1.5'


@dataclass(frozen=True)
class Settings:
    """Options; '' for an image is the charm's choice."""

    enabled: bool = True
    controller_image: str = ''
    backend_image: str = ''
    chain_completion: bool = False


@dataclass(frozen=True)
class Facts:
    """What the objects depend on."""

    app: str
    architecture: str
    registry: str  # where the control plane says that images are, '' for upstream's places
    settings: Settings


@dataclass(frozen=True)
class Server:
    """What the API server offers: groups with their versions, '' where it has none."""

    version: Version
    workloads: str
    classes: str


def controller_image(facts: Facts, version: Version) -> str:
    """Return the image of the controller, '' if none is published for this server and architecture."""
    if facts.settings.controller_image:
        return facts.settings.controller_image
    found = [
        known[facts.architecture] for span, known in CONTROLLERS if version in span and facts.architecture in known
    ]
    return images.located(found[0], facts.registry) if found else ''


def backend_image(facts: Facts) -> str:
    own = facts.settings.backend_image
    return own or images.located(BACKEND.format(images.suffix(facts.architecture)), facts.registry)


def problem(facts: Facts, server: Server) -> str:
    """Return why there can be no ingress with this server, '' if there can."""
    if not server.workloads:
        return f'the API server offers no DaemonSet in {", ".join(WORKLOADS)}'
    if not controller_image(facts, server.version):
        version = versions.text(server.version[:2])
        return f'no controller for Kubernetes {version} is published for {facts.architecture}: set nginx-image'
    return ''


def things(facts: Facts, server: Server) -> list[Thing]:
    """Return all objects, each after those it needs."""
    app, modern = facts.app, server.version in MODERN
    account = f'nginx-ingress-serviceaccount-{app}'
    found = [
        make('namespaces', 'v1', 'Namespace', namespace(app)),
        make('serviceaccounts', 'v1', 'ServiceAccount', account),
        *_roles(app, account, modern=modern),
        make('configmaps', 'v1', 'ConfigMap', configuration(app)),
        _backend(facts, server),
        make('services', 'v1', 'Service', _backend_name(app), spec=_backend_service(app)),
        _controller(facts, server, account, modern=modern),
    ]
    if modern and server.classes:
        spec = {'controller': _class(app)}
        found.append(make('ingressclasses', server.classes, 'IngressClass', f'nginx-{app}', spec=spec))
    return [_marked(thing, app) for thing in found]


def fingerprint(facts: Facts) -> str:
    """Return what tells one set of objects from another, whatever the server offers: another charm's differ, too."""
    newest = Server((1, 36), WORKLOADS[0], CLASSES[0])
    oldest = Server((1, 9), WORKLOADS[-1], '')
    return digest([[thing.body for thing in things(facts, here)] for here in (oldest, newest)])


def configuration(app: str) -> str:
    """Return the name of the ConfigMap that the controller reads; the charm keeps no key in it, operators may."""
    return f'nginx-load-balancer-{app}-conf'


def legacy(manifest: str, app: str, server: Server) -> list[tuple[str, str, str, str]]:
    """Return what a public revision of the charm made of a manifest: resource, group, namespace and name of each.

    Later public revisions marked theirs as this one does: what bears the mark is left out. So is what has not the
    application's name in its own: other applications used it too.
    """
    found = []
    for document in _documents(manifest):
        metadata = document.get('metadata') or {}
        name, resource = str(metadata.get('name', '')), RESOURCES.get(str(document.get('kind')))
        if not resource or app not in name or bears(document, mark(app)):
            continue
        group = server.workloads if resource == 'daemonsets' else ROLES if 'role' in resource else 'v1'
        namespace = '' if resource.startswith('cluster') else str(metadata.get('namespace') or 'default')
        found += [(resource, group, namespace, name)] if group else []
    return found


def _documents(manifest: str) -> list[dict[str, Any]]:
    try:
        return [document for document in yaml.safe_load_all(manifest) if isinstance(document, dict)]
    except yaml.YAMLError:
        return []


# -- objects


def _marked(thing: Thing, app: str) -> Thing:
    """Return the object with the mark, and in the application's namespace where it is to be in one."""
    metadata: Body = {'name': thing.name, 'labels': {**_labels(app, thing.name), mark(app): 'true'}}
    if thing.resource not in ('namespaces', 'clusterroles', 'clusterrolebindings', 'ingressclasses'):
        metadata['namespace'] = namespace(app)
    return replace(thing, body={**thing.body, 'metadata': metadata})


def _labels(app: str, name: str) -> dict[str, str]:
    return {'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': namespace(app)}


def _roles(app: str, account: str, *, modern: bool) -> list[Thing]:
    role, cluster_role = f'nginx-ingress-role-{app}', f'nginx-ingress-clusterrole-{app}'
    subjects = [{'kind': 'ServiceAccount', 'name': account, 'namespace': namespace(app)}]
    group = 'rbac.authorization.k8s.io'
    return [
        make('clusterroles', ROLES, 'ClusterRole', cluster_role, rules=_cluster_rules(modern=modern)),
        make('roles', ROLES, 'Role', role, rules=_rules()),
        make(
            'rolebindings', ROLES, 'RoleBinding', f'nginx-ingress-role-nisa-binding-{app}',
            roleRef={'apiGroup': group, 'kind': 'Role', 'name': role}, subjects=subjects,
        ),
        make(
            'clusterrolebindings', ROLES, 'ClusterRoleBinding', f'nginx-ingress-clusterrole-nisa-binding-{app}',
            roleRef={'apiGroup': group, 'kind': 'ClusterRole', 'name': cluster_role}, subjects=subjects,
        ),
    ]  # fmt: skip


def _cluster_rules(*, modern: bool) -> list[Body]:
    read = ['get', 'list', 'watch']
    both = ['extensions', 'networking.k8s.io']
    rules = [
        _rule([''], ['configmaps', 'endpoints', 'namespaces', 'nodes', 'pods', 'secrets', 'services'], read),
        _rule([''], ['events'], ['create', 'patch']),
        _rule(both, ['ingresses'], read),
        _rule(both, ['ingresses/status'], ['update']),
    ]
    if modern:
        rules.append(_rule(['networking.k8s.io'], ['ingressclasses'], read))
        rules.append(_rule(['discovery.k8s.io'], ['endpointslices'], read))
    return rules


def _rules() -> list[Body]:
    """Return what the controller may do in its namespace: elect a leader, in a ConfigMap or, newer ones, a Lease."""
    verbs = ['create', 'get', 'update', 'patch', 'list', 'watch']
    return [_rule([''], ['configmaps'], verbs), _rule(['coordination.k8s.io'], ['leases'], verbs)]


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> Body:
    return {'apiGroups': groups, 'resources': resources, 'verbs': verbs}


def _backend_name(app: str) -> str:
    return f'default-http-backend-{app}'


def _backend(facts: Facts, server: Server) -> Thing:
    name = _backend_name(facts.app)
    container = {
        'name': 'default-http-backend',
        'image': backend_image(facts),
        'ports': [{'containerPort': 8080}],
        'livenessProbe': _probe(8080, initialDelaySeconds=30, timeoutSeconds=5),
        'resources': {key: {'cpu': '10m', 'memory': '20Mi'} for key in ('limits', 'requests')},
    }
    pod = {'terminationGracePeriodSeconds': 60, 'containers': [container]}
    return make(
        'deployments', server.workloads, 'Deployment', name, spec={'replicas': 1, **_pods(facts.app, name, pod)}
    )


def _backend_service(app: str) -> Body:
    return {'ports': [{'port': 80, 'targetPort': 8080}], 'selector': _labels(app, _backend_name(app))}


def _controller(facts: Facts, server: Server, account: str, *, modern: bool) -> Thing:
    name = f'nginx-ingress-controller-{facts.app}'
    fields = {'POD_NAME': 'metadata.name', 'POD_NAMESPACE': 'metadata.namespace'}
    container = {
        'name': 'nginx-ingress-controller',
        'image': controller_image(facts, server.version),
        'args': _arguments(facts, modern=modern),
        'env': [{'name': key, 'valueFrom': {'fieldRef': {'fieldPath': path}}} for key, path in fields.items()],
        'ports': [{'name': kind, 'containerPort': port} for kind, port in zip(('http', 'https'), PORTS, strict=False)],
        'livenessProbe': _probe(10254, initialDelaySeconds=30, timeoutSeconds=5),
        'readinessProbe': _probe(10254, timeoutSeconds=5),
    }
    if modern:  # it is not root, and binds the ports all the same
        container['securityContext'] = {
            'capabilities': {'drop': ['ALL'], 'add': ['NET_BIND_SERVICE']},
            'runAsUser': 101,
            'allowPrivilegeEscalation': True,
        }
    pod = {
        'serviceAccountName': account,
        'nodeSelector': {'juju-application': facts.app},
        'hostNetwork': True,  # so the ports are the machine's: CNI networks have no host ports of their own
        'dnsPolicy': 'ClusterFirstWithHostNet',
        'terminationGracePeriodSeconds': 60,
        'containers': [container],
    }
    update = {'updateStrategy': {'type': 'RollingUpdate'}}  # not the default in extensions/v1beta1
    return make('daemonsets', server.workloads, 'DaemonSet', name, spec={**update, **_pods(facts.app, name, pod)})


def _arguments(facts: Facts, *, modern: bool) -> list[str]:
    found = [
        '/nginx-ingress-controller',
        f'--default-backend-service=$(POD_NAMESPACE)/{_backend_name(facts.app)}',
        f'--configmap=$(POD_NAMESPACE)/{configuration(facts.app)}',
        '--annotations-prefix=nginx.ingress.kubernetes.io',
        f'--enable-ssl-chain-completion={str(facts.settings.chain_completion).lower()}',
    ]
    if modern:  # an Ingress without a class is served too, as it was before there were classes
        found += [
            f'--controller-class={_class(facts.app)}',
            '--ingress-class=nginx',
            '--watch-ingress-without-class=true',
        ]
    return found


def _class(app: str) -> str:
    return f'k8s.io/ingress-nginx-{app}'


def _pods(app: str, name: str, spec: Body) -> Body:
    labels = _labels(app, name)
    return {'selector': {'matchLabels': labels}, 'template': {'metadata': {'labels': labels}, 'spec': spec}}


def _probe(port: int, **more: int) -> Body:
    return {'httpGet': {'path': '/healthz', 'port': port, 'scheme': 'HTTP'}, 'periodSeconds': 10, **more}
