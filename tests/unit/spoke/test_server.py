"""The HTTPS server of an agent, in the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import pytest
from aioclustermanager.kubernetes import Client, resources
from spoke import _gate, _server
from spoke._hub_standin import _hub

from tests.contract import _certificates


def no_metrics() -> str:
    return ''


@pytest.mark.asyncio
async def test_a_connection_that_comes_while_the_server_ends_is_not_left_open() -> None:
    """Between the two steps in which asyncio accepts it: the third turn of the loop."""
    gate = _gate.Gate(cast('Client', None), is_open=True)
    async with _server.Server('127.0.0.1:0', {}, no_metrics, gate) as server:
        client = socket.create_connection(('127.0.0.1', server.port))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    client.close()
    await asyncio.sleep(0.05)
    gc.collect()  # of a socket that is still open it would warn, and warnings are errors


@pytest.mark.asyncio
async def test_other_authorities_count_from_when_they_are_heard_of_and_those_before_no_longer(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, '_LOOK_S', 0.05)
    monkeypatch.setattr(_server, '_ASK_S', 0.0)
    pairs, bodies = [], []
    for name in ('before', 'after'):
        (tmp_path / name).mkdir()
        authority = _certificates.Authority(tmp_path / name)
        pairs.append(authority.issue('client', 'somebody', ('system:masters',)))
        bodies.append({'data': {'client-ca-file': authority.path.read_text()}})
    where = 'extension-apiserver-authentication', 'kube-system'
    await _hub.make(world.spoke, resources.CONFIG_MAPS, {'metadata': {'name': where[0]}}, where[1])
    await world.spoke.patch(resources.CONFIG_MAPS, where[0], bodies[0], where[1])
    async with _server.Server('127.0.0.1:0', {}, no_metrics, _gate.Gate(world.spoke)) as server:
        port = server.port
        await world.until(lambda: answers(port, pairs[0]))
        assert not await answers(port, pairs[1])
        await world.spoke.patch(resources.CONFIG_MAPS, where[0], bodies[1], where[1])
        await world.until(lambda: answers(port, pairs[1]))
        assert not await answers(port, pairs[0])
    await world.spoke.patch(
        resources.CONFIG_MAPS, where[0], {'data': {'client-ca-file': world.spoke_cluster.ca.decode()}}, where[1]
    )


async def answers(port: int, pair: tuple[Path, Path]) -> bool:
    """Tell whether the figures are given to who shows a certificate."""
    context = ssl._create_unverified_context()  # noqa: S323  (a certificate it made itself)
    context.load_cert_chain(*pair)
    try:
        reader, writer = await asyncio.open_connection('127.0.0.1', port, ssl=context)
    except OSError:
        return False
    try:
        writer.write(b'GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n')
        return (await reader.readline()).startswith(b'HTTP/1.1 200')
    except OSError:
        return False
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.parametrize('line', ['GET //[ HTTP/1.1', 'GET', 'GET / / /', '\xff\xfe \0 \0'])
async def test_a_request_that_is_none_is_answered_with_400_or_405(line: str, caplog: pytest.LogCaptureFixture) -> None:
    gate = _gate.Gate(cast('Client', None), is_open=True)
    context = ssl._create_unverified_context()  # noqa: S323  (a certificate it made itself)
    async with _server.Server('127.0.0.1:0', {}, no_metrics, gate) as server:
        reader, writer = await asyncio.open_connection('127.0.0.1', server.port, ssl=context)
        writer.write(f'{line}\r\n\r\n'.encode('latin-1'))
        assert (await reader.read()).split(b'\r\n')[0] in (
            b'HTTP/1.1 400 Bad Request',
            b'HTTP/1.1 405 Method Not Allowed',
        )
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    assert caplog.text == ''
