"""The HTTP side of the stand-in: one aiohttp server, its faults, stopping and starting again on the same port."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from tests.listening import accepted

from . import _access
from ._access import Token
from ._api import Answer, Api, Call
from ._faults import Fault, Faults
from ._scheduler import Program, Scheduler
from ._state import EVENT_BUFFER, State, new_id
from ._streams import Streams
from ._wire import Refused


class NomadStandIn:
    """A Nomad agent that is server and client in one, as `nomad agent -dev` is.

    Args:
        images: what the docker driver's images do; others end at once (batch) or never (service).
        tokens: ACL tokens; ACLs are off without any.
        pace: the length in seconds of one second of Nomad's own delays (restart, reschedule, health, heartbeat).
        tls: served with this context; client certificates are asked for when it says so.
        nodes: names of the client nodes, all in the datacenter of the agent.
    """

    def __init__(
        self,
        *,
        images: Mapping[str, Program] | None = None,
        tokens: tuple[Token, ...] = (),
        pace: float = 0.01,
        tls: ssl.SSLContext | None = None,
        region: str = 'global',
        datacenter: str = 'dc1',
        nodes: tuple[str, ...] = ('client-1',),
        event_buffer: int = EVENT_BUFFER,
    ) -> None:
        self.images = dict(images or {})
        self.tokens = {token.secret: token for token in tokens}
        self.tls = tls
        self.faults = Faults()
        self.requests: list[str] = []  # 'METHOD path?query' of all that were received
        self.port = 0
        self.state = State(event_buffer)
        self.scheduler = Scheduler(self.state, self.images, pace)
        self.api = Api(self.state, self.scheduler, region, datacenter)
        self.streams = Streams(self.state, self.scheduler, pace)
        self._connections: set[asyncio.Transport] = set()
        self._handlers: set[asyncio.Task[object]] = set()
        self._runner: web.AppRunner | None = None
        self._furnish(datacenter, nodes)

    def _furnish(self, datacenter: str, nodes: tuple[str, ...]) -> None:
        default = {'Name': 'default', 'Description': 'Default shared namespace', 'Quota': ''}
        self.state.put('namespaces', ('default',), default, 'NamespaceUpserted')
        for name in nodes:
            node_id = new_id()
            row = {
                'ID': node_id,
                'Name': name,
                'Datacenter': datacenter,
                'NodeClass': '',
                'NodePool': 'default',
                'Address': '127.0.0.1',
                'Version': '1.9.0',
                'Drain': False,
                'Status': 'ready',
                'StatusDescription': '',
                'SchedulingEligibility': 'eligible',
                'Attributes': {'unique.hostname': f'{name}.example', 'kernel.name': 'linux'},
                'NodeResources': {'Cpu': {'CpuShares': 4000}, 'Memory': {'MemoryMB': 8192}},
            }
            self.state.put('nodes', (node_id,), row, 'NodeRegistration')

    @property
    def endpoint(self) -> str:
        return f'127.0.0.1:{self.port}'

    async def __aenter__(self) -> NomadStandIn:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self.scheduler.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=16 << 20)
        app.router.add_route('*', '/{path:.*}', self._handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=0.1,
            handler_cancellation=True,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, '127.0.0.1', self.port, ssl_context=self.tls, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop serving; every connection is reset, what was registered stays and goes on running."""
        if self._runner is not None:
            await accepted()
            for site in list(self._runner.sites):
                await site.stop()
            await accepted()
        for transport in list(self._connections):
            _reset(transport)
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for _ in range(10):  # what served the connections that were reset ends within the next turns of the loop
            await asyncio.sleep(0)

    async def restart(self, *, index: int | None = None) -> None:
        """Come back on the same port: with an empty event buffer, and if wanted the index of an older snapshot."""
        await self.stop()
        self.state.events.clear()
        if index is not None:
            self.state.index = index
            for table in self.state.tables.values():
                table.index = min(table.index, index)
                for row in table.rows.values():
                    row['ModifyIndex'] = min(row['ModifyIndex'], index)
        await self.start()

    # requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        transport, task = request.transport, asyncio.current_task()
        if task is not None:
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        if isinstance(transport, asyncio.Transport):
            self._connections.add(transport)
        self.requests.append(f'{request.method} {request.path_qs}')
        fault = self.faults.take(request.method, request.path)
        try:
            return await self._answer(request, fault)
        except (ConnectionError, asyncio.TimeoutError):
            return web.Response(status=500, text='connection lost')
        finally:
            if transport is None or transport.is_closing():
                self._connections = {one for one in self._connections if not one.is_closing()}

    async def _answer(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        if fault and fault.kind == 'reset before':
            return self._drop(request)
        if fault and fault.kind == 'slow':
            await asyncio.sleep(fault.delay_s)
        if fault and fault.kind == 'refused':
            return web.Response(status=fault.status, text=fault.text, headers=fault.headers)
        try:
            call = Call(
                request.method,
                request.path,
                request.query,
                request.query.getall('topic', []),
                await request.read(),
                _access.of(self.tokens, _secret(request)),
            )
            stream = self.streams.open(call) if request.method == 'GET' else None
            if stream is not None:
                return await self._stream(request, stream, fault)
            if call.path.startswith('/v1/client/fs/ls/'):
                answer = await self.streams.list_files(call, call.path.removeprefix('/v1/client/fs/ls/'))
            else:
                answer = await self.api.answer(call)
        except Refused as refusal:
            return web.Response(status=refusal.status, text=refusal.reason, headers=refusal.headers)
        if fault and fault.kind == 'reset after':
            return self._drop(request)
        if fault and fault.kind == 'refused after':
            return web.Response(status=fault.status, text=fault.text, headers=fault.headers)
        return await self._send(request, answer, cut=fault is not None and fault.kind == 'truncated')

    def _drop(self, request: web.Request) -> web.Response:
        if isinstance(request.transport, asyncio.Transport):
            _reset(request.transport)
        return web.Response()

    async def _send(self, request: web.Request, answer: Answer, *, cut: bool) -> web.StreamResponse:
        headers = {'X-Nomad-KnownLeader': 'true', 'X-Nomad-LastContact': '0', **answer.headers}
        if answer.index:
            headers['X-Nomad-Index'] = str(answer.index)
        if answer.value is None:
            return web.Response(headers=headers)
        body = json.dumps(answer.value).encode()
        headers['Content-Type'] = 'application/json'
        if 'gzip' in request.headers.get('Accept-Encoding', ''):
            body = gzip.compress(body, 1)
            headers['Content-Encoding'] = 'gzip'
        if not cut:
            return web.Response(body=body, headers=headers)
        response = web.StreamResponse(headers={**headers, 'Content-Length': str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        await asyncio.sleep(0.01)  # let the half arrive before the reset takes it back
        self._drop(request)
        return response

    async def _stream(
        self, request: web.Request, pieces: AsyncIterator[bytes], fault: Fault | None
    ) -> web.StreamResponse:
        left = fault.cut_after if fault and fault.kind == 'cut' else None
        response = web.StreamResponse(headers={'Content-Type': 'application/json'})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece if left is None else piece[:left])
            left = None if left is None else max(left - len(piece), 0)
            if left == 0:
                await asyncio.sleep(0.01)
                self._drop(request)
                break
        return response


def _secret(request: web.Request) -> str:
    bearer = request.headers.get('Authorization', '').removeprefix('Bearer ').strip()
    return request.headers.get('X-Nomad-Token') or bearer


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection so that its peer sees a reset, not an end."""
    sock = transport.get_extra_info('socket')
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    transport.abort()
