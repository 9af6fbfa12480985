"""What the controller manager wants to be done, as a function of everything there is. Pure.

`actions` returns requests; carrying them out and being asked again leads to rest. Not here: rolling updates in steps
(a new template replaces all pods of the old one at once), StatefulSets, CronJobs, quotas, volumes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import _selectors, _times

Json = dict[str, Any]
State = Mapping[str, list[Json]]  # plural -> objects
PATHS = {
    'namespaces': '/api/v1', 'nodes': '/api/v1', 'pods': '/api/v1', 'services': '/api/v1', 'endpoints': '/api/v1',
    'serviceaccounts': '/api/v1', 'replicationcontrollers': '/api/v1', 'persistentvolumeclaims': '/api/v1',
    'deployments': '/apis/apps/v1', 'replicasets': '/apis/apps/v1', 'daemonsets': '/apis/apps/v1',
    'jobs': '/apis/batch/v1', 'leases': '/apis/coordination.k8s.io/v1', 'poddisruptionbudgets': '/apis/policy/v1beta1',
    'configmaps': '/api/v1', 'secrets': '/api/v1',
}  # fmt: skip
# Also emptied when their namespace goes; a server that has no such resource answers 404.
UNWATCHED = {
    'events': '/api/v1', 'limitranges': '/api/v1', 'resourcequotas': '/api/v1', 'podtemplates': '/api/v1',
    'roles': '/apis/rbac.authorization.k8s.io/v1', 'rolebindings': '/apis/rbac.authorization.k8s.io/v1',
    'ingresses': '/apis/extensions/v1beta1', 'networkpolicies': '/apis/networking.k8s.io/v1',
    'statefulsets': '/apis/apps/v1', 'controllerrevisions': '/apis/apps/v1', 'cronjobs': '/apis/batch/v1beta1',
    'horizontalpodautoscalers': '/apis/autoscaling/v1',
}  # fmt: skip
_KINDS = {
    'replicasets': 'ReplicaSet', 'replicationcontrollers': 'ReplicationController', 'daemonsets': 'DaemonSet',
    'deployments': 'Deployment', 'jobs': 'Job',
}  # fmt: skip


@dataclass(frozen=True)
class Action:
    """One request. Answers 404 and 409 mean that the state was old: the next round sees."""

    method: str
    path: str
    body: Any = None
    kind: str = 'application/json'
    absent: tuple[str, ...] = ()  # paths that must not be there when it is done (watches do not move in step)


def path(plural: str, obj: Json, *, subresource: str = '') -> str:
    meta = obj['metadata']
    space = f'/namespaces/{meta["namespace"]}' if meta.get('namespace') else ''
    return f'{PATHS[plural]}{space}/{plural}/{meta["name"]}' + (f'/{subresource}' if subresource else '')


def collection(plural: str, namespace: str) -> str:
    return f'{PATHS[plural]}/namespaces/{namespace}/{plural}'


def actions(state: State) -> list[Action]:
    """Return everything to be done but for nodes (`_node_controller`)."""
    rounds = (
        _accounts,
        _terminations,
        _collect_garbage,
        _deployments,
        _replicas,
        _daemons,
        _jobs,
        _endpoints,
        _budgets,
    )
    return [action for each in rounds for action in each(state)]


def listed(state: State, plural: str) -> list[Json]:
    return state.get(plural, [])


def is_alive(obj: Json) -> bool:
    return not obj['metadata'].get('deletionTimestamp')


def _owned(objects: list[Json], owner: Json) -> list[Json]:
    uid = owner['metadata']['uid']
    return [item for item in objects if any(ref['uid'] == uid and ref.get('controller') for ref in owners(item))]


def owners(obj: Json) -> list[Json]:
    return obj['metadata'].get('ownerReferences') or []


def _accounts(state: State) -> Iterator[Action]:
    """Give every namespace its service account `default`."""
    have = {
        item['metadata']['namespace']
        for item in listed(state, 'serviceaccounts')
        if item['metadata']['name'] == 'default'
    }
    for namespace in listed(state, 'namespaces'):
        name = namespace['metadata']['name']
        if is_alive(namespace) and name not in have:
            body = {'apiVersion': 'v1', 'kind': 'ServiceAccount', 'metadata': {'name': 'default', 'namespace': name}}
            yield Action('POST', collection('serviceaccounts', name), body)


def _terminations(state: State) -> Iterator[Action]:
    """Empty a namespace that is being deleted, then let it go."""
    for namespace in listed(state, 'namespaces'):
        if is_alive(namespace):
            continue
        name = namespace['metadata']['name']
        left = False
        for plural in PATHS:
            inside = [item for item in listed(state, plural) if item['metadata'].get('namespace') == name]
            left = left or bool(inside)
            for item in inside:
                if is_alive(item):
                    yield Action('DELETE', path(plural, item))
        if not left:
            yield from (Action('DELETE', f'{base}/namespaces/{name}/{plural}') for plural, base in UNWATCHED.items())
            body = {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': name}, 'spec': {'finalizers': []}}
            yield Action('PUT', path('namespaces', namespace, subresource='finalize'), body)


def _collect_garbage(state: State) -> Iterator[Action]:
    """Delete what lost all its owners; heed orphan and foreground deletion."""
    uids = {item['metadata']['uid'] for plural in PATHS for item in listed(state, plural)}
    for plural in PATHS:
        for item in listed(state, plural):
            references = owners(item)
            known = [ref for ref in references if ref['kind'] not in _KINDS.values() or ref['uid'] in uids]
            if references and not known and is_alive(item):
                gone = tuple(_owner_path(ref, item) for ref in references)
                yield Action(
                    'DELETE', path(plural, item), {'preconditions': {'uid': item['metadata']['uid']}}, absent=gone
                )
            finalizers = item['metadata'].get('finalizers') or []
            if not is_alive(item) and {'orphan', 'foregroundDeletion'} & set(finalizers):
                yield from _finish(state, plural, item, finalizers)


def _owner_path(reference: Json, item: Json) -> str:
    plural = next(plural for plural, kind in _KINDS.items() if kind == reference['kind'])
    return path(plural, {'metadata': {'name': reference['name'], 'namespace': item['metadata'].get('namespace')}})


def _finish(state: State, plural: str, owner: Json, finalizers: list[str]) -> Iterator[Action]:
    uid = owner['metadata']['uid']
    dependents = [
        (each, item) for each in PATHS for item in listed(state, each) if any(ref['uid'] == uid for ref in owners(item))
    ]
    for each, item in dependents:
        if 'orphan' in finalizers:
            kept = [ref for ref in owners(item) if ref['uid'] != uid]
            yield Action(
                'PATCH',
                path(each, item),
                {'metadata': {'ownerReferences': kept or None}},
                'application/merge-patch+json',
            )
        elif is_alive(item):
            yield Action('DELETE', path(each, item))
    if not dependents:
        left = [name for name in finalizers if name not in ('orphan', 'foregroundDeletion')]
        yield Action(
            'PATCH', path(plural, owner), {'metadata': {'finalizers': left or None}}, 'application/merge-patch+json'
        )


def _hash(template: Json) -> str:
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()
    return digest[:10]


def _deployments(state: State) -> Iterator[Action]:
    """Keep one ReplicaSet with the present template at full size, the others at nothing."""
    for deployment in filter(is_alive, listed(state, 'deployments')):
        spec, meta = deployment['spec'], deployment['metadata']
        name = f'{meta["name"]}-{_hash(spec["template"])}'
        sets = _owned(listed(state, 'replicasets'), deployment)
        current = next((item for item in sets if item['metadata']['name'] == name), None)
        if current is None:
            yield Action('POST', collection('replicasets', meta['namespace']), _replica_set(deployment, name))
            continue
        for item in sets:
            wanted = spec['replicas'] if item is current else 0
            if item['spec']['replicas'] != wanted and not spec.get('paused'):
                yield Action(
                    'PATCH', path('replicasets', item), {'spec': {'replicas': wanted}}, 'application/merge-patch+json'
                )
        yield from _status('deployments', deployment, _deployment_status(deployment, current, sets))


def _replica_set(deployment: Json, name: str) -> Json:
    spec, label = deployment['spec'], {'pod-template-hash': name.rpartition('-')[2]}
    labels = {**((spec['template'].get('metadata') or {}).get('labels') or {}), **label}
    template = {**spec['template'], 'metadata': {**(spec['template'].get('metadata') or {}), 'labels': labels}}
    selector = {**spec['selector'], 'matchLabels': {**(spec['selector'].get('matchLabels') or {}), **label}}
    meta = {'name': name, 'namespace': deployment['metadata']['namespace'], 'labels': labels}
    meta['ownerReferences'] = [_reference('deployments', deployment)]
    body = {'replicas': spec['replicas'], 'selector': selector, 'template': template}
    return {'apiVersion': 'apps/v1', 'kind': 'ReplicaSet', 'metadata': meta, 'spec': body}


def _deployment_status(deployment: Json, current: Json, sets: list[Json]) -> Json:
    total = sum((item.get('status') or {}).get('replicas', 0) for item in sets)
    ready = sum((item.get('status') or {}).get('readyReplicas', 0) for item in sets)
    done = ready >= deployment['spec']['replicas']
    old = {item['type']: item for item in (deployment.get('status') or {}).get('conditions') or []}
    state = 'True' if done else 'False'
    since = (
        old['Available']['lastTransitionTime']
        if old.get('Available', {}).get('status') == state
        else _times.timestamp()
    )
    reason = 'MinimumReplicasAvailable' if done else 'MinimumReplicasUnavailable'
    available = {'type': 'Available', 'status': state, 'reason': reason, 'lastTransitionTime': since}
    return {
        'observedGeneration': deployment['metadata'].get('generation', 1),
        'replicas': total,
        'updatedReplicas': (current.get('status') or {}).get('replicas', 0),
        'readyReplicas': ready,
        'availableReplicas': ready,
        'unavailableReplicas': max(0, deployment['spec']['replicas'] - ready),
        'conditions': [available],
    }


def _reference(plural: str, owner: Json) -> Json:
    version = 'v1' if plural == 'replicationcontrollers' else 'batch/v1' if plural == 'jobs' else 'apps/v1'
    meta = owner['metadata']
    return {
        'apiVersion': version, 'kind': _KINDS[plural], 'name': meta['name'], 'uid': meta['uid'],
        'controller': True, 'blockOwnerDeletion': True,
    }  # fmt: skip


def _pod(plural: str, owner: Json, **spec: Any) -> Action:
    template, meta = owner['spec']['template'], owner['metadata']
    inner = template.get('metadata') or {}
    body = {
        'apiVersion': 'v1',
        'kind': 'Pod',
        'metadata': {  # not the template's name: pods would have all the same one
            **{key: inner[key] for key in ('labels', 'annotations', 'finalizers') if key in inner},
            'generateName': f'{meta["name"]}-',
            'namespace': meta['namespace'],
            'ownerReferences': [_reference(plural, owner)],
        },
        'spec': {**template['spec'], **spec},
    }
    return Action('POST', collection('pods', meta['namespace']), body)


def _replicas(state: State) -> Iterator[Action]:
    """Keep as many pods as each ReplicaSet and ReplicationController says."""
    for plural in ('replicasets', 'replicationcontrollers'):
        for owner in filter(is_alive, listed(state, plural)):
            pods = [pod for pod in _owned(listed(state, 'pods'), owner) if _is_active(pod)]
            wanted = owner['spec'].get('replicas', 0)
            yield from (_pod(plural, owner) for _ in range(wanted - len(pods)))
            spare = sorted(pods, key=lambda pod: (_is_ready(pod), bool(pod['spec'].get('nodeName'))))
            yield from (Action('DELETE', path('pods', pod)) for pod in spare[: max(0, len(pods) - wanted)])
            ready = sum(map(_is_ready, pods))
            counts = {
                'replicas': len(pods),
                'readyReplicas': ready,
                'availableReplicas': ready,
                'fullyLabeledReplicas': len(pods),
            }
            counts['observedGeneration'] = owner['metadata'].get('generation', 1)
            yield from _status(plural, owner, counts)


def _is_active(pod: Json) -> bool:
    return is_alive(pod) and (pod.get('status') or {}).get('phase') not in ('Succeeded', 'Failed')


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get('status') or {}).get('conditions') or []
    return any(item['type'] == 'Ready' and item['status'] == 'True' for item in conditions)


def is_ready_node(node: Json) -> bool:
    return _is_ready(node)


def may_run(spec: Json, node: Json, *, daemon: bool = False) -> bool:
    """Tell whether nodeSelector and tolerations let a pod onto a node; a DaemonSet's pods tolerate more."""
    labels = node['metadata'].get('labels') or {}
    if any(labels.get(key) != value for key, value in (spec.get('nodeSelector') or {}).items()):
        return False
    taints = (node.get('spec') or {}).get('taints') or []
    hard = [taint for taint in taints if taint['effect'] in ('NoSchedule', 'NoExecute')]
    own = [taint for taint in hard if not (daemon and taint['key'].startswith('node.kubernetes.io/'))]
    return all(any(_tolerates(toleration, taint) for toleration in spec.get('tolerations') or []) for taint in own)


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get('effect') not in (None, '', taint['effect']) or toleration.get('key') not in (
        None,
        '',
        taint['key'],
    ):
        return False
    return toleration.get('operator') == 'Exists' or toleration.get('value', '') == taint.get('value', '')


def _daemons(state: State) -> Iterator[Action]:
    """Keep one pod of each DaemonSet on every node that may run it."""
    for owner in filter(is_alive, listed(state, 'daemonsets')):
        spec = owner['spec']['template']['spec']
        nodes = [node['metadata']['name'] for node in listed(state, 'nodes') if may_run(spec, node, daemon=True)]
        pods = [pod for pod in _owned(listed(state, 'pods'), owner) if _is_active(pod)]
        where = [pod['spec'].get('nodeName') for pod in pods]
        tolerations = [
            *(spec.get('tolerations') or []),
            *({'key': key, 'operator': 'Exists'} for key in _DAEMON_TOLERATES),
        ]
        yield from (
            _pod('daemonsets', owner, nodeName=name, tolerations=tolerations) for name in nodes if name not in where
        )
        for pod in pods:
            if pod['spec'].get('nodeName') not in nodes:
                yield Action('DELETE', path('pods', pod))
        ready = sum(map(_is_ready, pods))
        names = ('currentNumberScheduled', 'numberReady', 'numberAvailable', 'updatedNumberScheduled')
        counts = dict(zip(names, (len(pods), ready, ready, len(pods)), strict=True))
        counts |= {'desiredNumberScheduled': len(nodes), 'numberMisscheduled': 0}
        yield from _status(
            'daemonsets', owner, {**counts, 'observedGeneration': owner['metadata'].get('generation', 1)}
        )


_DAEMON_TOLERATES = (
    'node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable', 'node.kubernetes.io/unschedulable',
    'node.kubernetes.io/disk-pressure', 'node.kubernetes.io/memory-pressure',
)  # fmt: skip


def _jobs(state: State) -> Iterator[Action]:
    for owner in filter(is_alive, listed(state, 'jobs')):
        pods = _owned(listed(state, 'pods'), owner)
        done = sum((pod.get('status') or {}).get('phase') == 'Succeeded' for pod in pods)
        wanted, active = owner['spec'].get('completions', 1), [pod for pod in pods if _is_active(pod)]
        missing = min(wanted - done, owner['spec'].get('parallelism', 1)) - len(active)
        yield from (_pod('jobs', owner) for _ in range(missing))
        status: Json = {'succeeded': done, 'active': len(active)}
        if done >= wanted:
            status['conditions'] = [{'type': 'Complete', 'status': 'True'}]
        yield from _status('jobs', owner, status)


def _endpoints(state: State) -> Iterator[Action]:
    """Keep the endpoints of every service with a selector: its ready pods."""
    known = {(item['metadata']['namespace'], item['metadata']['name']): item for item in listed(state, 'endpoints')}
    for service in listed(state, 'services'):
        selector = service['spec'].get('selector')
        meta = service['metadata']
        if not selector:
            continue
        wanted = _subsets(state, service, selector)
        old = known.get((meta['namespace'], meta['name']))
        if old is None:
            new = {'name': meta['name'], 'namespace': meta['namespace'], 'labels': meta.get('labels') or {}}
            body = {'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': new, 'subsets': wanted}
            yield Action('POST', collection('endpoints', meta['namespace']), body)
        elif (old.get('subsets') or []) != wanted:
            yield Action('PATCH', path('endpoints', old), {'subsets': wanted}, 'application/merge-patch+json')
    names = {(item['metadata']['namespace'], item['metadata']['name']) for item in listed(state, 'services')}
    for key, item in known.items():
        if key not in names and 'subsets' in item:
            yield Action('DELETE', path('endpoints', item))


def _subsets(state: State, service: Json, selector: Json) -> list[Json]:
    namespace = service['metadata']['namespace']
    requirements = _selectors.from_object({'matchLabels': selector})
    addresses = [
        {
            'ip': pod['status']['podIP'],
            'nodeName': pod['spec']['nodeName'],
            'targetRef': {
                'kind': 'Pod',
                'namespace': namespace,
                'name': pod['metadata']['name'],
                'uid': pod['metadata']['uid'],
            },
        }
        for pod in listed(state, 'pods')
        if pod['metadata']['namespace'] == namespace
        and is_alive(pod)
        and _is_ready(pod)
        and _selectors.matches(requirements, pod['metadata'].get('labels'))
    ]
    if not addresses:
        return []
    ports = [
        {
            'port': port['targetPort'] if isinstance(port['targetPort'], int) else port['port'],
            'protocol': port['protocol'],
        }
        | ({'name': port['name']} if port.get('name') else {})
        for port in service['spec'].get('ports') or []
    ]
    return [{'addresses': addresses, 'ports': ports}]


def _budgets(state: State) -> Iterator[Action]:
    for budget in listed(state, 'poddisruptionbudgets'):
        wanted = _selectors.from_object((budget.get('spec') or {}).get('selector'))
        namespace = budget['metadata']['namespace']
        pods = [
            pod
            for pod in listed(state, 'pods')
            if pod['metadata']['namespace'] == namespace and _selectors.matches(wanted, pod['metadata'].get('labels'))
        ]
        healthy = sum(_is_ready(pod) and is_alive(pod) for pod in pods)
        yield from _status('poddisruptionbudgets', budget, {'currentHealthy': healthy, 'expectedPods': len(pods)})


def _status(plural: str, obj: Json, wanted: Json) -> Iterator[Action]:
    old = obj.get('status') or {}
    if any(old.get(key) != value for key, value in wanted.items()):
        yield Action(
            'PATCH', path(plural, obj, subresource='status'), {'status': wanted}, 'application/merge-patch+json'
        )
