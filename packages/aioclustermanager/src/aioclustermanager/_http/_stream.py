"""An answer that is read while it arrives: a watch, a log, or what becomes a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, cast

from . import _errors, _limits, _parser
from ._connection import Connection
from ._errors import AnswerTooLong
from ._exchange import Exchange
from ._messages import JSON, Call

if TYPE_CHECKING:
    from ._transport import Transport


class Stream:
    """Made by `Transport.stream`."""

    def __init__(self, transport: Transport, call: Call, timeout_s: float | None, idle_s: float | None) -> None:
        self._transport = transport
        self._call = call
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._upgrade = False
        self._exchange: Exchange | None = None

    @classmethod
    def of(
        cls, transport: Transport, method: str, target: str, *, headers: Mapping[str, str], timeout_s: float | None
    ) -> Stream:
        """Return what may become another protocol after its head."""
        made = cls(transport, Call(method, target, None, JSON, '*/*', headers), timeout_s, None)
        made._upgrade = True
        return made

    async def __aenter__(self) -> Stream:
        try:
            return await self._begin()
        except _errors.Unauthorized:
            authentication = self._transport.authentication
            if authentication is None or not authentication.renewable:
                raise
            self._transport._outdate(self._call)
            return await self._begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange:
            self._transport._release(exchange)  # which ends it unless it was read to its end

    async def _begin(self) -> Stream:
        loop, transport = asyncio.get_running_loop(), self._transport
        timeout_s = transport.limits.call_s if self._timeout_s is None else self._timeout_s
        until = _limits.until(loop.time(), timeout_s)
        exchange = await transport._ready(loop, self._call, until, upgrade=self._upgrade)
        try:
            await exchange.send(transport._request(self._call), until, whole=False)
            answer = exchange.answer
            if answer.status >= 400:
                while not answer.complete:
                    await exchange.more(until)
                raise transport._failure(self._call, answer.status, answer.head, exchange.take())
        except BaseException:
            transport._discard(exchange)
            raise
        finally:
            transport._leave()
        self._exchange = exchange
        return self

    @property
    def status(self) -> int:
        return self._open.answer.status

    @property
    def headers(self) -> dict[str, str]:
        return _parser.headers(self._open.answer.head)

    @property
    def _open(self) -> Exchange:
        if self._exchange is None:
            raise RuntimeError('the answer is read within `async with` only')
        return self._exchange

    def upgrade(self) -> None:
        """After a status of 101: everything that follows is the body, and `write` sends."""
        cast('Connection', self._open).upgrade()

    async def write(self, data: bytes) -> None:
        await cast('Connection', self._open).write(data)

    async def read(self) -> bytes:
        """Return what has arrived, waiting if nothing has; b'' at the end. Raises ConnectionFailed if cut off."""
        exchange = self._open
        while not exchange.answer.pieces:
            if exchange.answer.complete:
                return b''
            now = asyncio.get_running_loop().time()
            await exchange.more(_limits.until(now, self._idle_s))
        return exchange.take()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read():
            yield piece

    async def lines(self) -> AsyncIterator[list[bytes]]:
        """Yield the whole lines that have arrived, without their ends, many at a time; last one perhaps without end."""
        most, begun, length = self._transport.limits.answer_bytes, list[bytes](), 0
        while piece := await self.read():
            begun.append(piece)
            length += len(piece)
            if b'\n' not in piece:
                if most and length > most:
                    raise AnswerTooLong(f'{self._call.name}: a line is longer than {most} bytes')
                continue
            lines = b''.join(begun).split(b'\n')
            begun = [rest] if (rest := lines.pop()) else []
            length = len(rest)
            yield lines
        if begun:
            yield [b''.join(begun)]
