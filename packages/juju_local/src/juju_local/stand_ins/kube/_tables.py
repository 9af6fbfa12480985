"""What `kubectl get` prints: a server-side table for each kind. Pure."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable
from typing import Any

from . import _resources

Json = dict[str, Any]
Cells = Callable[[Json], list[Any]]


def table(resource: _resources.Resource, objects: list[Json], now: float) -> Json:
    """Return a Table with a row for each object."""
    names, cells = _COLUMNS.get(resource.storage, ([], lambda _: []))
    return {
        'kind': 'Table',
        'apiVersion': 'meta.k8s.io/v1' if resource.version != 'v1beta1' else 'meta.k8s.io/v1beta1',
        'columnDefinitions': [_column(name) for name in _placed(names, names, 'Age', 'Name')],
        'rows': [_row(obj, _placed(names, cells(obj), age(obj, now), obj['metadata']['name'])) for obj in objects],
    }


def _placed(names: list[str], values: list[Any], aged: Any, named: Any) -> list[Any]:
    """Return the name first, and the age before what only `-o wide` shows, or before the version as kubectl has it."""
    at = next((index for index, name in enumerate(names) if name.startswith('*') or name == 'Version'), len(names))
    return [named, *values[:at], aged, *values[at:]]


def _column(title: str) -> Json:
    name = title.removeprefix('*')
    kind = 'integer' if name in _INTEGERS else 'string'
    return {
        'name': name, 'type': kind, 'format': 'name' if name == 'Name' else '', 'description': '',
        'priority': 1 if title.startswith('*') else 0,
    }  # fmt: skip


_INTEGERS = {'Restarts', 'Data', 'Desired', 'Current', 'Up-To-Date', 'Available', 'Secrets'}


def _row(obj: Json, cells: list[Any]) -> Json:
    partial = {'kind': 'PartialObjectMetadata', 'apiVersion': 'meta.k8s.io/v1', 'metadata': obj['metadata']}
    return {'cells': cells, 'object': partial}


def age(obj: Json, now: float) -> str:
    """Return how old an object is, as kubectl writes it."""
    created = obj['metadata'].get('creationTimestamp')
    if not created:
        return '<unknown>'
    seconds = max(0, int(now - calendar.timegm(time.strptime(created, '%Y-%m-%dT%H:%M:%SZ'))))
    if seconds < 120:
        return f'{seconds}s'
    if seconds < 600:
        minutes, rest = divmod(seconds, 60)
        return f'{minutes}m{rest}s' if rest else f'{minutes}m'
    if seconds < 3 * 3600:
        return f'{seconds // 60}m'
    return f'{seconds // 3600}h' if seconds < 2 * 86400 else f'{seconds // 86400}d'


def _status(obj: Json) -> Json:
    return obj.get('status') or {}


def _spec(obj: Json) -> Json:
    return obj.get('spec') or {}


def _conditions(obj: Json) -> dict[str, str]:
    return {item['type']: item['status'] for item in _status(obj).get('conditions') or []}


def _node(obj: Json) -> list[Any]:
    state = {'True': 'Ready', 'False': 'NotReady'}.get(_conditions(obj).get('Ready', ''), 'NotReady')
    if 'Ready' not in _conditions(obj):
        state = 'Unknown'
    if _spec(obj).get('unschedulable'):
        state += ',SchedulingDisabled'
    prefix = 'node-role.kubernetes.io/'
    roles = sorted(key.removeprefix(prefix) for key in obj['metadata'].get('labels') or {} if key.startswith(prefix))
    info = _status(obj).get('nodeInfo') or {}
    addresses = {item['type']: item['address'] for item in _status(obj).get('addresses') or []}
    extra = [addresses.get('InternalIP', '<none>'), addresses.get('ExternalIP', '<none>'), info.get('osImage', '')]
    runtime = [info.get('kernelVersion', ''), info.get('containerRuntimeVersion', '')]
    return [state, ','.join(roles) or '<none>', info.get('kubeletVersion', ''), *extra, *runtime]


def _pod(obj: Json) -> list[Any]:
    statuses = _status(obj).get('containerStatuses') or []
    ready = sum(bool(item.get('ready')) for item in statuses)
    state = 'Terminating' if obj['metadata'].get('deletionTimestamp') else _status(obj).get('phase', 'Unknown')
    restarts = sum(item.get('restartCount', 0) for item in statuses)
    where = [_status(obj).get('podIP') or '<none>', _spec(obj).get('nodeName') or '<none>', '<none>', '<none>']
    return [f'{ready}/{len(_spec(obj).get("containers") or [])}', state, restarts, *where]


def _service(obj: Json) -> list[Any]:
    spec = _spec(obj)
    ports = [
        f'{port["port"]}{":" + str(port["nodePort"]) if port.get("nodePort") else ""}/{port.get("protocol", "TCP")}'
        for port in spec.get('ports') or []
    ]
    external = ','.join(spec.get('externalIPs') or []) or ('<pending>' if spec['type'] == 'LoadBalancer' else '<none>')
    return [spec.get('type'), spec.get('clusterIP') or '<none>', external, ','.join(ports) or '<none>']


def _deployment(obj: Json) -> list[Any]:
    status, wanted = _status(obj), _spec(obj).get('replicas', 0)
    return [
        f'{status.get("readyReplicas", 0)}/{wanted}',
        status.get('updatedReplicas', 0),
        status.get('availableReplicas', 0),
    ]


def _replicas(obj: Json) -> list[Any]:
    return [_spec(obj).get('replicas', 0), _status(obj).get('replicas', 0), _status(obj).get('readyReplicas', 0)]


def _daemon_set(obj: Json) -> list[Any]:
    names = (
        'desiredNumberScheduled',
        'currentNumberScheduled',
        'numberReady',
        'updatedNumberScheduled',
        'numberAvailable',
    )
    selector = (_spec(obj).get('template') or {}).get('spec', {}).get('nodeSelector') or {}
    shown = ','.join(f'{key}={value}' for key, value in selector.items()) or '<none>'
    return [*(_status(obj).get(name, 0) for name in names), shown]


def _endpoints(obj: Json) -> list[Any]:
    pairs = [
        f'{address["ip"]}:{port["port"]}'
        for subset in obj.get('subsets') or []
        for address in subset.get('addresses') or []
        for port in subset.get('ports') or []
    ]
    return [','.join(pairs[:3]) or '<none>']


_COLUMNS: dict[str, tuple[list[str], Cells]] = {
    'nodes': (
        [
            'Status',
            'Roles',
            'Version',
            '*Internal-IP',
            '*External-IP',
            '*OS-Image',
            '*Kernel-Version',
            '*Container-Runtime',
        ],
        _node,
    ),
    'pods': (['Ready', 'Status', 'Restarts', '*IP', '*Node', '*Nominated Node', '*Readiness Gates'], _pod),
    'services': (['Type', 'Cluster-IP', 'External-IP', 'Port(s)'], _service),
    'deployments': (['Ready', 'Up-to-date', 'Available'], _deployment),
    'replicasets': (['Desired', 'Current', 'Ready'], _replicas),
    'replicationcontrollers': (['Desired', 'Current', 'Ready'], _replicas),
    'daemonsets': (['Desired', 'Current', 'Ready', 'Up-to-date', 'Available', 'Node Selector'], _daemon_set),
    'namespaces': (['Status'], lambda obj: [_status(obj).get('phase', '')]),
    'configmaps': (['Data'], lambda obj: [len(obj.get('data') or {})]),
    'secrets': (['Type', 'Data'], lambda obj: [obj.get('type', ''), len(obj.get('data') or {})]),
    'serviceaccounts': (['Secrets'], lambda obj: [len(obj.get('secrets') or [])]),
    'endpoints': (['Endpoints'], _endpoints),
}
