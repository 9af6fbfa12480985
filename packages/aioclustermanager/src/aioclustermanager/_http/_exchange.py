"""A request under way and the answer to it, waited for whole or taken as it arrives."""

from __future__ import annotations

import abc
import asyncio
from typing import Protocol

from ._errors import AnswerTooLong, ConnectionFailed, DeadlineExceeded, Error
from ._messages import Request

HIGH_WATER = 1024 * 1024  # bytes of a streamed body that nobody has taken yet: then the server has to wait


class Answer(Protocol):
    """What has arrived: `status` is 0 until the head is there; the body's pieces are taken out as they come."""

    status: int
    head: bytes
    pieces: list[bytes]
    complete: bool


class Exchange(abc.ABC):
    """What carries one request at a time."""

    answer: Answer

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.most_bytes = 0  # of a whole answer, 0 for any
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._whole = True
        self._wants_head = False
        self._timer: asyncio.TimerHandle | None = None
        self._gathered = bytearray()
        self._buffered = 0
        self._error: Error | None = None

    @abc.abstractmethod
    def send(self, request: Request, until: float, *, whole: bool) -> asyncio.Future[None]:
        """Send a request; the future is done when the answer, or its head if not `whole`, is there, or has failed."""

    @abc.abstractmethod
    def abort(self) -> None:
        """End at once what is under way."""

    def close(self) -> None:
        """End what is under way: who waits for it hears that it was closed."""
        self._fail(ConnectionFailed('the connection was closed', sent=True))
        self.abort()

    def more(self, until: float) -> asyncio.Future[None]:
        """Wait for more of a streamed body, or its end."""
        self._wants_head = False
        waiter = self._wait(until)
        if self.answer.pieces or self.answer.complete:
            self._wake()
        elif self._error:
            self._fail(self._error)
        return waiter

    def take(self) -> bytes:
        """Return what has arrived of the body."""
        pieces = self.answer.pieces
        self.answer.pieces = []
        taken, self._buffered = self._buffered, 0
        self._taken(taken)
        return pieces[0] if len(pieces) == 1 else b''.join(pieces)

    def body(self) -> bytes | bytearray:
        """Return the body of a whole answer."""
        last = self.take()
        if not self._gathered:
            return last
        whole, self._gathered = self._gathered, bytearray()
        whole += last
        return whole

    @abc.abstractmethod
    def _taken(self, size: int) -> None:
        """Let the server go on: so many bytes have been taken out."""

    def _begin(self, until: float, *, whole: bool) -> asyncio.Future[None]:
        self._whole, self._wants_head = whole, True
        return self._wait(until)

    def _arrived(self, size: int) -> None:
        """Tell who waits, if this is what he waits for: so many bytes have come."""
        answer = self.answer
        if self._whole:
            if answer.complete:
                self._wake()
            elif answer.pieces:  # a long one: gathered at once, so that it is in memory once
                self._gathered += b''.join(answer.pieces)
                answer.pieces.clear()
                if self.most_bytes and len(self._gathered) > self.most_bytes:
                    self._broken(AnswerTooLong(f'the answer is longer than {self.most_bytes} bytes'))
        elif answer.status:
            self._buffered += size
            if self._wants_head or answer.pieces or answer.complete:
                self._wake()

    # waiting

    def _wait(self, until: float) -> asyncio.Future[None]:
        self._waiter = waiter = self._loop.create_future()
        if until != float('inf'):
            self._timer = self._loop.call_at(until, self._expire)
        return waiter

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._stop_timer()
        waiter, self._waiter = self._waiter, None
        if waiter and not waiter.done():
            waiter.set_result(None)

    def _fail(self, error: Error) -> None:
        self._error = error
        self._stop_timer()
        waiter, self._waiter = self._waiter, None
        if waiter and not waiter.done():
            waiter.set_exception(error)

    def _broken(self, error: Error) -> None:
        self._fail(error)
        self.abort()

    def _expire(self) -> None:
        self._broken(DeadlineExceeded('the server did not answer in time'))
