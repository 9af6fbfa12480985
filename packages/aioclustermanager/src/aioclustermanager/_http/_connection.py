"""One connection to the server, one request at a time."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from . import _parser
from ._errors import AnswerTooLong, ConnectionFailed, DeadlineExceeded, Error

_HIGH_WATER = 1024 * 1024  # bytes of a streamed body that nobody has taken yet: then the server has to wait


_KEEP_ALIVE = {'TCP_KEEPIDLE': 30, 'TCP_KEEPINTVL': 10, 'TCP_KEEPCNT': 3}  # seconds, seconds, probes


def _keep_alive(opened: socket.socket) -> None:
    """Let the kernel notice that the other side is gone: nothing else would, in a watch where nothing happens."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if option := getattr(socket, name, None):
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


class Connection(asyncio.Protocol):
    """Made by the pool; usable while not `lost`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most_bytes: int = 0) -> None:
        self.parser = _parser.Parser()
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self.idle_since = 0.0
        self.closed: asyncio.Future[None] = loop.create_future()
        self.context: object = None  # with which SSL context it was made
        self._loop = loop
        self._most_bytes = most_bytes  # of a whole answer, 0 for any
        self._waiter: asyncio.Future[None] | None = None
        self._whole = True
        self._wants_head = False
        self._timer: asyncio.TimerHandle | None = None
        self._gathered = bytearray()
        self._buffered = 0
        self._paused = False
        self._error: Error | None = None
        self._busy = False
        self._writable: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast('asyncio.Transport', transport)
        _keep_alive(transport.get_extra_info('socket'))

    def send(self, request: bytes, until: float, *, whole: bool, bodiless: bool = False) -> asyncio.Future[None]:
        """Send a request; the future is done when the answer, or its head if not `whole`, is there, or has failed."""
        self.parser.expect(bodiless=bodiless)
        self._whole, self._busy, self._wants_head = whole, True, True
        waiter = self._wait(until)
        if self.lost or self.transport is None:
            self._fail(ConnectionFailed('the connection was closed', sent=False))
        else:
            self.transport.write(request)
        return waiter

    def more(self, until: float) -> asyncio.Future[None]:
        """Wait for more of a streamed body, or its end."""
        self._wants_head = False
        waiter = self._wait(until)
        if self.parser.pieces or self.parser.complete:
            self._wake()
        elif self._error:
            self._fail(self._error)
        return waiter

    def take(self) -> bytes:
        """Return what has arrived of the body."""
        pieces = self.parser.pieces
        self.parser.pieces = []
        self._buffered = 0
        if self._paused and self.transport:
            self._paused = False
            self.transport.resume_reading()
        return pieces[0] if len(pieces) == 1 else b''.join(pieces)

    def body(self) -> bytes | bytearray:
        """Return the body of a whole answer."""
        last = self.take()
        if not self._gathered:
            return last
        whole, self._gathered = self._gathered, bytearray()
        whole += last
        return whole

    def upgrade(self) -> None:
        """Take everything from here on as the body, after a status of 101."""
        self.parser.upgrade()

    async def write(self, data: bytes) -> None:
        """Send more, after `upgrade()`; waits while the peer takes nothing."""
        if self.lost or self.transport is None:
            raise ConnectionFailed('the connection was closed', sent=True)
        self.transport.write(data)
        if self._writable:
            await asyncio.shield(self._writable)

    def finish(self) -> bool:
        """End this exchange; returns whether the connection may carry another one."""
        self._busy = False
        parser = self.parser
        return parser.complete and parser.keep and not parser.rest and not self.lost

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.lost = True
        self._stop_timer()
        if self.transport:
            self.transport.abort()
        elif not self.closed.done():
            self.closed.set_result(None)

    # what asyncio calls

    def data_received(self, data: bytes) -> None:
        if not self._busy:  # nobody asked: a peer that speaks out of turn is not trusted with the next request
            self.abort()
            return
        parser = self.parser
        try:
            parser.feed(data)
        except _parser.Malformed as error:
            self._broken(ConnectionFailed(f'the server does not speak HTTP/1.1: {error}', sent=True))
            return
        if self._whole:
            if parser.complete:
                self._wake()
            elif parser.pieces:  # a long one: gathered at once, so that it is in memory once
                self._gathered += b''.join(parser.pieces)
                parser.pieces.clear()
                if self._most_bytes and len(self._gathered) > self._most_bytes:
                    self._broken(AnswerTooLong(f'the answer is longer than {self._most_bytes} bytes'))
        elif parser.status:
            self._buffered += len(data)
            if self._buffered > _HIGH_WATER and not self._paused and not parser.complete and self.transport:
                self._paused = True
                self.transport.pause_reading()
            if self._wants_head or parser.pieces or parser.complete:
                self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.transport = None
        self.resume_writing()
        if not self.closed.done():
            self.closed.set_result(None)
        if not self._busy or self._error:
            return
        try:
            self.parser.end()
            self._wake()
        except _parser.Malformed:
            why = (
                f'the connection broke: {exc}'
                if exc
                else 'the server closed the connection before the answer was whole'
            )
            error = ConnectionFailed(why, sent=True)
            error.__cause__ = exc
            self._fail(error)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable:
            self._writable.set_result(None)
            self._writable = None

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
