"""The exceptions of 0.3.44 for what a write ends with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ._http import Conflict, NotFound
from .exceptions import ConflictCallException, NotFoundEndpointException


@contextlib.contextmanager
def as_of_old() -> Iterator[None]:
    """Raise the exceptions of 0.3.44 for a 404 and a 409 to what is done within."""
    try:
        yield
    except NotFound as error:
        raise NotFoundEndpointException(str(error)) from error
    except Conflict as error:
        raise ConflictCallException(str(error)) from error
