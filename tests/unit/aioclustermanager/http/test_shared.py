"""What clients of one process have in common."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager import _http
from aioclustermanager._http import Limits, Pace, Shared, Tls, Transport

from tests.contract import _certificates
from tests.unit.aioclustermanager.scripted import Request, Step, answer, eventually, raw, scripted, silence

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures('no_leaks')]


class Lookups:
    """A name server: what `getaddrinfo` of the loop answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.answer: list[str] | OSError = ['127.0.0.1']
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, 'getaddrinfo', self._getaddrinfo)

    async def _getaddrinfo(self, host: str, port: object, **more: Any) -> list[Any]:
        self.asked.append(host)
        await self.may_answer.wait()
        if isinstance(self.answer, OSError):
            raise self.answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, '', (each, 0)) for each in self.answer]


async def test_a_name_is_looked_up_once_for_all_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups, shared = Lookups(monkeypatch), Shared()
    async with scripted(last=answer()) as server:
        url = f'http://hub.example:{server.port}'
        transports = [Transport(url, shared=shared) for _ in range(5)]
        await asyncio.gather(*(each.request('GET', '/') for each in transports))
        assert (lookups.asked, server.connections) == (['hub.example'], 5)
        for each in transports:
            await each.close()
    await shared.close()


async def test_while_the_name_server_is_away_the_last_answer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups, shared = Lookups(monkeypatch), Shared()
    assert await shared.names.addresses('hub.example') == ('127.0.0.1',)
    monkeypatch.setattr('aioclustermanager._http._names._FRESH_S', -1.0)
    lookups.answer = socket.gaierror('away')
    assert await shared.names.addresses('hub.example') == ('127.0.0.1',)
    await eventually(lambda: len(lookups.asked) == 2)
    assert await shared.names.addresses('hub.example') == ('127.0.0.1',)
    with pytest.raises(OSError, match='away'):
        await shared.names.addresses('other.example')
    await shared.close()


async def test_one_name_that_is_never_answered_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups, shared = Lookups(monkeypatch), Shared()
    lookups.may_answer.clear()
    stuck = asyncio.ensure_future(shared.names.addresses('stuck.example'))
    await eventually(lambda: bool(lookups.asked))
    lookups.may_answer = asyncio.Event()
    lookups.may_answer.set()
    assert await shared.names.addresses('hub.example') == ('127.0.0.1',)
    assert not stuck.done()
    await shared.close()
    await asyncio.gather(stuck, return_exceptions=True)


async def test_the_next_address_is_tried_and_a_name_where_nobody_answers_is_asked_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lookups, shared = Lookups(monkeypatch), Shared()
    async with scripted(last=answer()) as server:
        lookups.answer = ['127.0.0.2', '127.0.0.1']  # the server is at the second one
        async with Transport(f'http://hub.example:{server.port}', shared=shared) as transport:
            await transport.request('GET', '/')
        lookups.answer = ['127.0.0.2']
        async with Transport(f'http://moved.example:{server.port}', shared=shared) as transport:
            with pytest.raises(_http.ConnectionFailed, match=r'moved\.example'):
                await transport.request('GET', '/', repeat=_http.Repeat.NEVER)
            lookups.answer = ['127.0.0.1']
            await transport.request('GET', '/')
    await shared.close()


async def test_contexts_are_one_where_trust_is_equal_and_go_with_the_last_that_uses_them(tmp_path: Path) -> None:
    (tmp_path / 'one').mkdir()
    (tmp_path / 'two').mkdir()
    one, two = (Path(_certificates.Authority(tmp_path / name).path).read_bytes() for name in ('one', 'two'))
    shared = Shared()
    first, same, other = shared.context(Tls(ca=one)), shared.context(Tls(ca=one)), shared.context(Tls(ca=two))
    assert first is same
    assert other is not first
    (tmp_path / 'ca').write_bytes(one)
    of_file = shared.context(Tls(ca_file=str(tmp_path / 'ca')))
    assert shared.context(Tls(ca_file=str(tmp_path / 'ca'))) is of_file
    (tmp_path / 'ca').write_bytes(two + two)
    assert shared.context(Tls(ca_file=str(tmp_path / 'ca'))) is not of_file
    del first, same, other, of_file
    assert len(shared._contexts) == 0


async def test_requests_of_all_clients_count_together_and_watches_until_they_are_open() -> None:
    shared = Shared(Pace(at_once=2))
    opened = raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    async with scripted(opened, silence, silence, last=answer()) as server:
        transports = [Transport(server.url, shared=shared) for _ in range(4)]
        async with transports[0].stream('GET', '/watch'):
            stuck = [asyncio.ensure_future(each.request('GET', '/stuck')) for each in transports[1:3]]
            await eventually(lambda: len(server.requests) == 3)
            waiting = asyncio.ensure_future(transports[3].request('GET', '/waits'))
            with pytest.raises(_http.DeadlineExceeded, match='turn'):
                await transports[0].request('GET', '/late', timeout_s=0.05)
            assert [each.target for each in server.requests] == ['/watch', '/stuck', '/stuck']
            stuck[0].cancel()
            assert (await waiting).status == 200
        stuck[1].cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        for each in transports:
            await each.close()
    await shared.close()


@pytest.mark.parametrize('head', [b'Content-Length: 5000', b'Transfer-Encoding: chunked'])
async def test_an_answer_without_end_is_broken_off_and_not_asked_for_again(head: bytes) -> None:
    body = b'7d0\r\n' + b'x' * 2000 + b'\r\n' if b'chunked' in head else b'x' * 2000
    step = raw(b'HTTP/1.1 200 OK\r\n' + head + b'\r\n\r\n' + body, body[:1000])
    async with (
        scripted(last=step) as server,
        Transport(server.url, limits=Limits(answer_bytes=1500)) as transport,
    ):
        with pytest.raises(_http.AnswerTooLong, match='GET /x: the answer is longer than 1500 bytes'):
            await transport.request('GET', '/x')
        assert len(server.requests) == 1


async def test_a_line_of_a_watch_without_end_is_broken_off() -> None:
    step = raw(b'HTTP/1.1 200 OK\r\n\r\none\ntwo', b'x' * 2000, b'x' * 2000)
    async with (
        scripted(step) as server,
        Transport(server.url, limits=Limits(answer_bytes=1500)) as transport,
        transport.stream('GET', '/x') as stream,
    ):
        lines: list[bytes] = []
        with pytest.raises(_http.AnswerTooLong, match='a line is longer than 1500 bytes'):
            async for some in stream.lines():
                lines += some
        assert lines == [b'one']


def saying(number: int, server: Any, shared: Shared, **more: Any) -> Transport:
    return Transport(server.url, shared=shared, authentication=_http.bearer(f'token-{number}'), **more)


def after(may_answer: asyncio.Event) -> Step:
    """Answer once the event is set."""

    async def step(request: Request, writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        await answer()(request, writer)

    return step


async def test_clients_of_one_server_share_its_connections_each_with_its_own_token() -> None:
    shared = Shared()
    async with scripted(last=answer()) as server:
        clients = [saying(number, server, shared) for number in range(5)]
        for client in clients:
            await client.request('GET', '/')
        assert server.connections == 1 and [client.connections for client in clients] == [1] * 5
        assert [each.headers['authorization'] for each in server.requests] == [f'Bearer token-{n}' for n in range(5)]
        for client in clients:
            assert len(server.open) == 1, 'the last one closes it'
            await client.close()
        await eventually(lambda: not server.open)
    await shared.close()


async def test_a_client_that_is_closed_takes_its_own_calls_with_it_and_nobody_elses() -> None:
    shared, may_answer = Shared(), asyncio.Event()
    async with scripted(last=after(may_answer)) as server:
        leaves, stays = saying(0, server, shared), saying(1, server, shared)
        calls = [asyncio.ensure_future(each.request('POST', '/')) for each in (leaves, stays)]
        await eventually(lambda: len(server.requests) == 2)
        await leaves.close()
        with pytest.raises(_http.ConnectionFailed):
            await calls[0]
        with pytest.raises(_http.ConnectionFailed, match='were closed'):
            await leaves.request('POST', '/')
        may_answer.set()
        assert (await calls[1]).status == 200
        await stays.close()
    await shared.close()


async def test_each_client_may_have_as_many_connections_as_its_limit_says() -> None:
    shared, may_answer = Shared(), asyncio.Event()
    async with scripted(last=after(may_answer)) as server:
        clients = [saying(number, server, shared, limits=Limits(connections=2)) for number in range(3)]
        calls = [asyncio.ensure_future(client.request('GET', '/')) for client in clients for _ in range(4)]
        await eventually(lambda: len(server.requests) == 6)
        may_answer.set()
        await asyncio.gather(*calls)
        assert server.connections == 6
        for client in clients:
            await client.close()
    await shared.close()


async def test_who_shows_another_certificate_has_connections_of_his_own(tmp_path: Path) -> None:
    authority, shared = _certificates.Authority(tmp_path), Shared()
    for name in ('server', 'north', 'south'):
        authority.issue(name, name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.path))
    context.load_cert_chain(tmp_path / 'server.crt', tmp_path / 'server.key')
    context.verify_mode = ssl.CERT_REQUIRED
    names: list[str] = []

    async def who(request: Any, writer: asyncio.StreamWriter) -> None:
        subject = dict(each[0] for each in writer.get_extra_info('ssl_object').getpeercert()['subject'])
        names.append(subject['commonName'])
        await answer()(request, writer)

    class Renewed(_http.Authentication):
        name = 'south'

        async def grant(self) -> _http.Grant:
            return _http.Grant(certificate=pair(self.name), expires=0.0)

    def pair(name: str) -> _http.ClientCertificate:
        return _http.ClientCertificate((tmp_path / f'{name}.crt').read_bytes(), (tmp_path / f'{name}.key').read_bytes())

    def client(name: str, **more: Any) -> Transport:
        tls = Tls(ca=authority.path.read_bytes(), client=pair(name))
        return Transport(server.url, tls=tls, shared=shared, **more)

    async with scripted(last=who, tls=context) as server:
        renewed = Renewed()
        clients = [client('north'), client('north'), client('south'), client('north', authentication=renewed)]
        for each in clients:
            await each.request('GET', '/')
        assert (names, server.connections) == (['north', 'north', 'south', 'south'], 2)
        renewed.name = 'north'
        await clients[3].request('GET', '/')
        assert (names[4:], server.connections) == (['north'], 2)
        for each in clients:
            await each.close()
    await shared.close()
