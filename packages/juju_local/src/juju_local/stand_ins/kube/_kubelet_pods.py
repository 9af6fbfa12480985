"""Pods on a node: nothing runs, but their status goes through what a well-behaved pod's goes through."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from . import _times

Json = dict[str, Any]


def running_status(pod: Json, address: str, host: str) -> Json:
    """Return the status of a pod all of whose containers were started and are ready."""
    now = _times.timestamp()
    conditions = [
        {'type': kind, 'status': 'True', 'lastProbeTime': None, 'lastTransitionTime': now}
        for kind in ('Initialized', 'Ready', 'ContainersReady', 'PodScheduled')
    ]
    return {
        'phase': 'Running',
        'conditions': conditions,
        'hostIP': host,
        'podIP': address,
        'startTime': now,
        'containerStatuses': [
            _container(item, {'running': {'startedAt': now}}, ready=True) for item in _containers(pod)
        ],
    }


def finished_status(pod: Json, host: str) -> Json:
    """Return the status of a pod whose containers all ended well."""
    now = _times.timestamp()
    ended = {'terminated': {'exitCode': 0, 'reason': 'Completed', 'startedAt': now, 'finishedAt': now}}
    condition = {'type': 'Ready', 'status': 'False', 'reason': 'PodCompleted', 'lastTransitionTime': now}
    return {
        'phase': 'Succeeded',
        'conditions': [condition],
        'hostIP': host,
        'containerStatuses': [_container(item, ended, ready=False) for item in _containers(pod)],
    }


def _containers(pod: Json) -> list[Json]:
    return list(pod['spec'].get('containers') or [])


def _container(container: Json, state: Json, *, ready: bool) -> Json:
    digest = hashlib.sha256(f'{container["name"]}{container["image"]}'.encode()).hexdigest()
    return {
        'name': container['name'],
        'image': container['image'],
        'imageID': f'docker-pullable://{container["image"]}@sha256:{digest}',
        'containerID': f'docker://{digest}',
        'state': state,
        'lastState': {},
        'ready': ready,
        'restartCount': 0,
    }


def ends_by_itself(pod: Json) -> bool:
    """Tell whether a pod is a job's: such a one is taken to end well at once."""
    owners = pod['metadata'].get('ownerReferences') or []
    return pod['spec'].get('restartPolicy') != 'Always' and any(owner['kind'] == 'Job' for owner in owners)


class Addresses:
    """Gives pods addresses of the node's range; one of 10.1.0.0/16 by the node's name if it was given none."""

    def __init__(self, node: str) -> None:
        third = int(hashlib.sha256(node.encode()).hexdigest(), 16) % 255
        self._network = ipaddress.ip_network(f'10.1.{third}.0/24')
        self._given: dict[str, str] = {}

    def use(self, cidr: str) -> None:
        if cidr:
            self._network = ipaddress.ip_network(cidr)  # type: ignore[assignment]

    def of(self, uid: str) -> str:
        if uid not in self._given:
            used = set(self._given.values())
            self._given[uid] = next(str(host) for host in self._network.hosts() if str(host) not in used)
        return self._given[uid]

    def free(self, uid: str) -> None:
        self._given.pop(uid, None)
