"""Which pods a pause may evict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Pod = Mapping[str, Any]  # JSON as the API gives it


@dataclass(frozen=True)
class Plan:
    """What to evict, and why it must not be done (one sentence per pod, naming the parameter that allows it)."""

    evict: tuple[tuple[str, str], ...]  # namespace and name
    refusals: tuple[str, ...]
    stay: tuple[str, ...]  # left alone, each with the reason


def plan(pods: Iterable[Pod], *, delete_local_data: bool, force: bool) -> Plan:
    """Return what to do with the pods of a node, as `kubectl drain --ignore-daemonsets` decides it."""
    evict = []
    refusals = []
    stay = []
    for pod in pods:
        reason = _stays(pod)
        if reason:
            stay.append(f'{pod["metadata"]["namespace"]}/{pod["metadata"]["name"]} ({reason})')
            continue
        refusal = _refusal(pod, delete_local_data, force)
        if refusal:
            refusals.append(refusal)
        evict.append((str(pod['metadata']['namespace']), str(pod['metadata']['name'])))
    return Plan(tuple(evict), tuple(refusals), tuple(stay))


def _stays(pod: Pod) -> str:
    """Return why a pod is left alone, '' if it is not: the kubelet's own (mirror pods) and those of DaemonSets are."""
    if 'kubernetes.io/config.mirror' in (pod['metadata'].get('annotations') or {}):
        return 'the kubelet itself runs it'
    return 'of a DaemonSet' if _controller(pod) == 'DaemonSet' and not _is_finished(pod) else ''


def _refusal(pod: Pod, delete_local_data: bool, force: bool) -> str:
    name = f'{pod["metadata"]["namespace"]}/{pod["metadata"]["name"]}'
    if _is_finished(pod):
        return ''
    if not _controller(pod) and not force:
        return f'pod {name} has no controller that would make it anew: delete it, or set force=true'
    volumes = (pod.get('spec') or {}).get('volumes') or []
    if any('emptyDir' in volume for volume in volumes) and not delete_local_data:
        return f'pod {name} keeps data in an emptyDir volume that would be lost: set delete-local-data=true'
    return ''


def _controller(pod: Pod) -> str:
    owners = pod['metadata'].get('ownerReferences') or []
    return next((str(owner.get('kind')) for owner in owners if owner.get('controller')), '')


def _is_finished(pod: Pod) -> bool:
    return (pod.get('status') or {}).get('phase') in ('Succeeded', 'Failed')
