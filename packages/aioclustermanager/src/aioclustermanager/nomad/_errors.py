"""Nomad's refusals by kind. It answers with text, and with 500 for much that is no failure of the server."""

from __future__ import annotations

import re

from .._http import Conflict, Error, HttpError, Invalid, NotFound, from_text

_REFUSALS: tuple[tuple[type[HttpError], re.Pattern[str]], ...] = (
    (Conflict, re.compile(r'Enforcing job modify index|has non-terminal jobs')),
    (NotFound, re.compile(r"not found\b|doesn't exist to be deregistered|can't force run non-tracked job|nonexistent")),
    (
        Invalid,
        re.compile(
            r"\d+ errors? occurred|cannot update (job|(non-)?periodic|(non-)?parameterized)|can't (force|evaluate|fail)"
            r'|is not a parameterized job|metadata keys|meta keys|[Pp]ayload|invalid|No path to region|must be|Missing '
        ),
    ),
)


class EventsLost(Error):
    """The server no longer has all events since the last one that was read: list again, then go on from there.

    `after` is the index of the last event that was read.
    """

    def __init__(self, after: int) -> None:
        super().__init__(f'events after index {after} may have been lost: the server no longer keeps them')
        self.after = after


def explain(request: str, status: int, body: bytes, retry_after_s: float | None) -> HttpError:
    """Return the error of an answer. A 500 that blames the request gets the kind for it, and is not repeated."""
    error = from_text(request, status, body, retry_after_s)
    if status != 500:
        return error
    for kind, said in _REFUSALS:
        if said.search(error.message):
            return kind(error.message, status=status, retry_after_s=retry_after_s, body=body, request=request)
    return error
