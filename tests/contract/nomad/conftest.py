"""The Nomad that contract tests talk to: the stand-in, or a real agent.

For a real one set CONTRACT_NOMAD (http://127.0.0.1:4646 of `nomad agent -dev`, which offers raw_exec) and, if it has
ACLs, CONTRACT_NOMAD_TOKEN, a management token. What breaks connections has a stand-in of its own in any case.
"""

from __future__ import annotations

import asyncio
import gc
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aioclustermanager._http import Retries
from aioclustermanager.nomad import Client

from tests.nomad_stand_in import NomadStandIn, Program

IMAGES = {
    'endless': Program(run_for_s=None),
    'quick': Program(stdout=b'done\n'),
    'broken': Program(stderr=b'no\n', exit_code=3),
    'talks': Program(stdout=b'0123456789abcdef\n', run_for_s=0.4, repeat=8),
}
QUICK = Retries(attempts=8, first_s=0.005, longest_s=0.05)


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[NomadStandIn]:
    """A stand-in, for what no real agent does on demand."""
    async with NomadStandIn(images=IMAGES) as nomad:
        yield nomad


@pytest_asyncio.fixture
async def config(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Any]]:
    """What leads to the Nomad of this run."""
    if address := os.environ.get('CONTRACT_NOMAD'):
        token = os.environ.get('CONTRACT_NOMAD_TOKEN')
        yield {'endpoint': address, **({'token': token} if token else {})}
        return
    async with NomadStandIn(images=IMAGES) as nomad:
        yield {'endpoint': nomad.endpoint}


@pytest_asyncio.fixture
async def client(config: dict[str, Any]) -> AsyncIterator[Client]:
    async with Client(config) as made:
        yield made


@pytest_asyncio.fixture
async def name(client: Client) -> AsyncIterator[str]:
    """The beginning of the IDs of a test's jobs, which are purged after it."""
    prefix = f't{uuid.uuid4().hex[:8]}'
    yield prefix
    for stub in [stub async for stub in client.jobs.items(prefix)]:
        await client.jobs.stop(stub['ID'], purge=True)


@pytest_asyncio.fixture
async def faulty(stand_in: NomadStandIn) -> AsyncIterator[Client]:
    """A client of the stand-in that does not wait long between its tries."""
    async with Client({'endpoint': stand_in.endpoint}, retries=QUICK) as made:
        yield made


@pytest_asyncio.fixture(autouse=True)
async def no_leaks() -> AsyncIterator[None]:
    """A test leaves no task running."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f'tasks still run: {left}'


@pytest.fixture(scope='module', autouse=True)
def no_sockets() -> Iterator[None]:
    """Tests leave no socket open: ResourceWarnings are errors. (To look after each test takes longer than the test.)"""
    yield
    gc.collect()
