"""A server that does to each request what its script says next, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.listening import listening

Step = Callable[['Request', asyncio.StreamWriter], Coroutine[Any, Any, None]]


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int  # the how-manieth one it came by

    @property
    def path(self) -> str:
        return self.target.partition('?')[0]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    port: int = 0
    scheme: str = 'http'
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f'{self.scheme}://127.0.0.1:{self.port}'


def raw(*pieces: bytes, close: bool = False) -> Step:
    """Send these bytes, piece by piece."""

    async def step(request: Request, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.close()

    return step


def answer(status: int = 200, body: object = None, *, close: bool = False, **headers: str) -> Step:
    """Send a JSON document."""
    content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    lines = ''.join(f'{name.replace("_", "-")}: {text}\r\n' for name, text in headers.items())
    head = f'HTTP/1.1 {status} x\r\nContent-Length: {len(content)}\r\n{lines}\r\n'
    return raw(head.encode() + content, close=close)


def status(code: int, reason: str, message: str = 'm', **headers: str) -> Step:
    """Send a Kubernetes Status."""
    document = {'kind': 'Status', 'status': 'Failure', 'code': code, 'reason': reason, 'message': message}
    return answer(code, document, **headers)


def lines(*documents: object, end: bool = True) -> Step:
    """Send a watch: a chunk for each document, and the end unless the connection is to break there."""
    head = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    texts = [json.dumps(document).encode() + b'\n' for document in documents]
    chunks = [b'%x\r\n%b\r\n' % (len(text), text) for text in texts]
    return raw(head, *chunks, *([b'0\r\n\r\n'] if end else []), close=not end)


async def reset(request: Request, writer: asyncio.StreamWriter) -> None:
    """Close without a word."""
    writer.transport.abort()


async def silence(request: Request, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(3600)


def leap(seconds: float = 1000.0) -> None:
    """Put the running loop's clock forward: what ends by then ends now, however slow the machine is."""
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds  # type: ignore[method-assign]


async def too_late(request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer when nobody waits any more."""
    leap()
    await silence(request, writer)


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until it holds; fail after half a minute."""
    for _ in range(30_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError('it never came to that')


@contextlib.asynccontextmanager
async def scripted(*steps: Step, last: Step | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve; `last` is done to every request after the steps."""
    server, script = Server(scheme='https' if tls else 'http'), iter(steps)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = server.connections
        server.connections += 1
        server.open.add(writer)
        try:
            while not writer.is_closing():
                request = await _read(reader, number)
                server.requests.append(request)
                await (next(script, last) or answer(500, {'message': 'the script is over'}))(request, writer)
        finally:
            server.open.discard(writer)

    async with listening(serve, tls) as server.port:
        yield server


async def _read(reader: asyncio.StreamReader, connection: int) -> Request:
    head = (await reader.readuntil(b'\r\n\r\n')).decode().split('\r\n')
    method, target, _ = head[0].split(' ')
    pairs = (line.partition(':') for line in head[1:] if line)
    headers = {name.lower(): text.strip() for name, _, text in pairs}
    body = await reader.readexactly(int(headers.get('content-length', '0')))
    return Request(method, target, headers, body, connection)
