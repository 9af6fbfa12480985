"""Whether a pod may be evicted. Pure."""

from __future__ import annotations

from typing import Any

from . import _selectors, _statuses

Json = dict[str, Any]
_TOO_MANY = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."


def check(pod: Json, pods: list[Json], budgets: list[Json]) -> None:
    """Raise 429 when evicting the pod would break its budget, 500 when it has several.

    `pods` and `budgets` are those of the pod's namespace. Counted from the pods themselves, so it cannot be stale.
    """
    own = [budget for budget in budgets if _selects(budget, pod)]
    if len(own) > 1:
        raise _statuses.StatusError(500, _TOO_MANY)
    waiting = (pod.get('status') or {}).get('phase') in ('Pending', 'Succeeded', 'Failed')
    if not own or waiting or pod['metadata'].get('deletionTimestamp') or not is_ready(pod):
        return
    guarded = [other for other in pods if _selects(own[0], other)]
    healthy = sum(is_ready(other) and not other['metadata'].get('deletionTimestamp') for other in guarded)
    needed = _needed(own[0]['spec'], len(guarded))
    if healthy - 1 < needed:
        name = own[0]['metadata']['name']
        why = f'The disruption budget {name} needs {needed} healthy pods and has {healthy} currently'
        raise _statuses.StatusError(
            429, _VIOLATED, details={'causes': [{'reason': 'DisruptionBudget', 'message': why}]}
        )


def _selects(budget: Json, pod: Json) -> bool:
    selector = _selectors.from_object((budget.get('spec') or {}).get('selector'))
    return _selectors.matches(selector, pod['metadata'].get('labels'))


def is_ready(pod: Json) -> bool:
    conditions = (pod.get('status') or {}).get('conditions') or []
    return any(item.get('type') == 'Ready' and item.get('status') == 'True' for item in conditions)


def _needed(spec: Json, total: int) -> int:
    if spec.get('minAvailable') is not None:
        return _count(spec['minAvailable'], total)
    return total - _count(spec.get('maxUnavailable', 1), total)


def _count(value: Any, total: int) -> int:
    """Return a number, or a percentage of a total rounded up."""
    if isinstance(value, str) and value.endswith('%'):
        return -(-int(value[:-1]) * total // 100)
    return int(value)
