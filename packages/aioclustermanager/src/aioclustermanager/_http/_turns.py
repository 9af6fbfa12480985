"""Turns at one server for all clients of a process: so many requests at once, so many a second, each client in turn.

Fair is start-time queuing: a request's place is one behind the last of its own client, and the lowest place goes next.
A client that asks much waits behind its own requests, who asks little hardly waits, and what is `urgent()` goes first.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import dataclass

from . import _limits
from ._errors import DeadlineExceeded


@dataclass(frozen=True)
class Pace:
    """How much all clients together may ask of one server; 0 for no limit."""

    qps: float = 0.0
    burst: int = 10  # requests at once before qps counts
    at_once: int = 0  # requests without an answer; a watch counts until its head is there


class Guest:
    """One client at a door."""

    def __init__(self) -> None:
        self.place = 0.0  # of its last request


class Turns:
    """`await enter(guest, until)`, ask the server, `leave()`."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._inside = 0
        self._next = float('-inf')  # when the next request may go out, as in a bucket
        self._served = 0.0  # the place that went last
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, pace: Pace) -> None:
        """Let another pace count from now on."""
        self._pace = pace
        self._serve()

    async def enter(self, guest: Guest, until: float) -> None:
        """Wait for a turn. Raises DeadlineExceeded."""
        loop = asyncio.get_running_loop()
        place = self._place(guest)
        if not self._waiting and self._pause_s(loop.time()) == 0.0:
            self._admit(place, loop.time())
            return
        waiter: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (place, next(self._numbers), waiter))
        expiry = loop.call_at(until, _expire, waiter) if until != float('inf') else None
        self._serve()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self.leave()  # its turn had come at the same moment
            raise
        finally:
            if expiry:
                expiry.cancel()

    def leave(self) -> None:
        """Give the place back: there is an answer, or no more will come of it."""
        self._inside -= 1
        self._serve()

    def _place(self, guest: Guest) -> float:
        if _limits.is_urgent():
            return self._served  # before all others: theirs are behind what has been served
        guest.place = max(self._served, guest.place) + 1.0
        return guest.place

    def _pause_s(self, now: float) -> float | None:
        """Return the seconds until the next request may go out; None: when one that is inside has left."""
        pace = self._pace
        if pace.at_once and self._inside >= pace.at_once:
            return None
        return max(0.0, self._next - now) if pace.qps else 0.0

    def _admit(self, place: float, now: float) -> None:
        self._inside += 1
        self._served = max(self._served, place - 1.0)
        if self._pace.qps:
            step = 1.0 / self._pace.qps
            self._next = max(self._next, now - step * (max(self._pace.burst, 1) - 1)) + step

    def _serve(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            place, _, waiter = self._waiting[0]
            if waiter.done():
                heapq.heappop(self._waiting)
                continue
            loop = waiter.get_loop()
            pause_s = self._pause_s(loop.time())
            if pause_s is None:
                return
            if pause_s > 0.0:
                self._timer = loop.call_later(pause_s, self._serve)
                return
            heapq.heappop(self._waiting)
            self._admit(place, loop.time())
            waiter.set_result(None)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(DeadlineExceeded('the turn at this server did not come in time', sent=False))
