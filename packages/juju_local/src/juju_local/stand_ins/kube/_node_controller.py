"""What the controller manager wants of nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import _controllers, _times

Json = dict[str, Any]
NODE_GRACE_S = 40.0
POD_EVICTION_S = 300.0


def heartbeats(state: _controllers.State) -> dict[str, str]:
    """Return what each node last said, as a text that changes with every heartbeat."""
    leases = {
        item['metadata']['name']: (item.get('spec') or {}).get('renewTime', '')
        for item in _controllers.listed(state, 'leases')
    }
    found = {}
    for node in _controllers.listed(state, 'nodes'):
        name = node['metadata']['name']
        times = [item.get('lastHeartbeatTime', '') for item in (node.get('status') or {}).get('conditions') or []]
        found[name] = f'{leases.get(name, "")} {max(times, default="")}'
    return found


def actions(state: _controllers.State, seen: Mapping[str, float], now: float) -> Iterator[_controllers.Action]:
    """Mark nodes that fell silent, taint what is not ready, in the end delete pods of silent or vanished nodes.

    `seen`: when each node's heartbeat was last seen to change, `now`: of the same clock.
    """
    names = {node['metadata']['name'] for node in _controllers.listed(state, 'nodes')}
    for node in _controllers.listed(state, 'nodes'):
        silent = now - seen.get(node['metadata']['name'], now)
        if silent > NODE_GRACE_S:
            yield from _silenced(node)
        yield from _taint(node)
        if silent > NODE_GRACE_S + POD_EVICTION_S:
            yield from _evict(state, node['metadata']['name'])
    for pod in _controllers.listed(state, 'pods'):
        if pod['spec'].get('nodeName') and pod['spec']['nodeName'] not in names:
            yield _controllers.Action('DELETE', _controllers.path('pods', pod), {'gracePeriodSeconds': 0})


def _silenced(node: Json) -> Iterator[_controllers.Action]:
    conditions = (node.get('status') or {}).get('conditions') or []
    if all(item['status'] == 'Unknown' for item in conditions):
        return
    now = _times.timestamp()
    unknown = [
        {
            **item,
            'status': 'Unknown',
            'reason': 'NodeStatusUnknown',
            'message': 'Kubelet stopped posting node status.',
            'lastTransitionTime': now,
        }
        for item in conditions
    ]
    yield _controllers.Action(
        'PATCH',
        _controllers.path('nodes', node, subresource='status'),
        {'status': {'conditions': unknown}},
        'application/merge-patch+json',
    )


_CONDITION_TAINTS = {'False': 'node.kubernetes.io/not-ready', 'Unknown': 'node.kubernetes.io/unreachable'}


def _taint(node: Json) -> Iterator[_controllers.Action]:
    """Keep the NoSchedule taints that mirror the node's state."""
    spec = node.get('spec') or {}
    ready = next(
        (item['status'] for item in (node.get('status') or {}).get('conditions') or [] if item['type'] == 'Ready'), ''
    )
    wanted = {_CONDITION_TAINTS[ready]} if ready in _CONDITION_TAINTS else set()
    if spec.get('unschedulable'):
        wanted.add('node.kubernetes.io/unschedulable')
    ours = {*_CONDITION_TAINTS.values(), 'node.kubernetes.io/unschedulable'}
    taints = spec.get('taints') or []
    have = {taint['key'] for taint in taints if taint['key'] in ours and taint['effect'] == 'NoSchedule'}
    if have != wanted:
        kept = [taint for taint in taints if taint['key'] not in ours]
        new = kept + [{'key': key, 'effect': 'NoSchedule'} for key in sorted(wanted)]
        version = node['metadata']['resourceVersion']
        patch = {'metadata': {'resourceVersion': version}, 'spec': {'taints': new or None}}
        yield _controllers.Action('PATCH', _controllers.path('nodes', node), patch, 'application/merge-patch+json')


def _evict(state: _controllers.State, name: str) -> Iterator[_controllers.Action]:
    for pod in _controllers.listed(state, 'pods'):
        daemon = any(ref['kind'] == 'DaemonSet' for ref in _controllers.owners(pod))
        if pod['spec'].get('nodeName') == name and _controllers.is_alive(pod) and not daemon:
            yield _controllers.Action('DELETE', _controllers.path('pods', pod))
