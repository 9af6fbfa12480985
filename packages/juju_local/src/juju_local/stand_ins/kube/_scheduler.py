"""kube-scheduler: gives pending pods a node: ready, schedulable, tolerated, selected, the emptiest first."""

from __future__ import annotations

import threading
from typing import Any

from . import _client, _controllers, _health, _leader, _program, _proxy, _version

Json = dict[str, Any]


def main() -> None:
    """Run kube-scheduler with the flags of the command line."""
    _program.run('kube-scheduler', 'The Kubernetes scheduler assigns pods to nodes.', _run)


def _run(values: dict[str, str], _: _version.Version) -> None:
    client = _client.Client(_proxy.access(values), f'kube-scheduler/{_version.text()}')
    _health.serve(values)
    _leader.elect(client, 'kube-scheduler', values)
    changed = threading.Event()
    pods = _client.Informer(client, '/api/v1/pods', changed.set)
    nodes = _client.Informer(client, '/api/v1/nodes', changed.set)
    pods.start()
    nodes.start()
    while True:
        changed.wait()
        changed.clear()
        if pods.synced and nodes.synced:
            for pod, node in bindings(pods.objects(), nodes.objects()):
                _bind(client, pod, node)


def bindings(pods: list[Json], nodes: list[Json]) -> list[tuple[Json, str]]:
    """Return which waiting pod should go to which node. Pure."""
    load = {node['metadata']['name']: 0 for node in nodes}
    for pod in pods:
        if pod['spec'].get('nodeName') in load:
            load[pod['spec']['nodeName']] += 1
    found = []
    for pod in pods:
        if pod['spec'].get('nodeName') or pod['metadata'].get('deletionTimestamp'):
            continue
        fitting = [node['metadata']['name'] for node in nodes if fits(pod, node)]
        if fitting:
            chosen = min(fitting, key=lambda name: (load[name], name))
            load[chosen] += 1
            found.append((pod, chosen))
    return found


def fits(pod: Json, node: Json) -> bool:
    """Tell whether a pod may go to a node."""
    return (
        _controllers.is_ready_node(node)
        and not node['spec'].get('unschedulable')
        and _controllers.may_run(pod['spec'], node)
    )


def _bind(client: _client.Client, pod: Json, node: str) -> None:
    meta = pod['metadata']
    path = f'/api/v1/namespaces/{meta["namespace"]}/pods/{meta["name"]}/binding'
    body = {
        'apiVersion': 'v1',
        'kind': 'Binding',
        'metadata': {'name': meta['name'], 'namespace': meta['namespace']},
        'target': {'apiVersion': 'v1', 'kind': 'Node', 'name': node},
    }
    try:
        client.request('POST', path, body)
    except _client.ApiError as error:
        if error.code not in (404, 409):
            _program.log('E', f'failed to bind pod {meta["namespace"]}/{meta["name"]}: {error}')
