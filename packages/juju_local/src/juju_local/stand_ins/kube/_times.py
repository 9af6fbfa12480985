"""Times as Kubernetes writes them."""

from __future__ import annotations

import datetime


def timestamp() -> str:
    """Return now, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


def micro() -> str:
    """Return now, to the microsecond (leases)."""
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def parse(text: str) -> float:
    """Return seconds since the epoch of either form; 0 for ''."""
    if not text:
        return 0.0
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()
