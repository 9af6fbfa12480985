"""How much a transport may do at once and how long a call may take."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """0 for qps: as fast as the server answers, which refuses with 429 when it has too much."""

    qps: float = 0.0  # requests a second, over time
    burst: int = 10  # requests at once before qps counts
    connections: int = 100
    call_s: float = (
        60.0  # one call with its repeats, unless the caller says otherwise; streams: until the head is there
    )
    connect_s: float = 10.0
    idle_s: float = 60.0  # unused connections are closed then; Go's servers do so after 90 s and more


class Bucket:
    """A token bucket. `take(now)` reserves the next place and returns the seconds until it."""

    def __init__(self, qps: float, burst: int) -> None:
        self._step = 1.0 / qps
        self._ahead = self._step * (max(burst, 1) - 1)
        self._next = float('-inf')

    def take(self, now: float) -> float:
        place = max(self._next, now - self._ahead)
        self._next = place + self._step
        return max(0.0, place - now)


_deadline: ContextVar[float] = ContextVar('aioclustermanager_deadline', default=float('inf'))


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let all calls within, together, take that long; then they raise DeadlineExceeded. Blocks within blocks: the
    earliest counts."""
    token = _deadline.set(min(_deadline.get(), asyncio.get_running_loop().time() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def until(now: float, timeout_s: float | None) -> float:
    """Return the moment (loop.time()) when a call that begins now has to be over; None: only `deadline()` counts."""
    total = _deadline.get()
    return total if timeout_s is None else min(total, now + timeout_s)
