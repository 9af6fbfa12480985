"""The HTTPS server of an agent, in the test's own loop."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import cast

import pytest
from aioclustermanager.kubernetes import Client
from spoke import _gate, _server


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
