"""The stand-ins under the simulation answer as what they stand for: the same calls, in memory and through sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Configuration, Retries, resources
from spoke import _wire

from tests.unit.spoke.simulated import servers
from tests.unit.spoke.simulated.base import configuration, made_base, virtual
from tests.unit.spoke.simulated.loop import PROCESS, Loop, Process, Stuck
from tests.unit.spoke.test_certificates import authority

Call = Callable[[], Awaitable[Any]]


async def _said(call: Call) -> str:
    """Return what a call came to: the kind of the object, or of the error."""
    try:
        return str((await call()).get('kind'))
    except kubernetes.Error as error:
        return type(error).__name__


async def conversation(hub: Client, nobody: Client, cluster: str) -> list[Any]:
    """Say what an agent and its hub say to an API server; returns what came of it."""
    found: list[Any] = []
    body: dict[str, Any] = {'metadata': {'name': cluster}, 'spec': {'hubAcceptsClient': False}}
    made = await hub.create(_wire.MANAGED_CLUSTERS, body)
    events = hub.watch(_wire.MANAGED_CLUSTERS, fields={'metadata.name': cluster})
    found.append(made['spec']['leaseDurationSeconds'])
    found.append(await _said(lambda: hub.create(_wire.MANAGED_CLUSTERS, body)))
    found.append(await _said(lambda: hub.create(_wire.MANAGED_CLUSTERS, {**body, 'spec': {'hubAcceptsClient': 1}})))
    found.append(await _said(lambda: hub.create(_wire.MANAGED_CLUSTERS, {'metadata': {'name': f'{cluster}-x'}})))
    status = {'metadata': {'resourceVersion': '1'}, 'status': {'version': {'kubernetes': 'v1.20.2'}}}
    found.append(await _said(lambda: _patch(hub, cluster, status, 'status')))
    status['metadata'] = {'resourceVersion': made['metadata']['resourceVersion']}
    found.append((await _patch(hub, cluster, status, 'status'))['status'])
    found.append((await _patch(hub, cluster, {'spec': {'taints': []}, 'status': {}}))['status'])
    await _patch(hub, cluster, {'metadata': {'finalizers': ['example.com/wait'], 'labels': {'a': 'b'}}})
    found.append(await _said(lambda: hub.delete(_wire.MANAGED_CLUSTERS, cluster)))
    found.append(bool((await hub.get(_wire.MANAGED_CLUSTERS, cluster))['metadata'].get('deletionTimestamp')))
    await _patch(hub, cluster, {'metadata': {'finalizers': None}})
    found.append(await _said(lambda: hub.get(_wire.MANAGED_CLUSTERS, cluster)))
    found.append(await _said(lambda: nobody.get(_wire.MANAGED_CLUSTERS, cluster)))
    found.append(await _said(lambda: nobody.create(resources.SECRETS, {'metadata': {'name': 's'}}, 'default')))
    pem = _wire.encoded(b'no request')
    request = {'metadata': {'generateName': f'{cluster}-'}, 'spec': {'request': pem, 'usages': ['client auth']}}
    found.append(await _said(lambda: hub.create(_wire.CSRS, request)))
    found.append(await _said(lambda: _gone(hub)))
    await hub.create(_wire.MANAGED_CLUSTERS, body)
    async for event in events:
        found.append((event.type, event.object['metadata']['name'] == cluster))
        break
    await events.aclose()
    await hub.delete(_wire.MANAGED_CLUSTERS, cluster)
    return found


async def _patch(hub: Client, cluster: str, patch: dict[str, Any], subresource: str = '') -> Any:
    return await hub.patch(_wire.MANAGED_CLUSTERS, cluster, patch, subresource=subresource)


async def _gone(hub: Client) -> Any:
    async for _ in hub.watch(resources.SERVICES, since='x'):
        pass
    return {}


EXPECTED = [
    60, 'AlreadyExists', 'Invalid', 'ManagedCluster', 'Conflict', {'version': {'kubernetes': 'v1.20.2'}},
    {'version': {'kubernetes': 'v1.20.2'}}, 'ManagedCluster', True, 'NotFound', 'Forbidden', 'Forbidden', 'Invalid',
    'BadRequest', ('ADDED', True),
]  # fmt: skip


def in_memory(folder: Path, talk: Callable[[servers.Server], Awaitable[Any]]) -> Any:
    """Talk to a hub of the simulation, as a process of it."""
    base, loop = made_base(folder, authority()), Loop()

    async def run() -> Any:
        server = servers.Server('hub', 'hub.example', base.signer.pem, base.tokens)
        server.storage.restore(base.hub)
        await server.start(loop)
        PROCESS.set(Process())
        try:
            return await talk(server)
        finally:
            await server.stop()

    with virtual(loop, 0), contextlib.closing(loop):
        return loop.run_until_complete(run())


def test_a_server_in_memory_says_what_is_expected(tmp_path: Path) -> None:
    async def talk(server: servers.Server) -> list[Any]:
        hub, nobody = Client(configuration(server)), Client(configuration(server, servers.NOBODY))
        async with hub, nobody:
            return await conversation(hub, nobody, 'contract')

    assert in_memory(tmp_path, talk) == EXPECTED


@pytest.mark.asyncio
async def test_a_server_behind_a_socket_says_the_same(world: Any) -> None:
    async with Client(world.hub_cluster.configuration('nobody-token')) as nobody:
        found = await conversation(world.hub, nobody, world.name)
    await world.hub.delete(_wire.MANAGED_CLUSTERS, f'{world.name}-x')
    assert found == EXPECTED


async def failures(good: Configuration, break_it: Callable[[str], Awaitable[None]], other: bytes) -> list[Any]:
    """Call a server that is away, silent, cut off and not trusted; returns the errors and whether it may have acted."""
    found: list[Any] = []
    quick = replace(good, retries=Retries(attempts=0))
    for how in ('down', 'silent', 'cut'):
        async with Client(quick) as client:
            await client.get(resources.NAMESPACES, 'default')
            await break_it(how)
            try:
                await client.get(resources.NAMESPACES, 'default', timeout_s=1)
                found.append('answered')
            except (kubernetes.ConnectionFailed, kubernetes.DeadlineExceeded) as error:
                found.append(type(error).__name__)
        await break_it('')
    tls: Any = good.tls
    async with Client(replace(quick, tls=replace(tls, ca=other, ca_file=''))) as client:
        with pytest.raises(kubernetes.ConnectionFailed, match='certificate verify failed') as raised:
            await client.get(resources.NAMESPACES, 'default')
        found.append(raised.value.sent)
    return found


BROKEN = ['ConnectionFailed', 'DeadlineExceeded', 'answered', False]  # a connection at rest that was cut is made anew


def test_a_network_in_memory_fails_as_a_network_does(tmp_path: Path) -> None:
    async def talk(server: servers.Server) -> list[Any]:
        async def break_it(how: str) -> None:
            server.service.down, server.service.silent = how == 'down', how == 'silent'
            server.service.cut()
            await asyncio.sleep(0.1)

        return await failures(configuration(server, servers.AGENT), break_it, authority().pem)

    assert in_memory(tmp_path, talk) == BROKEN


@pytest.mark.asyncio
async def test_a_network_of_sockets_fails_the_same(world: Any) -> None:
    async with world.front() as front:  # no hub runs: it would have the front do what its own order says

        async def break_it(how: str) -> None:
            if how == 'cut':
                await front.cut()
            else:
                await front.use(world.faults(how))
            await asyncio.sleep(0.1)

        assert await failures(world.configuration_of(front), break_it, authority().pem) == BROKEN


def test_time_jumps_and_who_waits_for_nothing_or_runs_in_circles_is_told_so() -> None:
    with contextlib.closing(Loop()) as loop:
        loop.run_until_complete(asyncio.sleep(10**6))
        assert 10**6 <= loop.time() < 10**6 + 1
        with pytest.raises(Stuck, match='no timer is set'):
            loop.run_until_complete(loop.create_future())
    with contextlib.closing(Loop()) as loop, pytest.raises(Stuck, match='runs in circles'):
        loop.run_until_complete(_circle())


async def _circle() -> None:
    while True:
        await asyncio.sleep(0)


def test_a_watch_whose_server_always_forgets_asks_with_growing_pauses(tmp_path: Path) -> None:
    asked: list[str] = []

    async def talk(server: servers.Server) -> None:
        server.gone, server.told = True, lambda *request: asked.append(request[2])
        async with Client(configuration(server, servers.AGENT)) as client:
            with kubernetes.deadline(60), contextlib.suppress(kubernetes.DeadlineExceeded):
                async for _ in client.watch(resources.NAMESPACES):
                    pass

    in_memory(tmp_path, talk)
    assert 10 < len(asked) < 100
