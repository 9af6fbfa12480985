"""The private image registry: what its action is given, and the objects that come of it. Decides only."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from charms.layer.kubernetes_common.things import Body, Thing, digest, make

from . import images

NAMESPACE = 'default'
MARK = 'kubernetes-worker-registry'  # the label of everything the action makes
PORT = 5000
BODY_SIZE = '1024m'  # of an image's layer; the controller takes 1m unless told
BODY_SIZE_KEY = 'proxy-body-size'
PULL_SECRET = 'registry-access'  # noqa: S105  # the name of one
TLS_SECRET = 'registry-tls-data'  # noqa: S105
AUTH_SECRET = 'registry-auth-data'  # noqa: S105
INGRESS = 'registry-ing'
NAME = 'kube-registry'
STORE = '/srv/registry'  # on the node
ARCHITECTURES = ('amd64', 'arm64', 's390x')
PARAMETERS = ('domain', 'htpasswd', 'htpasswd-plain', 'tlscert', 'tlskey')

BCRYPT = re.compile(r'\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}', re.ASCII)
LABEL = re.compile(r'[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?', re.ASCII)


@dataclass(frozen=True)
class Parameters:
    """What the action was given, decoded."""

    domain: str
    users: Mapping[str, str] = field(repr=False)  # user to bcrypt hash
    htpasswd: str = field(repr=False)
    user: str
    password: str = field(repr=False)
    certificate: str  # PEM
    key: str = field(repr=False)  # PEM


def parse(given: Mapping[str, Any]) -> tuple[Parameters | None, list[str]]:
    """Return the parameters and all that is wrong with them, each fault beginning with a parameter's name."""
    texts = {name: str(given.get(name) or '').strip() for name in PARAMETERS}
    faults = [f'{name}: is missing' for name, text in texts.items() if not text]
    if texts['domain'] and not _is_domain(texts['domain']):
        faults.append('domain: expected a name such as myregistry.company.com, without port or path')
    decoded = {}
    for name in PARAMETERS[1:]:
        decoded[name] = _decoded(texts[name])
        if texts[name] and decoded[name] is None:
            faults.append(f'{name}: is not base64 of a text (try: base64 -w0 FILE)')
    if faults:
        return None, faults
    plain = (decoded['htpasswd-plain'] or '').rstrip('\r\n')
    user, colon, password = plain.partition(':')
    users, wrong = _users(decoded['htpasswd'] or '')
    faults += wrong
    if not (user and colon and password) or '\n' in plain:
        faults.append('htpasswd-plain: expected one line user:password')
    elif users and user not in users:
        faults.append(f'htpasswd-plain: user {user} is not in htpasswd')
    if faults:
        return None, faults
    return Parameters(
        texts['domain'].lower(), users, decoded['htpasswd'] or '', user, password,
        decoded['tlscert'] or '', decoded['tlskey'] or '',
    ), []  # fmt: skip


def _users(htpasswd: str) -> tuple[dict[str, str], list[str]]:
    users = {}
    for number, line in enumerate(htpasswd.splitlines(), 1):
        user, colon, secret = line.strip().partition(':')
        if not line.strip() or line.startswith('#'):
            continue
        if not user or not colon:
            return {}, [f'htpasswd: line {number} is not user:hash']
        if not BCRYPT.fullmatch(secret):
            return {}, [f'htpasswd: the password of {user} is not hashed with bcrypt (make it with: htpasswd -B)']
        users[user] = secret
    return users, [] if users else ['htpasswd: holds no user']


def _is_domain(text: str) -> bool:
    return len(text) <= 253 and all(LABEL.fullmatch(label) for label in text.lower().split('.'))


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(''.join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


# -- objects


def things(parameters: Parameters, *, architecture: str, registry: str, workloads: str, ingresses: str) -> list[Thing]:
    """Return all objects, each after those it needs.

    Args:
        parameters: of the action.
        architecture: of the nodes.
        registry: where the control plane says that images are, '' for upstream's places.
        workloads: group of Deployments.
        ingresses: group of Ingresses; '' for no Ingress.
    """
    found = [
        _secret(TLS_SECRET, 'kubernetes.io/tls', {'tls.crt': parameters.certificate, 'tls.key': parameters.key}),
        _secret(AUTH_SECRET, 'Opaque', {'htpasswd': parameters.htpasswd}),
        _secret(PULL_SECRET, 'kubernetes.io/dockerconfigjson', {'.dockerconfigjson': _logins(parameters)}),
        _deployment(parameters, images.located(_image(architecture), registry), workloads),
        make('services', 'v1', 'Service', NAME, spec=_service()),
    ]
    if ingresses:
        found.append(_ingress(parameters.domain, ingresses))
    return [marked(thing, MARK, NAMESPACE) for thing in found]


def kinds(workloads: str, ingresses: str) -> list[tuple[str, str]]:
    """Return resource and group of everything that may bear the mark, in the order in which to remove it."""
    found = [('ingresses', ingresses), ('services', 'v1'), ('deployments', workloads), ('secrets', 'v1')]
    return [(resource, group) for resource, group in found if group]


def marked(thing: Thing, mark: str, namespace: str) -> Thing:
    metadata = thing.body['metadata']
    labels = {**(metadata.get('labels') or {}), mark: 'true'}
    return Thing(
        thing.resource, thing.group, {**thing.body, 'metadata': {**metadata, 'namespace': namespace, 'labels': labels}}
    )


def with_pull_secret(references: list[Body]) -> list[Body]:
    """Return a service account's imagePullSecrets with ours among them."""
    ours = {'name': PULL_SECRET}
    return references if ours in references else [*references, ours]


def without_pull_secret(references: list[Body]) -> list[Body]:
    return [reference for reference in references if reference.get('name') != PULL_SECRET]


def _image(architecture: str) -> str:
    return f'cdkbot/registry-{architecture}:2.6'


def _secret(name: str, kind: str, texts: Mapping[str, str]) -> Thing:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return make('secrets', 'v1', 'Secret', name, type=kind, data=data)


def _logins(parameters: Parameters) -> str:
    """Return what docker's configuration file would hold; containerd's kubelet reads the same."""
    auth = base64.b64encode(f'{parameters.user}:{parameters.password}'.encode()).decode()
    login = {'username': parameters.user, 'password': parameters.password, 'auth': auth}
    servers = (parameters.domain, f'{parameters.domain}:{PORT}')
    return json.dumps({'auths': dict.fromkeys(servers, login)})


def _deployment(parameters: Parameters, image: str, group: str) -> Thing:
    labels = {'k8s-app': NAME}
    # pods read secrets when they start: another one asks for another pod. The password is not in this digest.
    given = digest([parameters.htpasswd, parameters.certificate])
    spec = {
        'replicas': 1,
        'strategy': {'type': 'Recreate'},  # two would write to one folder
        'selector': {'matchLabels': labels},
        'template': {
            'metadata': {'labels': labels, 'annotations': {'kubernetes-worker.charm/given': given}},
            'spec': {'containers': [_container(image)], 'volumes': _volumes()},
        },
    }
    return make('deployments', group, 'Deployment', NAME, spec=spec)


def _container(image: str) -> Body:
    settings = {
        'REGISTRY_HTTP_ADDR': f':{PORT}',
        'REGISTRY_HTTP_TLS_CERTIFICATE': '/tls/tls.crt',
        'REGISTRY_HTTP_TLS_KEY': '/tls/tls.key',
        'REGISTRY_AUTH': 'htpasswd',
        'REGISTRY_AUTH_HTPASSWD_REALM': 'basic_realm',
        'REGISTRY_AUTH_HTPASSWD_PATH': '/auth/htpasswd',
        'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY': '/var/lib/registry',
    }
    mounts = {'image-store': '/var/lib/registry', 'auth-dir': '/auth', 'tls-dir': '/tls'}
    return {
        'name': 'registry',
        'image': image,
        'env': [{'name': name, 'value': value} for name, value in settings.items()],
        'ports': [{'name': 'registry', 'containerPort': PORT, 'protocol': 'TCP'}],
        'resources': {key: {'cpu': '100m', 'memory': '100Mi'} for key in ('limits', 'requests')},
        'volumeMounts': [{'name': name, 'mountPath': path} for name, path in mounts.items()],
    }


def _volumes() -> list[Body]:
    return [
        {'name': 'image-store', 'hostPath': {'path': STORE}},
        {'name': 'auth-dir', 'secret': {'secretName': AUTH_SECRET}},
        {'name': 'tls-dir', 'secret': {'secretName': TLS_SECRET}},
    ]


def _service() -> Body:
    ports = [{'name': 'registry', 'port': PORT, 'targetPort': PORT, 'protocol': 'TCP'}]
    return {'type': 'LoadBalancer', 'selector': {'k8s-app': NAME}, 'ports': ports}


def _ingress(domain: str, group: str) -> Thing:
    prefix = 'nginx.ingress.kubernetes.io'
    annotations = {
        f'{prefix}/backend-protocol': 'HTTPS',
        f'{prefix}/secure-backends': 'true',  # the same for controllers before 0.20
        f'{prefix}/{BODY_SIZE_KEY}': BODY_SIZE,
    }
    spec = ingress_spec(domain, NAME, PORT, group)
    thing = make(
        'ingresses', group, 'Ingress', INGRESS, spec={'tls': [{'hosts': [domain], 'secretName': TLS_SECRET}], **spec}
    )
    return Thing(thing.resource, thing.group, {**thing.body, 'metadata': {'name': INGRESS, 'annotations': annotations}})


def ingress_spec(host: str, service: str, port: int, group: str) -> Body:
    """Return the rules of an Ingress that leads a host's requests to a service, as the group spells them."""
    if group == 'networking.k8s.io/v1':
        path: Body = {
            'path': '/',
            'pathType': 'Prefix',
            'backend': {'service': {'name': service, 'port': {'number': port}}},
        }
    else:
        path = {'path': '/', 'backend': {'serviceName': service, 'servicePort': port}}
    return {'rules': [{'host': host, 'http': {'paths': [path]}}]}
