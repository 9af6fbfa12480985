"""Many requests on one connection of HTTP/2, with a server that may misbehave."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager import _http
from aioclustermanager._http import (
    AnswerTooLong,
    ClientCertificate,
    ConnectionFailed,
    DeadlineExceeded,
    Fixed,
    Grant,
    InvalidConfiguration,
    Limits,
    NotFound,
    Repeat,
    Retries,
    Shared,
    Tls,
    Transport,
    _multiplexed,
)
from aioclustermanager._http._websocket import WebSocket
from aiohttp import WSMsgType, web
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract._certificates import Authority
from tests.unit.aioclustermanager.http.test_tls import proxy, server_context
from tests.unit.aioclustermanager.scripted import answer, eventually, leap, scripted
from tests.unit.aioclustermanager.scripted_http2 import Act, Ask, serving

pytestmark = pytest.mark.usefixtures('no_leaks')
QUICK = Retries(attempts=3, first_s=0.001, longest_s=0.002)
MIB = 1024 * 1024


@pytest.fixture(scope='module')
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp('pki'))
    made.issue('server', 'server')
    made.issue('client', 'somebody')
    return made


class World:
    """`serve(act)` and `client(url)`, ended with the test."""

    def __init__(self, authority: Authority, stack: AsyncExitStack) -> None:
        self.authority, self.stack = authority, stack

    def context(self) -> ssl.SSLContext:
        context = server_context(self.authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    async def serve(self, act: Act, **settings: int) -> Any:
        values = {SettingCodes[name.upper()]: value for name, value in settings.items()}
        return await self.stack.enter_async_context(serving(act, self.context(), values))

    async def client(self, url: str, **more: Any) -> Transport:
        given = {'tls': Tls(ca=self.authority.path.read_bytes()), 'retries': QUICK, 'http2': True} | more
        return await self.stack.enter_async_context(Transport(url, **given))


@pytest.fixture
def world(authority: Authority) -> World:
    return World(authority, AsyncExitStack())


def lived(world: World, test: Any) -> None:
    """Run a test's coroutine; whatever it entered is left before the loop ends, clients before servers."""

    async def live() -> None:
        async with world.stack:
            await test()

    asyncio.run(live())


async def said(ask: Ask) -> None:
    """Answer with what was asked."""
    await ask.whole.wait()
    await ask.answer({'method': ask.method, 'path': ask.path, 'body': ask.body.decode(), 'number': ask.number})


def test_a_token_is_in_no_log_whatever_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def test() -> None:
        server = await world.serve(said)
        client = await world.client(server.url, authentication=Fixed('Authorization', 'Bearer of-the-secret'))
        for _ in range(2):
            await client.request('GET', '/')
        assert server.chosen == ['h2']

    lived(world, test)
    assert caplog.records
    assert 'of-the-secret' not in caplog.text


def test_requests_and_watches_at_once_share_one_connection(world: World) -> None:
    async def act(ask: Ask) -> None:
        if 'watch' not in ask.path:
            await said(ask)
            return
        ask.head()
        for line in (b'one\n', b'two\n'):
            await ask.data(line)
            await ask.connection.heard()

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url)

        async def watch(number: int) -> list[bytes]:
            seen: list[bytes] = []
            async with client.stream('GET', f'/watch/{number}') as stream:
                async for lines in stream.lines():
                    seen += lines
                    await client.request('GET', f'/heard/{number}/{len(seen)}')
                    if len(seen) == 2:
                        break
            return seen

        watched = asyncio.gather(*(watch(number) for number in range(9)))
        asked = await asyncio.gather(*(client.request('GET', f'/{number}?x=y') for number in range(40)))
        assert [each.json()['path'] for each in asked] == [f'/{number}?x=y' for number in range(40)]
        assert await watched == [[b'one', b'two']] * 9
        assert (len(server.connections), client.connections, server.chosen) == (1, 1, ['h2'])

    lived(world, test)


def test_a_request_is_what_it_is_over_http_1(world: World) -> None:
    async def test() -> None:
        server = await world.serve(said)
        client = await world.client(
            f'{server.url}/prefix', authentication=Fixed('Authorization', 'Bearer x'), user_agent='me'
        )
        sent = await client.request('POST', '/a', b'\x00body', content_type='text/x', headers={'X-Y': 'z'})
        assert sent.json()['body'] == '\x00body' and sent.header('Content-Type') == ''
        assert server.asks[0].fields == {
            ':method': 'POST', ':scheme': 'https', ':authority': f'127.0.0.1:{server.port}', ':path': '/prefix/a',
            'accept': 'application/json', 'user-agent': 'me', 'authorization': 'Bearer x', 'x-y': 'z',
            'content-type': 'text/x', 'content-length': '5',
        }  # fmt: skip

    lived(world, test)


def test_a_server_that_speaks_http_1_only_is_spoken_to_so(world: World) -> None:
    async def test() -> None:
        steps = scripted(last=answer(200, {'a': 1}), tls=world.context())
        server = await world.stack.enter_async_context(steps)
        client = await world.client(server.url, limits=Limits(connections=3))
        assert (await client.request('GET', '/')).json() == {'a': 1}
        await asyncio.gather(*(client.request('GET', f'/{number}') for number in range(20)))
        assert 1 <= server.connections <= 3

    lived(world, test)


def test_refusals_come_with_their_kind_and_their_headers(world: World) -> None:
    async def act(ask: Ask) -> None:
        await ask.answer({'message': 'gone'}, 404, retry_after='7')

    async def test() -> None:
        client = await world.client((await world.serve(act)).url)
        with pytest.raises(NotFound) as caught:
            await client.request('GET', '/x')
        assert caught.value.header('Retry-After') == '7'
        with pytest.raises(NotFound):
            async with client.stream('GET', '/x'):
                pass

    lived(world, test)


def test_a_watch_that_nobody_reads_holds_up_no_other(world: World) -> None:
    async def act(ask: Ask) -> None:
        if ask.path == '/stalled':
            ask.head()
            await ask.data(b'x' * 5 * MIB, end=True)
        elif ask.path == '/long':
            ask.head()
            await ask.data(b'y' * 20 * MIB, end=True)
        else:
            await said(ask)

    async def test() -> None:
        client = await world.client((await world.serve(act)).url)
        async with AsyncExitStack() as stack:
            stalled = [await stack.enter_async_context(client.stream('GET', '/stalled')) for _ in range(8)]
            assert len((await client.request('GET', '/long')).body) == 20 * MIB
            assert (await client.request('GET', '/x')).status == 200
            for stream in stalled:
                assert sum([len(piece) async for piece in stream]) == 5 * MIB

    lived(world, test)


@pytest.mark.parametrize('window', [1, 1000, 2**31 - 1])
def test_a_body_goes_out_as_the_server_takes_it(world: World, window: int) -> None:
    async def test() -> None:
        client = await world.client((await world.serve(said, initial_window_size=window)).url)
        body = b'abcdefghij' * (10 if window == 1 else 30_000)
        answers = await asyncio.gather(*(client.request('PUT', f'/{each}', body) for each in range(3)))
        assert all(each.json()['body'].encode() == body for each in answers)

    lived(world, test)


def test_a_server_may_answer_before_it_has_the_whole_body(world: World) -> None:
    async def act(ask: Ask) -> None:
        await (ask.answer(None, 404) if ask.method == 'PUT' else said(ask))

    async def test() -> None:
        client = await world.client((await world.serve(act, initial_window_size=10)).url)
        for _ in range(5):
            with pytest.raises(NotFound):
                await client.request('PUT', '/x', b'x' * 100_000)
        assert (await client.request('GET', '/x')).status == 200
        assert client.connections == 1

    lived(world, test)


@pytest.mark.parametrize(('code', 'again'), [(ErrorCodes.REFUSED_STREAM, True), (ErrorCodes.INTERNAL_ERROR, False)])
def test_what_a_server_certainly_did_not_do_is_asked_again(world: World, code: ErrorCodes, again: bool) -> None:
    async def act(ask: Ask) -> None:
        await ask.whole.wait()
        if ask.number == 1:
            ask.refuse(code)
        else:
            await said(ask)

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url)
        if again:
            assert (await client.request('POST', '/x', b'{}')).status == 200
        else:
            with pytest.raises(ConnectionFailed, match=r'broke the answer off \(INTERNAL_ERROR\)') as caught:
                await client.request('POST', '/x', b'{}')
            assert caught.value.sent
            assert (await client.request('POST', '/x', b'{}')).status == 200
        assert len(server.connections) == 1

    lived(world, test)


def test_a_server_that_goes_away_finishes_its_answers_and_the_rest_goes_elsewhere(world: World) -> None:
    async def act(ask: Ask) -> None:
        if ask.connection.number == 0:
            if ask.number == 1:
                ask.head()
                await ask.data(b'before\n')
                await asyncio.sleep(0.01)
                ask.connection.go_away(1)
                await asyncio.sleep(0.01)
                await ask.data(b'after\n', end=True)
            return
        await said(ask)

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url)
        async with client.stream('GET', '/first') as stream:
            later = asyncio.ensure_future(client.request('POST', '/later', b'x'))  # above the last one: not carried out
            assert b''.join([piece async for piece in stream]) == b'before\nafter\n'
        assert (await later).json()['body'] == 'x'
        assert (await client.request('GET', '/more')).status == 200
        assert len(server.connections) == 2
        await eventually(lambda: client.connections == 1)

    lived(world, test)


def test_a_connection_that_breaks_fails_all_that_was_under_way(world: World) -> None:
    async def act(ask: Ask) -> None:
        if ask.path == '/cut':
            ask.connection.cut()
        elif ask.path == '/watch':
            ask.head()
        elif ask.connection.number:
            await said(ask)

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url)
        async with client.stream('GET', '/watch') as stream:
            post = asyncio.ensure_future(client.request('POST', '/post', b'x'))
            get = asyncio.ensure_future(client.request('GET', '/get'))
            await eventually(lambda: len(server.asks) == 3)
            with pytest.raises(ConnectionFailed):
                await client.request('GET', '/cut', repeat=Repeat.NEVER)
            with pytest.raises(ConnectionFailed):
                await stream.read()
        with pytest.raises(ConnectionFailed) as caught:
            await post
        assert caught.value.sent
        assert (await get).json()['path'] == '/get'

    lived(world, test)


def test_a_call_that_takes_too_long_is_called_off_alone(world: World) -> None:
    async def act(ask: Ask) -> None:
        if ask.path == '/watch':
            ask.head()
            while True:
                await ask.data(b'line\n')
                await asyncio.sleep(0.005)

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url)
        async with client.stream('GET', '/watch') as stream:
            with pytest.raises(DeadlineExceeded, match='GET /slow: the server did not answer in time'):
                await client.request('GET', '/slow', timeout_s=0.05)
            cancelled = asyncio.ensure_future(client.request('GET', '/slow'))
            await eventually(lambda: len(server.asks) == 3)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            assert await stream.read()
            await eventually(lambda: [each.reset for each in server.asks[1:]] == [ErrorCodes.CANCEL] * 2)
        assert len(server.connections) == 1

    lived(world, test)


def test_a_server_that_says_nothing_any_more_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_multiplexed, '_PONG_S', 0.05)
    dead = asyncio.Event()

    async def test() -> None:
        async def act(ask: Ask) -> None:
            if ask.connection.number == 0:
                if ask.path == '/watch':
                    ask.head()
                else:
                    ask.connection.flush = lambda: None  # type: ignore[method-assign]  # it does not even answer a PING
                    dead.set()
                    leap()
            else:
                await said(ask)

        server = await world.serve(act)
        client = await world.client(server.url)
        async with client.stream('GET', '/watch') as stream:
            with pytest.raises(DeadlineExceeded):
                await client.request('GET', '/x', timeout_s=60)
            assert dead.is_set()
            assert (await client.request('POST', '/x', b'y')).json()['body'] == 'y'  # elsewhere, at once
            with pytest.raises(ConnectionFailed, match='has said nothing, being asked'):
                await stream.read()
        assert len(server.connections) == 2

    lived(world, test)


def test_a_slow_server_that_is_there_keeps_its_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_multiplexed, '_PONG_S', 30.0)

    async def act(ask: Ask) -> None:
        if ask.path == '/watch':
            ask.head()
        elif ask.path != '/slow':
            await said(ask)

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url)
        async with client.stream('GET', '/watch'):
            with pytest.raises(DeadlineExceeded):
                await client.request('GET', '/slow', timeout_s=0.05)
            await client.request('GET', '/x')
            await eventually(lambda: server.connections[0].frames.open_inbound_streams == 1)
            assert (await client.request('GET', '/x')).status == 200
        assert len(server.connections) <= 2

    lived(world, test)


def test_no_more_is_asked_at_once_than_the_server_allows(world: World) -> None:
    most = 0

    async def act(ask: Ask) -> None:
        nonlocal most
        most = max(most, ask.connection.frames.open_inbound_streams)
        await asyncio.sleep(0.001)
        await said(ask)

    async def test() -> None:
        server = await world.serve(act, max_concurrent_streams=3)
        client = await world.client(server.url, limits=Limits(connections=2))
        await client.request('GET', '/')  # the server's settings are known then
        await asyncio.gather(*(client.request('GET', f'/{number}') for number in range(30)))
        assert most <= 3 and len(server.connections) <= 2 and len(server.asks) == 31

    lived(world, test)


def test_a_longer_answer_than_is_taken_in_ends_alone(world: World) -> None:
    async def act(ask: Ask) -> None:
        ask.head()
        await ask.data(b'x' * (100 if ask.path == '/short' else MIB), end=True)

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url, limits=Limits(answer_bytes=1000))
        with pytest.raises(AnswerTooLong, match='GET /long: the answer is longer than 1000 bytes'):
            await client.request('GET', '/long')
        assert len((await client.request('GET', '/short')).body) == 100
        assert len(server.connections) == 1

    lived(world, test)


@pytest.mark.parametrize('noise', [b'\0' * 64, b'\0\0\x01\0\0\0\0\0\x63x', b'\0\x40\x01\0' + b'\0' * 0x4006])
def test_what_is_no_http_2_is_said_to_be_none(world: World, noise: bytes) -> None:
    async def act(ask: Ask) -> None:
        ask.connection.raw(noise)

    async def test() -> None:
        client = await world.client((await world.serve(act)).url)
        with pytest.raises(ConnectionFailed, match='does not speak HTTP/2'):
            await client.request('GET', '/', repeat=Repeat.NEVER)

    lived(world, test)


def test_where_nobody_listens_all_who_wait_hear_of_it(world: World) -> None:
    async def test() -> None:
        client = await world.client('https://127.0.0.1:9', retries=Retries(attempts=0))
        failures = await asyncio.gather(*(client.request('GET', '/') for _ in range(5)), return_exceptions=True)
        assert all(isinstance(each, ConnectionFailed) and not each.sent for each in failures)
        assert len({id(each) for each in failures}) == 5

    lived(world, test)


def test_a_new_certificate_means_a_new_connection_and_the_old_one_ends_with_its_watch(world: World) -> None:
    folder = world.authority.folder
    held = ClientCertificate((folder / 'client.crt').read_bytes(), (folder / 'client.key').read_bytes())

    class Changing(_http.Authentication):
        certificate: ClientCertificate | None = None
        renewable = True

        async def grant(self) -> Grant:
            return Grant(certificate=self.certificate, expires=0.0)

    async def act(ask: Ask) -> None:
        if ask.path == '/watch':
            ask.head()
            await ask.data(b'x')
            return
        tls = ask.connection._writer.get_extra_info('ssl_object')
        await ask.answer({'known': bool(tls.getpeercert())})

    async def test() -> None:
        server = await world.serve(act)
        who = Changing()
        client = await world.client(server.url, authentication=who)
        async with client.stream('GET', '/watch') as stream:
            assert (await client.request('GET', '/')).json() == {'known': False}
            who.certificate = held
            assert (await client.request('GET', '/')).json() == {'known': True}
            assert await stream.read() == b'x' and client.connections == 2
        await client.request('GET', '/')
        assert client.connections == 1 and len(server.connections) == 2

    lived(world, test)


def test_a_web_socket_takes_a_connection_of_http_1(world: World) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    async def test() -> None:
        app = web.Application()
        app.router.add_get('/echo', echo)
        runner = web.AppRunner(app)
        await runner.setup()
        world.stack.push_async_callback(runner.cleanup)
        context = world.context()
        context.set_alpn_protocols(['h2', 'http/1.1'])  # it would choose what it cannot speak, were it offered
        await (site := web.TCPSite(runner, '127.0.0.1', 0, ssl_context=context)).start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        client = await world.client(f'https://127.0.0.1:{port}')
        async with WebSocket(client, '/echo') as socket:
            await socket.send(b'hello')
            assert await socket.receive() == b'hello' and client.connections == 1

    lived(world, test)


def test_a_proxy_is_passed_and_sees_one_connection(world: World) -> None:
    async def test() -> None:
        server = await world.serve(said)
        port, heads = await world.stack.enter_async_context(proxy())
        client = await world.client(server.url, proxy=f'http://127.0.0.1:{port}')
        asked = await asyncio.gather(*(client.request('GET', f'/{number}') for number in range(20)))
        assert [each.json()['path'] for each in asked] == [f'/{number}' for number in range(20)]
        assert len(heads) == len(server.connections) == 1

    lived(world, test)


def test_clients_that_share_have_one_connection_until_the_last_is_closed(world: World) -> None:
    async def act(ask: Ask) -> None:
        if ask.path != '/watch':
            await said(ask)
            return
        ask.head()
        while True:
            await ask.data(b'line\n')
            await asyncio.sleep(0.005)

    async def test() -> None:
        server, shared = await world.serve(act), Shared()
        north, south = [await world.client(server.url, shared=shared) for _ in range(2)]
        async with north.stream('GET', '/watch') as watch, south.stream('GET', '/watch') as other:
            assert await watch.read() and await other.read()
            await south.close()
            with pytest.raises(ConnectionFailed):
                while await other.read():
                    pass
            assert await watch.read() and (await north.request('GET', '/')).status == 200
            await eventually(lambda: server.asks[1].reset == ErrorCodes.CANCEL)
        assert len(server.connections) == 1 and north.connections == 1
        await shared.close()

    lived(world, test)


def test_closing_ends_what_is_under_way(world: World) -> None:
    async def act(ask: Ask) -> None:
        if ask.path == '/watch':
            ask.head()

    async def test() -> None:
        server = await world.serve(act)
        client = await world.client(server.url)
        async with client.stream('GET', '/watch') as stream:
            asked = asyncio.ensure_future(client.request('GET', '/'))
            await eventually(lambda: len(server.asks) == 2)
            await client.close()
            with pytest.raises(ConnectionFailed):
                await asked
            with pytest.raises(ConnectionFailed):
                await stream.read()
        with pytest.raises(ConnectionFailed, match='were closed'):
            await client.request('GET', '/', repeat=Repeat.NEVER)
        assert client.connections == 0

    lived(world, test)


def test_thousands_of_requests_leave_nothing_behind_in_the_connection(world: World) -> None:
    async def act(ask: Ask) -> None:
        ask.head(204, end=True)

    async def test() -> None:
        client = await world.client((await world.serve(act)).url)
        for _ in range(10):
            await asyncio.gather(*(client.request('GET', '/') for _ in range(60)))
        (connection,) = client._pool._multiplexed
        assert not connection.streams and not connection._by_number
        assert len(connection._frames._closed_streams) <= _multiplexed._Frames.MAX_CLOSED_STREAMS

    lived(world, test)


def test_an_ssl_context_of_ones_own_is_refused(world: World) -> None:
    with pytest.raises(InvalidConfiguration, match='http2 needs tls as Tls'):
        Transport('https://127.0.0.1:9', tls=ssl.create_default_context(), http2=True)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=3000), st.booleans()), max_size=40))
def test_each_stream_gets_its_own_bytes_in_their_order(
    authority: Authority, script: list[tuple[int, bytes, bool]]
) -> None:
    world = World(authority, AsyncExitStack())

    async def act(ask: Ask) -> None:
        ask.head()
        for number, data, pause in script:
            if ask.path == f'/{number}':
                await ask.data(data)
            if pause:
                await asyncio.sleep(0)
        ask.connection.frames.send_data(ask.number, b'', end_stream=True)
        ask.connection.flush()

    async def test() -> None:
        client = await world.client((await world.serve(act)).url)
        got = await asyncio.gather(*(client.request('GET', f'/{number}') for number in range(4)))
        for number, each in enumerate(got):
            assert each.body == b''.join(data for name, data, _ in script if name == number)

    lived(world, test)


def test_what_h2_brings_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr('aioclustermanager._http._transport.find_spec', lambda name: None)
    with pytest.raises(InvalidConfiguration, match=r'install aioclustermanager\[http2\]'):
        Transport('https://127.0.0.1:9', http2=True)
