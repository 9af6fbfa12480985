"""How much a transport may do at once and how long a call may take."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar('T')


@dataclass(frozen=True)
class Limits:
    """0 for qps: as fast as the server answers, which refuses with 429 when it has too much."""

    qps: float = 0.0  # requests a second, over time
    burst: int = 10  # requests at once before qps counts
    connections: int = 100  # at once; each watch and followed log holds one
    call_s: float = 60.0  # one call with its repeats, unless the caller says otherwise; of a stream until its head
    connect_s: float = 10.0
    answer_bytes: int = 0  # the longest answer, and line of a stream, that is taken in; 0 for any
    idle_s: float = 45.0  # unused connections are closed then: load balancers do so after a minute, servers later


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


_urgent: ContextVar[bool] = ContextVar('aioclustermanager_urgent', default=False)


@contextlib.contextmanager
def urgent() -> Iterator[None]:
    """Let all calls within go ahead of the others that wait for a turn at a server (see Shared)."""
    token = _urgent.set(True)
    try:
        yield
    finally:
        _urgent.reset(token)


def is_urgent() -> bool:
    return _urgent.get()


def until(now: float, timeout_s: float | None) -> float:
    """Return the moment (loop.time()) when a call that begins now has to be over; None: only `deadline()` counts."""
    total = _deadline.get()
    return total if timeout_s is None else min(total, now + timeout_s)


class Interrupted(Exception):
    """What was waited for has been cancelled, by somebody else than who waited."""


async def within(seconds: float | None, awaitable: Awaitable[T]) -> T:
    """Return what is awaited, if it comes in time. Raises asyncio.TimeoutError, Interrupted.

    asyncio.wait_for, before Python 3.12, swallows a cancellation that comes when what it waits for has just ended.
    """
    waited = asyncio.ensure_future(awaitable)
    try:
        done, _ = await asyncio.wait({waited}, timeout=seconds)
    finally:
        if not waited.done():
            waited.cancel()
            await asyncio.gather(waited, return_exceptions=True)
        elif not waited.cancelled():
            waited.exception()  # whoever was cancelled meanwhile does not ask for it
    if not done:
        raise asyncio.TimeoutError
    if waited.cancelled():
        raise Interrupted
    return waited.result()
