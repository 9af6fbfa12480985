"""The door of a hub through which agents see its faults: HTTPS in front of the API server, one request a connection.

Who asks is kept: a bearer token passes through, and for a client certificate one with the same subject is made, by the
authority that the API server trusts. Speaks as much HTTP as clients of Kubernetes do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import ssl
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from aioclustermanager.kubernetes import Configuration, Tls
from cryptography import x509

from .._running import stopped
from ._faults import Faults
from ._signer import Signer

_log = logging.getLogger(__name__)
_LIMIT = 64 * 1024
_PIECE = 64 * 1024
_LIFE = timedelta(days=1)
_RETRY_AFTER_S = 1
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Front:
    """`async with front:` listens; `use(faults)` at any time. `upstream` is trusted as its `tls` says."""

    def __init__(self, listen: str, upstream: Configuration, signer: Signer) -> None:
        """listen: HOST:PORT, a port of 0 for a free one."""
        host, _, port = listen.rpartition(':')
        self._host, self._port = host, int(port)
        self._upstream = urlsplit(upstream.server)
        self._tls = upstream.tls if isinstance(upstream.tls, Tls) else Tls()
        self._signer = signer
        self._contexts: dict[bytes, ssl.SSLContext] = {}
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._faults = Faults()
        self._turn = asyncio.Lock()

    @property
    def url(self) -> str:
        return f'https://{self._host}:{self._port}'

    async def __aenter__(self) -> Front:
        """Raises OSError when the address cannot be had."""
        self._serving = self._context(self._signer.serving(self._host, _LIFE), ssl.PROTOCOL_TLS_SERVER)
        self._serving.verify_mode = ssl.CERT_OPTIONAL
        self._serving.load_verify_locations(cadata=self._signer.pem.decode('ascii'))
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        async with self._turn:
            await self._close()

    async def use(self, faults: Faults) -> None:
        """Fail like this from now on; connections that could not have been opened then are cut."""
        async with self._turn:
            before, self._faults = self._faults, faults
            if faults.down and self._server:
                await self._close()
            elif not faults.down and not self._server:
                await self._listen()
            elif faults != before and (faults.gone or faults.silent or faults.refuse):
                await self._cut()

    async def cut(self) -> None:
        """Cut every connection, as a hub does that is started again."""
        async with self._turn:
            await self._cut()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._connected, self._host, self._port, ssl=self._serving, limit=_LIMIT
        )
        self._port = int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server:
            await asyncio.sleep(0.001)  # what was accepted just now would be left open
            server.close()
        await self._cut()
        if server:
            await server.wait_closed()

    async def _cut(self) -> None:
        await stopped(*self._open)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve((reader, writer)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, client: Streams) -> None:
        reader, writer = client
        try:
            head = await reader.readuntil(b'\r\n\r\n')
            await self._answer(head, client)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _log.debug('front: %s', error)
        finally:
            writer.transport.abort()

    async def _answer(self, head: bytes, client: Streams) -> None:
        faults, (_, writer) = self._faults, client
        if faults.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(faults.slow.total_seconds())
        method, _, target = head.split(b'\r\n', 1)[0].decode('latin-1').rpartition(' ')[0].partition(' ')
        if faults.refuse:
            await _write(writer, faults.refuse, _status(faults.refuse, 'Fault', f'a fault was asked for: {method}'))
        elif faults.gone and 'watch=true' in target:
            event = {'type': 'ERROR', 'object': _status(410, 'Expired', 'too old resource version: a fault')}
            await _write(writer, 200, event)
        else:
            await self._pass(head, client)

    async def _pass(self, head: bytes, client: Streams) -> None:
        """Hand a request on, and the answer back until it ends."""
        reader, writer = client
        lines = [line for line in head.split(b'\r\n')[:-2] if not line.lower().startswith(b'connection:')]
        host, port = str(self._upstream.hostname), self._upstream.port or 443
        opened = await asyncio.open_connection(host, port, ssl=self._as(writer), server_hostname=host)
        try:
            opened[1].write(b'\r\n'.join([*lines, b'Connection: close', b'', b'']))
            body = asyncio.ensure_future(_copy(reader, opened[1]))
            try:
                await _copy(opened[0], writer)
            finally:
                await stopped(body)
        finally:
            opened[1].transport.abort()

    def _as(self, writer: asyncio.StreamWriter) -> ssl.SSLContext:
        """Return a context that says to the API server who the client is."""
        tls: Any = writer.get_extra_info('ssl_object')
        found = tls.getpeercert(binary_form=True) or b''
        if found not in self._contexts:
            if len(self._contexts) > 1000:
                self._contexts.clear()
            pair = self._signer.same(x509.load_der_x509_certificate(found), _LIFE) if found else (b'', b'')
            context = self._context(pair, ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cafile=self._tls.ca_file or None, cadata=self._tls.ca.decode('ascii') or None)
            self._contexts[found] = context
        return self._contexts[found]

    @staticmethod
    def _context(pair: tuple[bytes, bytes], protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if pair[0]:
            descriptor = os.memfd_create('pair', os.MFD_CLOEXEC)  # OpenSSL wants a file; memory can be one
            with os.fdopen(descriptor, 'wb') as file:
                file.write(b''.join(pair))
                file.flush()
                context.load_cert_chain(f'/proc/self/fd/{descriptor}')
        return context


async def _copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        to.write(piece)
        await to.drain()


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Failure', 'code': code, 'reason': reason,
        'message': message,
    }  # fmt: skip


async def _write(writer: asyncio.StreamWriter, code: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode() + b'\n'
    again = f'Retry-After: {_RETRY_AFTER_S}\r\n' if code in (429, 503) else ''
    head = f'HTTP/1.1 {code} Fault\r\nContent-Type: application/json\r\n{again}Content-Length: {len(body)}\r\n'
    writer.write(f'{head}Connection: close\r\n\r\n'.encode('ascii') + body)
    await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()
