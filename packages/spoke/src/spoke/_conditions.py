"""Conditions of an object's status: a list on the wire, a map by type in meaning. Computes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Condition = Mapping[str, Any]

ACCEPTED = 'HubAcceptedManagedCluster'
JOINED = 'ManagedClusterJoined'
AVAILABLE = 'ManagedClusterConditionAvailable'
CLOCK_SYNCED = 'ManagedClusterConditionClockSynced'
ROTATED = 'ClusterCertificateRotated'
ADDON_AVAILABLE = 'Available'


def condition(kind: str, status: str | bool, reason: str, message: str) -> dict[str, Any]:
    text = status if isinstance(status, str) else 'True' if status else 'False'
    return {'type': kind, 'status': text, 'reason': reason, 'message': message}


def put(conditions: Sequence[Condition], new: Condition, now: datetime) -> list[dict[str, Any]]:
    """Return the list with the condition in it; its lastTransitionTime moves only with its status."""
    stamped = {**new, 'lastTransitionTime': now.strftime('%Y-%m-%dT%H:%M:%SZ')}
    result = [dict(each) for each in conditions]
    for index, old in enumerate(result):
        if old.get('type') == new['type']:
            if old.get('status') == new['status'] and old.get('lastTransitionTime'):
                stamped['lastTransitionTime'] = old['lastTransitionTime']
            result[index] = {**old, **stamped}
            return result
    return [*result, stamped]


def of(thing: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return an object's conditions."""
    return list(((thing or {}).get('status') or {}).get('conditions') or [])


def find(thing: Mapping[str, Any] | None, kind: str) -> dict[str, Any] | None:
    return next((each for each in of(thing) if each.get('type') == kind), None)


def is_true(thing: Mapping[str, Any] | None, kind: str) -> bool:
    return (find(thing, kind) or {}).get('status') == 'True'
