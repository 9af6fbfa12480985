"""Whether a pod may be evicted. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _selectors, _statuses

Json = dict[str, Any]
Owner = Callable[[Json], 'tuple[str, Json] | None']
_TOO_MANY = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."


SCALED = {
    'Deployment': 'deployments',
    'ReplicaSet': 'replicasets',
    'ReplicationController': 'replicationcontrollers',
    'StatefulSet': 'statefulsets',
}


def check(pod: Json, pods: list[Json], budgets: list[Json], owner: Owner) -> None:
    """Raise 429 when evicting the pod would break its budget, 500 when it has several.

    Args:
        pod: who is to go.
        pods: of the pod's namespace. They are counted, so nothing can be stale.
        budgets: of the pod's namespace.
        owner: of an object, its controller's kind and itself; None if it has none of SCALED.
    """
    own = [budget for budget in budgets if _selects(budget, pod)]
    if len(own) > 1:
        raise _statuses.StatusError(500, _TOO_MANY)
    waiting = (pod.get('status') or {}).get('phase') in ('Pending', 'Succeeded', 'Failed')
    if not own or waiting or pod['metadata'].get('deletionTimestamp') or not is_ready(pod):
        return
    guarded = [other for other in pods if _selects(own[0], other)]
    healthy = sum(is_ready(other) and not other['metadata'].get('deletionTimestamp') for other in guarded)
    scale = _scale(guarded, owner)
    needed = _needed(own[0]['spec'], scale)
    if needed is None or healthy - 1 < needed:
        name = own[0]['metadata']['name']
        why = f'The disruption budget {name} needs {needed or 0} healthy pods and has {healthy} currently'
        raise _statuses.StatusError(
            429, _VIOLATED, details={'causes': [{'reason': 'DisruptionBudget', 'message': why}]}
        )


def _selects(budget: Json, pod: Json) -> bool:
    selector = _selectors.from_object((budget.get('spec') or {}).get('selector'))
    return _selectors.matches(selector, pod['metadata'].get('labels'))


def is_ready(pod: Json) -> bool:
    conditions = (pod.get('status') or {}).get('conditions') or []
    return any(item.get('type') == 'Ready' and item.get('status') == 'True' for item in conditions)


def _scale(pods: list[Json], owner: Owner) -> int | None:
    """Return how many pods their controllers want; None when one has no controller with a scale."""
    found: dict[str, int] = {}
    for pod in pods:
        known = owner(pod)
        if known is None:
            return None
        _, controller = owner(known[1]) or known  # of a ReplicaSet, its Deployment
        found[controller['metadata']['uid']] = int(controller['spec'].get('replicas', 1))
    return sum(found.values())


def _needed(spec: Json, scale: int | None) -> int | None:
    """Return how many must stay healthy; None if that depends on a scale and there is none: then nobody may go."""
    least = spec.get('minAvailable')
    if isinstance(least, int):
        return least
    if scale is None:
        return None
    return _count(least, scale) if least is not None else max(0, scale - _count(spec.get('maxUnavailable', 1), scale))


def _count(value: Any, total: int) -> int:
    """Return a number, or a percentage of a total rounded up."""
    if isinstance(value, str) and value.endswith('%'):
        return -(-int(value[:-1]) * total // 100)
    return int(value)
