"""When a request may be repeated, and how long to wait before. Decides only."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from ._errors import ConnectionFailed, Error, HttpError, ServerError

_REFUSED_AT_THE_DOOR = 429  # the server did nothing but count


class Repeat(enum.Enum):
    """What a second try of a request may do."""

    SAFE = 'safe'  # carried out twice is as good as once: GET, PUT, DELETE, and what the caller knows to be so
    UNSENT = 'unsent'  # only where the server certainly did nothing: not reached, 429, 503 with Retry-After
    NEVER = 'never'


@dataclass(frozen=True)
class Retries:
    """How often to repeat, and how the pauses grow: first_s, twice that ... up to longest_s, each cut by chance to
    between half and all of it so that many clients do not come back at once. A Retry-After is a least pause."""

    attempts: int = 6  # repeats, after the first try
    first_s: float = 0.1
    longest_s: float = 10.0


NONE = Retries(attempts=0)


def by_method(method: str) -> Repeat:
    """Return what RFC 9110 says of a method."""
    return Repeat.UNSENT if method in ('POST', 'PATCH') else Repeat.SAFE


def may_have_acted(error: Error) -> bool:
    """Whether the server may have carried out a request that ended so."""
    if isinstance(error, ConnectionFailed):
        return error.sent
    return isinstance(error, ServerError) and not _is_refused(error)


def _is_refused(error: HttpError) -> bool:
    return error.status == _REFUSED_AT_THE_DOOR or (error.status == 503 and error.retry_after_s is not None)


def is_allowed(repeat: Repeat, error: Error) -> bool:
    """Whether a request that failed so may be tried again. The kind decides: Nomad refuses for good with 500, too."""
    if repeat is Repeat.NEVER:
        return False
    if isinstance(error, ConnectionFailed):
        return repeat is Repeat.SAFE or not error.sent
    if isinstance(error, HttpError):
        failed = isinstance(error, ServerError) and error.status in (500, 502, 503, 504)
        return _is_refused(error) or (repeat is Repeat.SAFE and failed)
    return False


def pause_s(retries: Retries, attempt: int, retry_after_s: float | None, chance: Callable[[], float]) -> float:
    """Return the seconds before the repeat number `attempt` (from 0); `chance` gives 0 to 1."""
    pause = min(retries.longest_s, retries.first_s * 2.0 ** min(attempt, 30))
    jittered = pause * (0.5 + chance() / 2)
    return jittered if retry_after_s is None else max(jittered, retry_after_s * (1 + chance() / 10))


def retry_after_s(text: str) -> float | None:
    """Return the seconds a Retry-After header asks for; None for none, and for a date (no API server sends one)."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() else None
