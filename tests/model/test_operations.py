"""The operator's first day, in the order in which it comes: several steps share a cluster where a user does them in a row."""

from __future__ import annotations

import json
from typing import Any

from tests.model.cluster import MASTER, WORKER, Cluster

IMAGE = {'name': 'main', 'image': 'busybox'}
SCRATCH = [{'name': 'scratch', 'emptyDir': {}}]


def apply(cluster: Cluster, *objects: dict[str, Any]) -> None:
    text = json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': objects})
    cluster.shell(cluster.leader(MASTER), f"kubectl apply -f - <<'END'\n{text}\nEND")


def workload(kind: str, name: str, node: str, **pod: Any) -> dict[str, Any]:
    template = {
        'metadata': {'labels': {'app': name}},
        'spec': {'nodeSelector': {'kubernetes.io/hostname': node}, 'containers': [IMAGE], **pod},
    }
    spec = {'selector': {'matchLabels': {'app': name}}, 'template': template}
    return {'apiVersion': 'apps/v1', 'kind': kind, 'metadata': {'name': name}, 'spec': spec}


def pods_on(cluster: Cluster, node: str) -> set[str]:
    """Return the applications whose pods are on a node (label app; our test's pods all have one)."""
    items = cluster.kubectl('get', 'pods', '-n', 'default', '-o', 'json')['items']
    return {pod['metadata']['labels']['app'] for pod in items if pod['spec'].get('nodeName') == node}


def action(cluster: Cluster, unit: str, name: str, *parameters: str) -> dict[str, Any]:
    answer: dict[str, Any] = cluster.answer('run-action', unit, name, *parameters, '--wait')
    return next(iter(answer.values()))  # type: ignore[no-any-return]


def is_cordoned(cluster: Cluster, node: str) -> bool:
    return bool(cluster.kubectl('get', 'node', node, '-o', 'json')['spec'].get('unschedulable'))


def test_pause_drains_what_may_be_drained_and_shows_until_resume(cluster: Cluster) -> None:
    unit = f'{WORKER}/0'
    node = cluster.node_of(unit)
    bare = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'bare', 'labels': {'app': 'bare'}}}
    apply(
        cluster,
        workload('DaemonSet', 'agents', node),
        workload('Deployment', 'web', node),
        workload('Deployment', 'cache', node, volumes=SCRATCH),
        {**bare, 'spec': {'nodeName': node, 'containers': [IMAGE]}},
    )
    everything = {'agents', 'web', 'cache', 'bare'}
    assert cluster.eventually(lambda: pods_on(cluster, node) == everything), pods_on(cluster, node)

    refused = action(cluster, unit, 'pause')
    assert refused['status'] == 'failed'
    assert 'bare has no controller' in refused['message'] and 'force=true' in refused['message']
    assert 'emptyDir' in refused['message'] and 'delete-local-data=true' in refused['message']
    assert action(cluster, unit, 'pause', 'force=true')['status'] == 'failed'
    assert action(cluster, unit, 'pause', 'delete-local-data=true')['status'] == 'failed'
    assert pods_on(cluster, node) == everything
    assert not is_cordoned(cluster, node)
    assert cluster.status(unit)[0] == 'active'

    done = action(cluster, unit, 'pause', 'force=true', 'delete-local-data=true')
    assert (done['status'], done['results']['evicted']) == ('completed', '3')
    assert is_cordoned(cluster, node)
    assert cluster.eventually(lambda: pods_on(cluster, node) == {'agents'})
    paused = cluster.status(unit)
    assert paused[0] == 'maintenance' and 'Paused' in paused[1]

    cluster.juju('config', WORKER, 'labels=disk=ssd')
    assert cluster.status(unit) == paused
    assert cluster.status(f'{WORKER}/1')[0] == 'active'
    assert action(cluster, unit, 'pause')['results']['evicted'] == '0'

    for _ in range(2):
        assert action(cluster, unit, 'resume')['status'] == 'completed'
        assert not is_cordoned(cluster, node)
        assert cluster.status(unit)[0] == 'active'
    assert cluster.eventually(lambda: pods_on(cluster, node) == everything - {'bare'}), pods_on(cluster, node)
