"""A proxy between a client and an API server that does to requests and answers what networks and servers do."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import ssl
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

from aioclustermanager._http import _parser

from tests.listening import listening


class Fault(enum.Enum):
    NONE = 'passed on'
    REFUSED = 'the connection is reset before the server sees anything'
    LOST = 'the server acts, and its answer is lost'
    CUT = 'the server acts, and its answer breaks off in the middle'
    SLOW = 'the answer takes its time'
    BUSY = '429, the server does nothing'
    DOWN = '503 with Retry-After, the server does nothing'
    BROKEN = '500, the server does nothing'
    UNSURE = '504, and the server has acted'
    GONE = '410 to a watch or a next page'


_STATUSES = {
    Fault.BUSY: (429, 'TooManyRequests', ''), Fault.DOWN: (503, 'ServiceUnavailable', 'Retry-After: 0\r\n'),
    Fault.BROKEN: (500, 'InternalError', ''), Fault.UNSURE: (504, 'Timeout', ''), Fault.GONE: (410, 'Expired', ''),
}  # fmt: skip
Choose = Callable[[str, str], Fault]
"""What happens to the next request, by method and target."""


class Faulty:
    """`async with faulty(server, context, choose) as proxy`: plain HTTP on this side, TLS on the other."""

    def __init__(self, server: str, context: ssl.SSLContext, choose: Choose) -> None:
        parts = urlsplit(server)
        self.there = (parts.hostname or '', parts.port or 443)
        self.context = context
        self.choose = choose
        self.url = ''
        self.done: list[Fault] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            await self._one(reader, writer)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b'\r\n\r\n')
        method, target, _ = head.split(b'\r\n')[0].decode().split(' ')
        length = _parser.value(head.rstrip(b'\r\n'), b'content-length')
        body = await reader.readexactly(int(length or 0))
        fault = self.choose(method, target)
        self.done.append(fault)
        if fault is Fault.REFUSED:
            writer.transport.abort()
        elif fault in (Fault.BUSY, Fault.DOWN, Fault.BROKEN, Fault.GONE):
            writer.write(_answer(fault))
        elif 'watch=true' in target or 'follow=true' in target:
            await self._stream(head + body, writer, cut=fault in (Fault.CUT, Fault.LOST))
        else:
            await self._whole(head + body, writer, fault)

    async def _whole(self, request: bytes, writer: asyncio.StreamWriter, fault: Fault) -> None:
        answer = b''.join([piece async for piece in self._ask(request)])
        if fault is Fault.LOST:
            writer.transport.abort()
        elif fault is Fault.CUT:
            writer.write(answer[: len(answer) // 2])
            await writer.drain()
            writer.close()
        elif fault is Fault.UNSURE:
            writer.write(_answer(fault))
        else:
            await asyncio.sleep(0.02 if fault is Fault.SLOW else 0)
            writer.write(answer)

    async def _stream(self, request: bytes, writer: asyncio.StreamWriter, *, cut: bool) -> None:
        sent = 0
        async with contextlib.aclosing(self._ask(request)) as answer:
            async for piece in answer:
                writer.write(piece[: len(piece) * 2 // 3] if cut and sent else piece)
                await writer.drain()
                if cut and sent:
                    writer.close()
                    return
                sent += len(piece)

    async def _ask(self, request: bytes) -> AsyncIterator[bytes]:
        reader, writer = await asyncio.open_connection(*self.there, ssl=self.context)
        parser = _parser.Parser()
        try:
            writer.write(request)
            while not parser.complete:
                data = await reader.read(65536)
                if not data:
                    return
                parser.feed(data)
                yield data
        finally:
            writer.transport.abort()


def _answer(fault: Fault) -> bytes:
    code, reason, headers = _STATUSES[fault]
    status = {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure', 'code': code, 'reason': reason}
    body = json.dumps({**status, 'message': f'of the test: {fault.value}'}).encode()
    return f'HTTP/1.1 {code} x\r\n{headers}Content-Length: {len(body)}\r\n\r\n'.encode() + body


@contextlib.asynccontextmanager
async def faulty(server: str, context: ssl.SSLContext, choose: Choose) -> AsyncIterator[Faulty]:
    proxy = Faulty(server, context, choose)
    async with listening(proxy.serve) as port:
        proxy.url = f'http://127.0.0.1:{port}'
        yield proxy
