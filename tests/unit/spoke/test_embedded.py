"""An agent in a program that has clients, caches and a recorder of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import spoke
from aioclustermanager.kubernetes import Client, resources
from spoke import _wire
from spoke._running import together


class Heard:
    """A recorder."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def event(self, reason: str, message: str) -> None:
        self.reasons.append(reason)

    warning = event


async def has_capacity(world: Any, cpu: str) -> bool:
    return bool((await world.cluster())['status'].get('capacity', {}).get('cpu') == cpu)


@pytest.mark.asyncio
async def test_an_agent_runs_on_the_caches_of_its_host_and_tells_the_host_s_recorder(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    where, config, recorder = world.spoke_cluster.configuration(), world.config(), Heard()
    node: dict[str, Any] = {'metadata': {'name': f'{world.name}-node'}, 'status': {'capacity': {'cpu': '3'}}}
    await world.spoke.create(resources.NODES, node)
    async with Client(where) as client:
        nodes, claims = (spoke.Following(client, each, config.intervals) for each in (resources.NODES, _wire.CLAIMS))
        agent = config.run_spoke_agent_with_spoke_informers(where, where, client, nodes, claims, recorder)
        task = asyncio.ensure_future(together(nodes.run(), claims.run(), agent))
        world.tasks.append(task)
        await world.joined()
        await world.until(lambda: has_capacity(world, '3'))
        patch = {'status': {'capacity': {'cpu': '5'}}}
        await world.spoke.patch(resources.NODES, node['metadata']['name'], patch, subresource='status')
        await world.until(lambda: has_capacity(world, '5'))
        await world.stop(task)
    assert {'CSRCreated', 'ClientCertificateCreated', 'HubClientConfigReady'} <= set(recorder.reasons)
    events = [each async for each in world.spoke.items(resources.EVENTS, world.namespace)]
    assert events == []
