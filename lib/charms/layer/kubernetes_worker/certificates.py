"""The server certificate of a worker: what is asked of the authority."""

from __future__ import annotations


def sans(*names: str) -> list[str]:
    """Return subject alternative names, sorted and without duplicates or empty ones.

    The order decides whether an authority issues anew: it must not depend on anything but the names.
    """
    return sorted({name for name in names if name})
