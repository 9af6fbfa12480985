"""Whether an object on the server is the one that was sent. Computes only."""

from __future__ import annotations

from typing import Any

_SERVERS_OWN = {'resourceVersion', 'uid', 'creationTimestamp', 'generation', 'managedFields', 'selfLink'}


def contains(there: object, sent: Any) -> bool:
    """Whether all that was sent is there; what the server adds, and its own fields of the metadata, do not count."""
    if isinstance(sent, dict):
        return isinstance(there, dict) and all(
            _is_nothing(value) or contains(there.get(key), value)
            for key, value in sent.items()
            if key not in ('status', 'stringData') and key not in _SERVERS_OWN
        )
    if isinstance(sent, list | tuple):
        return (
            isinstance(there, list)
            and len(there) == len(sent)
            and all(contains(mine, yours) for mine, yours in zip(there, sent, strict=True))
        )
    return bool(there == sent)


def _is_nothing(value: object) -> bool:
    return value is None or value in ({}, [], '')
