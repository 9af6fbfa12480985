"""The load balancer's proxy, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.listening import listening


@pytest.fixture
def proxy(machine: Callable[[str], Any]) -> Any:
    return machine('kubeapi-load-balancer').module('proxy')


@contextlib.asynccontextmanager
async def backend(name: str) -> AsyncIterator[int]:
    """Serve a name to whoever has said something and stopped."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read()
        writer.write(name.encode() + b' ' + said)
        writer.close()

    async with listening(answer) as port:
        yield port


@contextlib.asynccontextmanager
async def serving(proxy: Any, path: Path) -> AsyncIterator[int]:
    pool = proxy.Pool(path)
    async with listening(lambda reader, writer: proxy.serve(pool, reader, writer)) as port:
        yield port


async def ask(port: int, text: str = 'hello') -> str:
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(text.encode())
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer.decode()


def point(path: Path, *ports: int) -> None:
    temporary = path.with_suffix('.new')
    temporary.write_text(json.dumps([['127.0.0.1', port] for port in ports]))
    temporary.replace(path)


async def closed_port() -> int:
    async with backend('gone') as port:
        return port


@pytest.mark.asyncio
async def test_connections_go_to_the_servers_in_turn(proxy: Any, tmp_path: Path) -> None:
    path = tmp_path / 'backends.json'
    async with backend('a') as a, backend('b') as b, serving(proxy, path) as port:
        point(path, a, b)
        answers = [await ask(port) for _ in range(4)]
    assert sorted(answers) == ['a hello', 'a hello', 'b hello', 'b hello']


@pytest.mark.asyncio
async def test_a_dead_server_costs_no_client_its_connection(proxy: Any, tmp_path: Path) -> None:
    path = tmp_path / 'backends.json'
    async with backend('a') as a, serving(proxy, path) as port:
        point(path, await closed_port(), a)
        assert {await ask(port) for _ in range(4)} == {'a hello'}


@pytest.mark.asyncio
async def test_servers_can_change_while_it_runs(proxy: Any, tmp_path: Path) -> None:
    path = tmp_path / 'backends.json'
    async with backend('a') as a, backend('b') as b, serving(proxy, path) as port:
        point(path, a)
        assert await ask(port) == 'a hello'
        point(path, b)
        assert await ask(port) == 'b hello'
        path.write_text('{')  # nonsense changes nothing
        assert await ask(port) == 'b hello'


@pytest.mark.asyncio
async def test_without_a_server_the_client_is_let_go_at_once(proxy: Any, tmp_path: Path) -> None:
    async with serving(proxy, tmp_path / 'none.json') as port:
        assert await ask(port, '') == ''


@pytest.mark.asyncio
async def test_a_large_answer_arrives_whole(proxy: Any, tmp_path: Path) -> None:
    path = tmp_path / 'backends.json'
    async with backend('a') as a, serving(proxy, path) as port:
        point(path, a)
        assert await ask(port, 'x' * 1_000_000) == 'a ' + 'x' * 1_000_000


@pytest.mark.asyncio
async def test_a_client_learns_that_its_server_was_lost(proxy: Any, tmp_path: Path) -> None:
    async def die(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info('socket').setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        writer.transport.abort()

    path = tmp_path / 'backends.json'
    async with listening(die) as dying, serving(proxy, path) as port:
        point(path, dying)
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 60) == b''
        writer.close()


def test_a_server_found_dead_is_tried_last_for_a_while(proxy: Any, tmp_path: Path) -> None:
    now = [0.0]
    path = tmp_path / 'backends.json'
    point(path, 1, 2, 3)
    pool = proxy.Pool(path, clock=lambda: now[0])
    pool.failed(('127.0.0.1', 2))
    assert [pool.candidates()[-1][1] for _ in range(3)] == [2, 2, 2]
    now[0] = proxy.AVOID_S + 1
    assert {pool.candidates()[0][1] for _ in range(3)} == {1, 2, 3}
