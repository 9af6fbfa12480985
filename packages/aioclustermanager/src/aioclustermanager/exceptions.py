"""What a write may end with that programs decide by; the rest are errors of `aioclustermanager.kubernetes`."""

from __future__ import annotations


class NotFoundEndpointException(Exception):
    """404 to a write: neither the object nor the place for it is there. The answer's error is chained."""


class ConflictCallException(Exception):
    """409 to a write: it exists already, or it changed meanwhile. The answer's error is chained."""
