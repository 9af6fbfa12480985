"""Requests to one server that may misbehave."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aioclustermanager import _http
from aioclustermanager._http import ConnectionFailed, Limits, Repeat, Retries, Transport, _retry

from tests.listening import listening
from tests.unit.aioclustermanager.scripted import (
    Request,
    answer,
    eventually,
    leap,
    raw,
    reset,
    scripted,
    silence,
    too_late,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures('no_leaks')]
QUICK = Retries(attempts=3, first_s=0.001, longest_s=0.002)


async def test_requests_one_after_the_other_share_one_connection() -> None:
    async with scripted(last=answer(200, {'a': 1})) as server, Transport(server.url) as transport:
        for _ in range(5):
            assert (await transport.request('GET', '/x?y=1')).json() == {'a': 1}
        assert server.connections == 1
        asked = server.requests[0]
        assert (asked.method, asked.target) == ('GET', '/x?y=1')
        assert asked.headers['host'] == f'127.0.0.1:{server.port}' and 'accept-encoding' not in asked.headers


async def test_a_body_is_sent_as_it_is_and_none_is_said_to_be_none() -> None:
    async with scripted(last=answer()) as server, Transport(server.url) as transport:
        await transport.request('POST', '/', b'\x00body', content_type='text/x')
        await transport.request('POST', '/')
        with_body, without = server.requests
        assert (with_body.body, with_body.headers['content-type']) == (b'\x00body', 'text/x')
        assert (without.body, without.headers['content-length']) == (b'', '0')


async def test_a_path_before_the_api_is_kept() -> None:
    async with scripted(last=answer()) as server, Transport(f'{server.url}/k8s/clusters/c-1/') as transport:
        await transport.request('GET', '/api')
        assert server.requests[0].target == '/k8s/clusters/c-1/api'


async def test_many_requests_at_once_use_no_more_connections_than_allowed() -> None:
    async with scripted(last=answer()) as server, Transport(server.url, limits=Limits(connections=3)) as transport:
        await asyncio.gather(*(transport.request('GET', f'/{number}') for number in range(40)))
        assert server.connections <= 3 and len({request.target for request in server.requests}) == 40


@pytest.mark.parametrize('fault', [reset, raw(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', close=True)])
async def test_a_get_whose_answer_is_lost_is_sent_again(fault: Any) -> None:
    async with scripted(fault, answer(200, {'a': 1})) as server, Transport(server.url, retries=QUICK) as transport:
        response = await transport.request('GET', '/x')
        assert response.json() == {'a': 1} and response.repeated
        assert len(server.requests) == 2


@pytest.mark.parametrize('fault', [reset, raw(b'HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf', close=True)])
async def test_a_post_whose_answer_is_lost_is_not_sent_again(fault: Any) -> None:
    async with scripted(fault, answer()) as server, Transport(server.url, retries=QUICK) as transport:
        with pytest.raises(
            ConnectionFailed, match=r'POST /x: the (server closed the connection|connection broke)'
        ) as caught:
            await transport.request('POST', '/x', b'{}')
        assert caught.value.sent and len(server.requests) == 1


@pytest.mark.parametrize(('status', 'extra'), [(429, {}), (429, {'Retry_After': '0'}), (503, {'Retry_After': '0'})])
async def test_a_post_that_was_refused_at_the_door_is_sent_again(status: int, extra: dict[str, str]) -> None:
    async with (
        scripted(answer(status, **extra), answer(201)) as server,
        Transport(server.url, retries=QUICK) as transport,
    ):
        response = await transport.request('POST', '/x', b'{}')
        assert response.status == 201 and not response.repeated and len(server.requests) == 2


async def test_a_post_that_failed_inside_the_server_is_sent_again_only_if_the_caller_says_so() -> None:
    async with (
        scripted(answer(500), answer(500), answer(201)) as server,
        Transport(server.url, retries=QUICK) as transport,
    ):
        with pytest.raises(_http.ServerError):
            await transport.request('POST', '/x', b'{}')
        assert (await transport.request('POST', '/x', b'{}', repeat=Repeat.SAFE)).repeated


async def test_what_must_not_be_repeated_is_not() -> None:
    async with scripted(last=answer(429)) as server, Transport(server.url, retries=QUICK) as transport:
        with pytest.raises(_http.TooManyRequests):
            await transport.request('GET', '/', repeat=Repeat.NEVER)
        assert len(server.requests) == 1


async def test_repeats_come_to_an_end_and_the_last_error_tells() -> None:
    async with scripted(last=answer(500, {'no': 'luck'})) as server, Transport(server.url, retries=QUICK) as transport:
        with pytest.raises(_http.ServerError, match=r'GET /x: 500 : .*luck'):
            await transport.request('GET', '/x')
        assert len(server.requests) == 1 + QUICK.attempts


async def test_a_pause_longer_than_the_time_left_is_not_begun() -> None:
    async with scripted(last=answer(429, Retry_After='3600')) as server, Transport(server.url) as transport:
        with pytest.raises(_http.TooManyRequests) as caught:
            await transport.request('GET', '/', timeout_s=30)
        assert caught.value.retry_after_s == 3600 and len(server.requests) == 1


async def test_a_server_that_is_not_there_has_seen_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        async with Transport(f'http://127.0.0.1:{port}', retries=_retry.NONE) as transport:
            with pytest.raises(ConnectionFailed, match=f'cannot connect to 127.0.0.1:{port}') as caught:
                await transport.request('POST', '/', b'{}')
            assert not caught.value.sent and isinstance(caught.value.__cause__, OSError)


async def test_a_call_ends_at_its_deadline_and_its_connection_with_it() -> None:
    async with scripted(too_late, answer()) as server, Transport(server.url) as transport:
        with pytest.raises(_http.DeadlineExceeded, match=r'GET /slow') as caught:
            await transport.request('GET', '/slow', timeout_s=60)
        assert isinstance(caught.value, TimeoutError)
        assert (await transport.request('GET', '/next')).status == 200
        assert server.connections == 2


async def test_a_deadline_ends_all_calls_within_it() -> None:
    async with scripted(answer(), last=too_late) as server, Transport(server.url) as transport:
        with pytest.raises(_http.DeadlineExceeded), _http.deadline(60):
            await transport.request('GET', '/1')
            await transport.request('GET', '/2')
        assert len(server.requests) == 2


async def test_after_the_deadline_nothing_is_sent() -> None:
    async with scripted(last=answer()) as server, Transport(server.url) as transport:
        with _http.deadline(0.0), pytest.raises(_http.DeadlineExceeded) as caught:
            await transport.request('DELETE', '/1')
        assert not caught.value.sent and server.requests == []


async def test_no_more_requests_go_out_than_the_rate_limit_allows() -> None:
    limits = Limits(qps=0.001, burst=2)
    async with scripted(last=answer()) as server, Transport(server.url, limits=limits) as transport:
        await asyncio.gather(transport.request('GET', '/1'), transport.request('GET', '/2'))
        with pytest.raises(
            _http.DeadlineExceeded, match=r'GET /3: the rate limit lets no request out in time'
        ) as caught:
            await transport.request('GET', '/3', timeout_s=5)
        assert not caught.value.sent and len(server.requests) == 2


async def test_waiting_for_a_free_connection_ends_at_the_deadline_too() -> None:
    async with scripted(silence) as server, Transport(server.url, limits=Limits(connections=1)) as transport:
        busy = asyncio.create_task(transport.request('GET', '/busy'))
        await eventually(lambda: server.requests)
        with pytest.raises(_http.DeadlineExceeded, match=r'no connection was free'):
            await transport.request('GET', '/queued', timeout_s=0.05)
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy


async def test_a_cancelled_call_gives_its_place_to_the_next() -> None:
    async with (
        scripted(silence, last=answer()) as server,
        Transport(server.url, limits=Limits(connections=1)) as transport,
    ):
        busy = asyncio.create_task(transport.request('GET', '/busy'))
        await eventually(lambda: server.requests)
        queued = [asyncio.create_task(transport.request('GET', '/queued')) for _ in range(3)]
        await asyncio.sleep(0)
        queued[0].cancel()
        busy.cancel()
        results = await asyncio.gather(busy, *queued, return_exceptions=True)
        assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, True, False, False]


async def test_closing_ends_what_is_under_way() -> None:
    async with scripted(last=silence) as server:
        transport = Transport(server.url, retries=QUICK)
        calls = [asyncio.create_task(transport.request('GET', '/')) for _ in range(3)]
        await eventually(lambda: len(server.requests) >= 3)
        await transport.close()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, ConnectionFailed) for result in results)
        with pytest.raises(ConnectionFailed, match=r'were closed'):
            await transport.request('GET', '/')
        await transport.close()


class Waiting:
    """Credentials that never come."""

    renewable = True

    async def grant(self) -> _http.Grant:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize('phase', ['handshake', 'credentials'])
async def test_closing_fails_a_call_that_is_not_under_way_yet(phase: str) -> None:
    begun = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # the client's first word of TLS, which stays without an answer
        begun.set()
        await reader.read()
        writer.close()

    async with listening(mute) as port:
        url = f'https://127.0.0.1:{port}'
        transport = Transport(url, authentication=Waiting() if phase == 'credentials' else None)
        call = asyncio.create_task(transport.request('GET', '/'))
        await (begun.wait() if phase == 'handshake' else asyncio.sleep(0.01))
        await transport.close()
        with pytest.raises(ConnectionFailed, match=r'the connections to .* were closed') as caught:
            await asyncio.wait_for(call, 60)
        assert not caught.value.sent and not call.cancelled()


async def test_a_connection_the_server_has_closed_is_not_used_again() -> None:
    async with scripted(answer(200, close=True), answer(200)) as server, Transport(server.url) as transport:
        await transport.request('POST', '/1', b'')
        await eventually(lambda: transport._pool._idle[0].lost)
        await transport.request('POST', '/2', b'')
        assert [request.connection for request in server.requests] == [0, 1]


async def test_a_server_that_speaks_out_of_turn_is_left() -> None:
    smuggled = raw(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad')
    async with scripted(smuggled, answer(200, {'good': 1})) as server, Transport(server.url) as transport:
        await transport.request('GET', '/1')
        assert (await transport.request('GET', '/2')).json() == {'good': 1}
        assert server.connections == 2


async def test_a_server_that_speaks_unasked_while_nothing_is_under_way_is_left_too() -> None:
    heard = asyncio.Event()

    async def step(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        await heard.wait()
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad')

    async with scripted(step, answer(200, {'good': 1})) as server, Transport(server.url) as transport:
        await transport.request('GET', '/1')
        heard.set()
        await eventually(lambda: transport._pool._idle[0].lost)
        assert (await transport.request('GET', '/2')).json() == {'good': 1}
        assert server.connections == 2


async def test_a_call_cancelled_at_the_moment_its_turn_comes_passes_it_on() -> None:
    async with scripted(last=answer()) as server, Transport(server.url, limits=Limits(connections=1)) as transport:
        queued: list[asyncio.Task[Any]] = []

        async def first() -> None:
            await transport.request('GET', '/1')
            queued[0].cancel()  # it has been handed the connection, and has not run since

        leading = asyncio.create_task(first())
        await asyncio.sleep(0)
        queued.append(asyncio.create_task(transport.request('GET', '/2')))
        await leading
        with pytest.raises(asyncio.CancelledError):
            await queued[0]
        assert (await transport.request('GET', '/3', timeout_s=10)).status == 200
        assert server.connections == 1


class Rotating:
    renewable = True

    def __init__(self) -> None:
        self.asked = 0

    async def grant(self) -> _http.Grant:
        self.asked += 1
        await asyncio.sleep(0)
        return _http.Grant({'Authorization': f'Bearer t{self.asked}'})


def only(token: str) -> Any:
    async def step(request: Request, writer: asyncio.StreamWriter) -> None:
        ok = request.headers.get('authorization') == f'Bearer {token}'
        await answer(200 if ok else 401)(request, writer)

    return step


async def test_an_expired_token_is_replaced_once_and_by_one_for_all() -> None:
    rotating = Rotating()
    async with scripted(last=only('t1')) as server, Transport(server.url, authentication=rotating) as transport:
        await asyncio.gather(*(transport.request('GET', '/') for _ in range(5)))
        assert rotating.asked == 1
    async with scripted(last=only('t2')) as server, Transport(server.url, authentication=Rotating()) as transport:
        assert (await transport.request('POST', '/', b'{}')).status == 200
        async with transport.stream('GET', '/') as stream:
            assert stream.status == 200
        assert len(server.requests) == 3
    rotating = Rotating()
    async with scripted(last=only('never')) as server, Transport(server.url, authentication=rotating) as transport:
        with pytest.raises(_http.Unauthorized):
            await transport.request('GET', '/')
        assert rotating.asked == 2


async def test_many_refused_at_once_ask_for_one_new_token() -> None:
    """All of them were sent with the old one, and hear of it one after the other."""
    rotating = Rotating()
    async with (
        scripted(last=only('t2')) as server,
        Transport(server.url, authentication=rotating, limits=Limits(connections=4)) as transport,
    ):
        await asyncio.gather(*(transport.request('GET', '/') for _ in range(12)))
        assert rotating.asked == 2


async def test_credentials_that_do_not_come_end_the_call_at_its_deadline() -> None:
    class Stuck(Rotating):
        async def grant(self) -> _http.Grant:
            await asyncio.sleep(3600)
            return _http.Grant()

    async with scripted() as server, Transport(server.url, authentication=Stuck()) as transport:
        with pytest.raises(_http.DeadlineExceeded, match=r'no credentials in time'):
            await transport.request('GET', '/', timeout_s=0.05)


async def test_a_token_file_is_read_again_when_its_token_is_refused(tmp_path: Any) -> None:
    path = tmp_path / 'token'
    path.write_text('old\n')
    async with (
        scripted(last=only('new')) as server,
        Transport(server.url, authentication=_http.TokenFile(str(path))) as transport,
    ):
        with pytest.raises(_http.Unauthorized):
            await transport.request('GET', '/')
        path.write_text('new\n')
        assert (await transport.request('GET', '/')).status == 200
        path.unlink()
        async with Transport(server.url, authentication=_http.TokenFile(str(path))) as late:
            with pytest.raises(_http.InvalidConfiguration, match=f'cannot read the token in {path}: No such file'):
                await late.request('GET', '/')


@pytest.mark.parametrize('target', ['/a b', '/a\r\nX: y', '/ä', '/a\0'])
async def test_a_target_that_is_not_quoted_never_leaves(target: str) -> None:
    async with scripted(last=answer()) as server, Transport(server.url) as transport:
        with pytest.raises(ValueError, match=r'not quoted'):
            await transport.request('GET', target)
        with pytest.raises(ValueError, match=r'line break'):
            await transport.request('GET', '/', headers={'X': f'a\r\n{target}'})
        assert server.requests == []


async def test_a_stream_gives_what_has_arrived_and_then_its_connection_back() -> None:
    chunked = raw(
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', b'4\r\na\nbc\r\n', b'2\r\n\nd\r\n', b'0\r\n\r\n'
    )
    async with scripted(chunked, answer()) as server, Transport(server.url) as transport:
        async with transport.stream('GET', '/') as stream:
            assert [line async for lines in stream.lines() for line in lines] == [b'a', b'bc', b'd']
        await transport.request('GET', '/')
        assert server.connections == 1


async def test_a_stream_that_breaks_says_so() -> None:
    cut = raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na\nbc\r\n', close=True)
    async with scripted(cut) as server, Transport(server.url) as transport, transport.stream('GET', '/') as stream:
        with pytest.raises(ConnectionFailed):
            [piece async for piece in stream]


async def test_a_stream_left_early_is_closed() -> None:
    endless = raw(b'HTTP/1.1 200 OK\r\n\r\n', b'x' * 1000)
    async with scripted(endless, answer()) as server, Transport(server.url) as transport:
        async with transport.stream('GET', '/') as stream:
            await stream.read()
        await transport.request('GET', '/')
        assert server.connections == 2


async def test_a_slow_reader_of_a_stream_makes_the_server_wait() -> None:
    sent = 0

    async def pour(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b'HTTP/1.1 200 OK\r\n\r\n')
        while sent < 64 * 1024 * 1024:
            writer.write(b'x' * 65536)
            await writer.drain()
            sent += 65536
        writer.close()

    async with scripted(pour) as server, Transport(server.url) as transport, transport.stream('GET', '/') as stream:
        await stream.read()
        before = -1
        while sent != before:  # until the server stands still
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 64 * 1024 * 1024
        received = 0
        while piece := await stream.read():
            received += len(piece)
        assert received + 65536 * 40 > 64 * 1024 * 1024


async def test_an_error_of_a_stream_is_raised_with_its_body() -> None:
    async with scripted(answer(403, {'why': 'so'})) as server, Transport(server.url) as transport:
        with pytest.raises(_http.Forbidden, match=r'so'):
            async with transport.stream('GET', '/'):
                pass


async def test_a_stream_without_a_word_ends_after_its_idle_time() -> None:
    head = raw(b'HTTP/1.1 200 OK\r\n\r\n', b'first')
    async with (
        scripted(head) as server,
        Transport(server.url) as transport,
        transport.stream('GET', '/', idle_s=60) as stream,
    ):
        assert await stream.read() == b'first'
        asyncio.get_running_loop().call_soon(leap)
        with pytest.raises(_http.DeadlineExceeded):
            await stream.read()


@pytest.mark.parametrize(
    'server', ['10.0.0.1:6443', 'ftp://x', 'https://', 'https://x:99999', 'https://x/?a=b', 'https://h:port']
)
async def test_a_server_that_is_no_url_is_refused_before_any_connection(server: str) -> None:
    with pytest.raises(_http.InvalidConfiguration, match=r'server'):
        Transport(server)
