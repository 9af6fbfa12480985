"""A WebSocket to the server, over the transport's connections and with its authentication."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from types import TracebackType

from . import _frames
from ._errors import ConnectionFailed
from ._stream import Stream
from ._transport import Transport

_MAGIC = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'  # RFC 6455, 1.3
_PIECE = 64 * 1024


class WebSocket:
    """`async with WebSocket(transport, target, protocols) as socket`. Entering raises as a request does.

    `protocol` is what the server chose, '' for none.
    """

    def __init__(
        self, transport: Transport, target: str, protocols: Sequence[str] = (), *, timeout_s: float | None = None
    ) -> None:
        self.protocol = ''
        self._protocols = protocols
        self._key = base64.b64encode(os.urandom(16)).decode('ascii')
        headers = {'Connection': 'Upgrade', 'Upgrade': 'websocket'}
        headers |= {'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': self._key}
        if protocols:
            headers['Sec-WebSocket-Protocol'] = ', '.join(protocols)
        self._stream = Stream.of(transport, 'GET', target, headers=headers, timeout_s=timeout_s)
        self._target = target.partition('?')[0]
        self._parser = _frames.Parser()
        self._messages: list[_frames.Message] = []
        self._closing = False

    async def __aenter__(self) -> WebSocket:
        await self._stream.__aenter__()
        try:
            self._check()
        except BaseException:
            await self._stream.__aexit__(None, None, None)
            raise
        self._stream.upgrade()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._closing:
                await self._send(_frames.CLOSE, (1000).to_bytes(2, 'big'))
        except ConnectionFailed:
            pass  # it is gone: as good as closed
        finally:
            await self._stream.__aexit__(kind, error, at)

    async def receive(self) -> bytes | None:
        """Return the next message, None when the server has closed. Raises ConnectionFailed where it just breaks."""
        while True:
            while self._messages:
                kind, payload = self._messages.pop(0)
                if kind in (_frames.BINARY, _frames.TEXT):
                    return payload
                if kind == _frames.PING:
                    await self._send(_frames.PONG, payload)
                elif kind == _frames.CLOSE:
                    await self._answer_close(payload)
                    return None
            if self._closing:
                return None
            data = await self._stream.read()
            if not data:
                raise ConnectionFailed(f'{self._target}: the server closed the connection without a word', sent=True)
            try:
                self._messages = self._parser.feed(data)
            except _frames.Broken as error:
                raise ConnectionFailed(f'{self._target}: no WebSocket: {error}', sent=True) from error

    async def send(self, payload: bytes) -> None:
        """Send a binary message; waits while the server takes nothing."""
        await self._send(_frames.BINARY, payload)

    async def _answer_close(self, payload: bytes) -> None:
        if not self._closing:
            self._closing = True
            await self._stream.write(_frames.frame(_frames.CLOSE, payload[:2]))

    async def _send(self, kind: int, payload: bytes) -> None:
        if kind == _frames.CLOSE:
            self._closing = True
        await self._stream.write(_frames.frame(kind, payload))

    def _check(self) -> None:
        headers = self._stream.headers
        expected = base64.b64encode(hashlib.sha1(self._key.encode() + _MAGIC, usedforsecurity=False).digest()).decode()
        self.protocol = headers.get('sec-websocket-protocol', '')
        if self._stream.status != 101 or headers.get('sec-websocket-accept') != expected:
            raise ConnectionFailed(f'{self._target}: the server opens no WebSocket ({self._stream.status})', sent=True)
        if self.protocol and self.protocol not in self._protocols:
            raise ConnectionFailed(
                f'{self._target}: the server speaks {self.protocol}, which was not asked for', sent=True
            )
