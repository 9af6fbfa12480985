"""WebSockets, against aiohttp's."""

from __future__ import annotations

import itertools

import pytest
from aioclustermanager import _http
from aioclustermanager._http import Transport, _frames
from aioclustermanager._http._websocket import WebSocket
from aiohttp import WSMsgType, web
from hypothesis import given
from hypothesis import strategies as st


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_twice_changes_nothing(payload: bytes, mask: bytes) -> None:
    assert _frames.masked(_frames.masked(payload, mask), mask) == payload


def unmasked(kind: int, payload: bytes, *, last: bool = True) -> bytes:
    framed = bytearray(_frames.frame(kind, payload, b'\0\0\0\0'))
    head = {126: 4, 127: 10}.get(framed[1] & 0x7F, 2)
    framed[1] &= 0x7F
    framed[0] = kind | (0x80 if last else 0)
    return bytes(framed[:head] + framed[head + 4 :])


@given(st.lists(st.binary(max_size=70_000), max_size=4), st.lists(st.integers(0, 200_000), max_size=6))
def test_messages_are_the_same_however_their_bytes_are_cut(payloads: list[bytes], places: list[int]) -> None:
    data = b''.join(
        unmasked(_frames.BINARY, payload[:5], last=False)
        + unmasked(_frames.PING, b'p')
        + unmasked(_frames.CONTINUATION, payload[5:])
        for payload in payloads
    )
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    parser = _frames.Parser()
    messages = [m for a, b in itertools.pairwise(edges) for m in parser.feed(data[a:b])]
    assert [m.payload for m in messages if m.kind == _frames.BINARY] == payloads


@pytest.mark.parametrize('data', [b'\x82\x81abcda', b'\xc2\x00', b'\x80\x00', b'\x82\x7f' + b'\xff' * 8])
def test_what_no_server_may_send_is_refused(data: bytes) -> None:
    with pytest.raises(_frames.Broken):
        _frames.Parser().feed(data)


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=('two',))
    await socket.prepare(request)
    await socket.ping(b'there?')
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            if message.data == b'bye':
                await socket.close()
                break
            await socket.send_bytes(message.data)
    return socket


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
async def test_messages_go_there_and_back() -> None:
    app = web.Application()
    app.router.add_get('/echo', echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    port = runner.addresses[0][1]
    async with Transport(f'http://127.0.0.1:{port}') as transport:
        async with WebSocket(transport, '/echo', ('one', 'two')) as socket:
            assert socket.protocol == 'two'
            for payload in (b'', b'x', b'y' * 125, b'z' * 126, b'a' * 65536, b'b' * 1_000_000):
                await socket.send(payload)
                assert await socket.receive() == payload
            await socket.send(b'bye')
            assert await socket.receive() is None
        async with WebSocket(transport, '/echo', ('two',)) as socket:
            await socket.send(b'left in the middle')
        with pytest.raises(_http.NotFound):
            async with WebSocket(transport, '/nowhere'):
                pass
    await runner.cleanup()
