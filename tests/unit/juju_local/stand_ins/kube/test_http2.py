"""HTTP/2 before aiohttp's handlers, asked by h2 in the same loop. tests/contract holds it to the real API server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from aiohttp import web
from h2 import config, connection, errors, events
from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _http2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DEADLINE_S = 60


class Client:
    """Sends what it is told to; `room` false: it reads frames, but gives no stream new room."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, window: int = 65535) -> None:
        self.reader, self.writer = reader, writer
        self.frames = connection.H2Connection(config.H2Configuration(header_encoding='utf-8'))
        self.frames.initiate_connection()
        self.frames.update_settings({4: window})
        self.seen: list[events.Event] = []
        self.room = True
        self.push()

    def push(self) -> None:
        self.writer.write(self.frames.data_to_send())

    def ask(self, method: str = 'GET', path: str = '/', *, whole: bool = True, **headers: str) -> int:
        stream = self.frames.get_next_available_stream_id()
        head = {':method': method, ':scheme': 'http', ':authority': 'here', ':path': path, **headers}
        self.frames.send_headers(stream, list(head.items()), end_stream=whole)
        self.push()
        return stream

    async def upload(self, stream: int, body: bytes) -> None:
        while body:
            await self.until(lambda: self.frames.local_flow_control_window(stream))
            size = min(self.frames.local_flow_control_window(stream), self.frames.max_outbound_frame_size)
            self.frames.send_data(stream, body[:size], end_stream=size >= len(body))
            self.push()
            body = body[size:]

    async def fill(self, stream: int) -> None:
        """Send of a body what there is room for, until no more room comes."""
        while room := self.frames.local_flow_control_window(stream):
            self.frames.send_data(stream, bytes(min(room, self.frames.max_outbound_frame_size)))
            self.push()
            if room <= self.frames.max_outbound_frame_size:
                await self.settle()

    async def settle(self) -> None:
        """Wait until the server has done what follows from all that it was sent."""
        for _ in range(2):  # the answer to a ping may be ahead of what follows from the frames before it
            known = self.pings()
            self.frames.ping(bytes(8))
            self.push()
            await self.until(lambda known=known: self.pings() > known)

    def pings(self) -> int:
        return sum(isinstance(event, events.PingAckReceived) for event in self.seen)

    async def until(self, so: Callable[[], Any]) -> Any:
        while not (it := so()):
            data = await asyncio.wait_for(self.reader.read(65536), DEADLINE_S)
            assert data, f'the server closed the connection after {self.seen[-3:]}'
            self.take(data)
        return it

    def take(self, data: bytes) -> None:
        for event in self.frames.receive_data(data):
            self.seen.append(event)
            if self.room and isinstance(event, events.DataReceived):
                self.frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.push()

    def of(self, stream: int, kind: type[events.Event]) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kind) and cast(Any, event).stream_id == stream]

    def body(self, stream: int) -> bytes:
        return b''.join(event.data for event in self.of(stream, events.DataReceived))

    async def answer(self, stream: int) -> tuple[dict[str, str], bytes]:
        await self.until(lambda: self.of(stream, events.StreamEnded))
        return dict(self.of(stream, events.ResponseReceived)[0].headers), self.body(stream)


@contextlib.asynccontextmanager
async def serving(handler: Handler, open_ones: set[_http2.Connection], streams: int) -> AsyncIterator[int]:
    app = web.Application(client_max_size=2**30)
    app.router.add_route('*', '/{path:.*}', handler)
    runner = web.AppRunner(app)
    await runner.setup()
    factory = cast(web.Server, runner.server)
    server = await asyncio.get_running_loop().create_server(
        lambda: _http2.Connection(factory, streams, open_ones), '127.0.0.1', 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for one in list(open_ones):
            one.end()
        server.close()
        await server.wait_closed()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def talking(
    handler: Handler,
    open_ones: set[_http2.Connection] | None = None,
    *,
    window: int = 65535,
    buffer: int = 0,
    streams: int = 250,
) -> AsyncIterator[Client]:
    """Serve, and connect one client; `buffer`: of its socket, if it should be small; `streams`: at once."""
    async with serving(handler, set() if open_ones is None else open_ones, streams) as port:
        raw = socket.socket()
        if buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        raw.connect(('127.0.0.1', port))
        raw.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=raw, limit=max(buffer, 2**12))
        try:
            yield Client(reader, writer, window)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):  # the server closed before it had read all
                await writer.wait_closed()


class Watch:
    """A handler that goes on until it is cancelled."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'event')
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return response


class Flood:
    """A handler that writes as much as it may."""

    def __init__(self, size: int) -> None:
        self.size, self.written = size, 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.path != '/flood':
            return web.Response(text='small')
        response = web.StreamResponse()
        await response.prepare(request)
        while self.written < self.size:
            await response.write(bytes(16384))
            self.written += 16384
        return response


async def hello(request: web.Request) -> web.Response:
    body = await request.read()
    text = f'{request.method} {request.path_qs} {request.host} {len(body)} {hashlib.sha256(body).hexdigest()}'
    return web.Response(text=text, headers={'Retry-After': '7'})


@pytest.mark.asyncio
async def test_a_request_comes_to_its_handler_as_over_http_1_1() -> None:
    async with talking(hello) as client:
        stream = client.ask('POST', '/a%20b?c=d&e=%2F', whole=False, **{'content-type': 'text/plain'})
        await client.upload(stream, b'xyz')
        headers, body = await client.answer(stream)
    assert (headers[':status'], headers['retry-after']) == ('200', '7')
    assert body.decode() == f'POST /a%20b?c=d&e=%2F here 3 {hashlib.sha256(b"xyz").hexdigest()}'


@pytest.mark.asyncio
async def test_the_answer_to_head_has_a_length_and_no_body() -> None:
    async with talking(hello) as client:
        headers, body = await client.answer(client.ask('HEAD'))
    assert int(headers['content-length']) > 0 and body == b''


@pytest.mark.asyncio
async def test_a_reset_stream_cancels_its_handler() -> None:
    watch = Watch()
    async with talking(watch.serve) as client:
        stream = client.ask()
        await client.until(lambda: client.body(stream))
        client.frames.reset_stream(stream, errors.ErrorCodes.CANCEL)
        client.push()
        await asyncio.wait_for(watch.left.wait(), DEADLINE_S)


@pytest.mark.asyncio
async def test_a_client_that_is_gone_cancels_all_its_handlers() -> None:
    watches = {'/a': Watch(), '/b': Watch()}
    open_ones = set[_http2.Connection]()

    async def either(request: web.Request) -> web.StreamResponse:
        return await watches[request.path].serve(request)

    async with talking(either, open_ones) as client:
        streams = [client.ask(path=path) for path in watches]
        await client.until(lambda: all(map(client.body, streams)))
        client.writer.transport.abort()
        for watch in watches.values():
            await asyncio.wait_for(watch.left.wait(), DEADLINE_S)
        assert not open_ones


@pytest.mark.asyncio
async def test_a_server_that_ends_says_so_and_cancels_its_handlers() -> None:
    watch, open_ones = Watch(), set[_http2.Connection]()
    async with talking(watch.serve, open_ones) as client:
        stream = client.ask()
        await client.until(lambda: client.body(stream))
        for one in list(open_ones):
            one.end()
        said = await client.until(lambda: [e for e in client.seen if isinstance(e, events.ConnectionTerminated)])
        assert (said[0].error_code, said[0].last_stream_id) == (errors.ErrorCodes.NO_ERROR, stream)
        await asyncio.wait_for(watch.left.wait(), DEADLINE_S)


@pytest.mark.asyncio
async def test_what_is_no_http2_is_told_so_and_closed() -> None:
    async with talking(hello) as client:
        client.writer.write(b'\0' * 100)
        said = await client.until(lambda: [e for e in client.seen if isinstance(e, events.ConnectionTerminated)])
        assert said[0].error_code != errors.ErrorCodes.NO_ERROR
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(client.reader.read(), DEADLINE_S) == b''


@pytest.mark.asyncio
async def test_a_reader_without_room_holds_up_its_own_handler_only() -> None:
    flood = Flood(2**20)
    async with talking(flood.serve) as client:
        client.room = False
        stream = client.ask(path='/flood')
        await client.until(lambda: len(client.body(stream)) == 65535)
        client.room = True
        for _ in range(3):
            client.frames.increment_flow_control_window(10_000)
            assert (await client.answer(client.ask()))[1] == b'small'
        assert flood.written <= 65535 + 65536 + 16384
        client.frames.acknowledge_received_data(65535, stream)
        client.push()
        assert len((await client.answer(stream))[1]) == 2**20


@pytest.mark.asyncio
async def test_a_socket_that_is_full_holds_up_the_handlers() -> None:
    flood = Flood(24 * 2**20)
    async with talking(flood.serve, window=2**31 - 1, buffer=4096) as client:
        client.frames.increment_flow_control_window(2**30)
        stream = client.ask(path='/flood')
        await client.until(lambda: client.body(stream))
        for _ in range(3000):  # what is not held up goes on meanwhile
            await asyncio.sleep(0)
        assert flood.written < flood.size
        client.frames.reset_stream(stream)
        client.push()


@pytest.mark.asyncio
async def test_a_connection_without_room_holds_up_its_streams_until_it_has_some() -> None:
    async def big(_: web.Request) -> web.Response:
        return web.Response(body=bytes(50_000))

    async with talking(big) as client:
        client.room = False
        streams = [client.ask(), client.ask()]
        await client.until(lambda: sum(len(client.body(stream)) for stream in streams) == 65535)
        client.frames.increment_flow_control_window(65535)
        client.push()
        assert [len((await client.answer(stream))[1]) for stream in streams] == [50_000] * 2


@pytest.mark.asyncio
async def test_a_body_that_is_read_late_comes_whole() -> None:
    begin = asyncio.Event()

    async def late(request: web.Request) -> web.Response:
        await begin.wait()
        return await hello(request)

    body = bytes(range(256)) * 8192
    async with talking(late) as client:
        stream = client.ask('POST', whole=False)
        await client.until(lambda: client.frames.local_flow_control_window(stream) > 65535)
        sending = asyncio.create_task(client.upload(stream, body))
        while client.frames.local_flow_control_window(stream):
            await asyncio.sleep(0)
        begin.set()
        await sending
        assert (await client.answer(stream))[1].decode().endswith(hashlib.sha256(body).hexdigest())


@pytest.mark.asyncio
async def test_the_room_of_a_body_that_was_never_read_is_free_again() -> None:
    async with talking(Watch().serve, streams=1) as client:
        for _ in range(4):
            stream = client.ask('POST', whole=False)
            await client.until(lambda stream=stream: client.frames.local_flow_control_window(stream) > 100_000)
            await client.fill(stream)
            client.frames.reset_stream(stream)
            client.push()


@pytest.mark.asyncio
async def test_a_handler_that_fails_ends_its_stream_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(request: web.Request) -> web.StreamResponse:
        if request.path == '/begun':
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b'half')
        raise ZeroDivisionError

    async with talking(failing) as client:
        headers, _ = await client.answer(client.ask())
        assert headers[':status'] == '500'
        begun = client.ask(path='/begun')
        reset = (await client.until(lambda: client.of(begun, events.StreamReset)))[0]
        assert reset.error_code == errors.ErrorCodes.INTERNAL_ERROR
        assert (await client.answer(client.ask()))[0][':status'] == '500'
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError] * 3


@pytest.mark.asyncio
async def test_a_connection_of_thousands_of_requests_keeps_nothing_of_them() -> None:
    open_ones = set[_http2.Connection]()
    async with talking(hello, open_ones) as client:
        for _ in range(30):
            streams = [client.ask() for _ in range(100)]
            await client.until(lambda streams=streams: all(client.of(s, events.StreamEnded) for s in streams[-1:]))
            for stream in streams:
                await client.answer(stream)
            client.seen.clear()
        (one,) = open_ones
        assert len(one.frames.streams) <= 100
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, _http2.Stream)]


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 200_000), max_size=6), window=st.integers(1000, 200_000))
def test_an_answer_comes_whole_in_whatever_pieces_it_is_written_and_allowed(sizes: list[int], window: int) -> None:
    chunks = [bytes([65 + number]) * size for number, size in enumerate(sizes)]

    async def pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        return response

    async def ask() -> bytes:
        async with talking(pieces, window=window) as client:
            return (await client.answer(client.ask()))[1]

    assert asyncio.run(ask()) == b''.join(chunks)
