"""One connection that speaks HTTP/1.1, one request at a time."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from . import _parser
from ._errors import ConnectionFailed
from ._exchange import HIGH_WATER, Exchange
from ._messages import Request

_KEEP_ALIVE = {'TCP_KEEPIDLE': 30, 'TCP_KEEPINTVL': 10, 'TCP_KEEPCNT': 3}  # seconds, seconds, probes


def keep_alive(opened: socket.socket) -> None:
    """Let the kernel notice that the other side is gone: nothing else would, in a watch where nothing happens."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if option := getattr(socket, name, None):
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


def broken_off(exc: Exception | None) -> ConnectionFailed:
    """Return the error for a connection that ended before its answer."""
    why = f'the connection broke: {exc}' if exc else 'the server closed the connection before the answer was whole'
    error = ConnectionFailed(why, sent=True)
    error.__cause__ = exc
    return error


class Connection(Exchange, asyncio.Protocol):
    """Made by the pool; usable while not `lost`."""

    answer: _parser.Parser

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.answer = _parser.Parser()
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self.idle_since = 0.0
        self.closed: asyncio.Future[None] = loop.create_future()
        self._paused = False
        self._busy = False
        self._writable: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast('asyncio.Transport', transport)
        keep_alive(transport.get_extra_info('socket'))

    def send(self, request: Request, until: float, *, whole: bool) -> asyncio.Future[None]:
        self.answer.expect(bodiless=request.method in ('HEAD', 'CONNECT'))
        self._busy = True
        waiter = self._begin(until, whole=whole)
        if self.lost or self.transport is None:
            self._fail(ConnectionFailed('the connection was closed', sent=False))
        else:
            self.transport.write(request.http1())
        return waiter

    def upgrade(self) -> None:
        """Take everything from here on as the body, after a status of 101."""
        self.answer.upgrade()

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
        answer = self.answer
        return answer.complete and answer.keep and not answer.rest and not self.lost

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.lost = True
        self._stop_timer()
        if self.transport:
            self.transport.abort()
        elif not self.closed.done():
            self.closed.set_result(None)

    def _taken(self, _: int) -> None:
        if self._paused and self.transport:
            self._paused = False
            self.transport.resume_reading()

    # what asyncio calls

    def data_received(self, data: bytes) -> None:
        if not self._busy:  # nobody asked: a peer that speaks out of turn is not trusted with the next request
            self.abort()
            return
        try:
            self.answer.feed(data)
        except _parser.Malformed as error:
            self._broken(ConnectionFailed(f'the server does not speak HTTP/1.1: {error}', sent=True))
            return
        self._arrived(len(data))
        if self._buffered > HIGH_WATER and not self._paused and not self.answer.complete and self.transport:
            self._paused = True
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.transport = None
        self.resume_writing()
        if not self.closed.done():
            self.closed.set_result(None)
        if not self._busy or self._error:
            return
        try:
            self.answer.end()
            self._wake()
        except _parser.Malformed:
            self._fail(broken_off(exc))

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable:
            self._writable.set_result(None)
            self._writable = None
