"""Merge patches (RFC 7386) that hold only what differs. Computes only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch that makes `new` of `old`: maps by key, a vanished key as null, anything else whole."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := difference(before, value):
                patch[key] = inner
        elif key not in old or before != value:
            patch[key] = value
    return patch


def status_patch(read: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the patch for the status of an object as it was read, None for no difference.

    uid and resourceVersion guard it: lists are replaced whole, so somebody else's entry must not get lost.
    """
    changes = difference(read.get('status') or {}, status)
    if not changes:
        return None
    meta = read['metadata']
    return {'metadata': {'uid': meta['uid'], 'resourceVersion': meta['resourceVersion']}, 'status': changes}
