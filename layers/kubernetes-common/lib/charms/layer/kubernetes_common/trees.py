"""Nested mappings. Computing only."""

from __future__ import annotations

from collections.abc import Mapping


def merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Return `base` with `over` laid over it at every depth.

    Mappings are merged; anything else (lists, scalars, a mapping over a scalar and the reverse) is replaced.
    Neither argument is changed.
    """
    merged = {key: _copied(value) for key, value in base.items()}
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = _copied(value)
    return merged


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return merge(value, {})
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
