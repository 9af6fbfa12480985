"""The lease of the leader in virtual time: how soon and how often it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from aioclustermanager.kubernetes import Client, resources
from spoke import _wire
from spoke._certificates import utc_now
from spoke._leader import LOCK, Leader, Times
from spoke._running import stopped

from tests.unit.spoke.simulated import servers
from tests.unit.spoke.simulated.base import configuration
from tests.unit.spoke.test_simulated import in_memory

TIMES = Times(timedelta(seconds=137), timedelta(seconds=107), timedelta(seconds=26))  # the defaults


def told(folder: Path, talk: Callable[[Client, Callable[[str], Leader]], Awaitable[None]]) -> list[str]:
    """Let `talk` make leaders, by their namespace; returns what they asked the server."""
    asked: list[str] = []

    async def run(server: servers.Server) -> None:
        server.told = lambda _, user, request: asked.append(request) if user == 'agent' else None
        loop = asyncio.get_running_loop()
        async with Client(configuration(server)) as admin, Client(configuration(server, servers.AGENT)) as client:
            await talk(admin, lambda namespace: Leader(client, namespace, 'me', TIMES, monotonic=loop.time))

    in_memory(folder, run)
    return asked


def test_an_agent_leads_within_ten_seconds_of_its_namespace_being_made(tmp_path: Path) -> None:
    names = [f'late-{number}' for number in range(5)]

    async def talk(admin: Client, leader: Callable[[str], Leader]) -> None:
        leaders = {name: leader(name) for name in names}
        waiting = [asyncio.ensure_future(each.acquire()) for each in leaders.values()]
        try:
            await asyncio.sleep(300)
            for name, each in leaders.items():
                assert not each.is_leading
                await admin.create(resources.NAMESPACES, {'metadata': {'name': name}})
                await asyncio.sleep(10.1)
                assert each.is_leading, f'{name} is there, and nobody leads in it'
        finally:
            await stopped(*waiting)

    asked = told(tmp_path, talk)
    at_most = 2 * 350 / 5  # a look and a try, at least five seconds apart but for the first few
    assert all(sum(name in each for each in asked) < at_most for name in names)


def test_while_somebody_else_leads_the_lease_is_looked_at_as_seldom_as_by_gos_agent(tmp_path: Path) -> None:
    async def talk(admin: Client, leader: Callable[[str], Leader]) -> None:
        spec: dict[str, Any] = {'holderIdentity': 'you', 'leaseDurationSeconds': 3600}
        lock = {'metadata': {'name': LOCK}, 'spec': {**spec, 'renewTime': _wire.micro_time(utc_now())}}
        await admin.create(resources.LEASES, lock, 'default')
        waiting = asyncio.ensure_future(leader('default').acquire())
        await asyncio.sleep(600)
        await stopped(waiting)

    assert 600 / 57.2 <= len(told(tmp_path, talk)) <= 1 + 600 / 26
