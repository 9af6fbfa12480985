"""An agent that is stopped leaves nothing of itself but what the next one goes on with (43), whatever it was doing.

Tasks and descriptors that are left are found by the fixture: sockets, files, memory that held a key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aioclustermanager.kubernetes import resources
from spoke import _files, _wire

from tests.listening import listening
from tests.unit.spoke.world import Door

pytestmark = pytest.mark.asyncio
AUTO = frozenset({'bootstrap'})
FILES = {'agent-name', 'cluster-name', 'kubeconfig', 'tls.crt', 'tls.key'}
HUB, PENDING = 'hub-kubeconfig-secret', 'hub-kubeconfig-secret-pending'
Stack = contextlib.AsyncExitStack


async def _value(value: object) -> object:
    return value


async def joined(world: Any, management: Any = None, **hub: Any) -> Any:
    world.hub_runs(auto_approval_users=AUTO, **hub)
    config = world.config()
    world.start(config, management)
    await world.joined()
    return config


async def management_away(world: Any, _: Stack) -> None:
    config = world.config()
    world.start(config, replace(world.spoke_cluster.configuration(), server='https://127.0.0.1:9'))
    await world.until(lambda: _value(config.options.health.notes.get('management')))


async def management_silent(world: Any, stack: Stack) -> None:
    door = await stack.enter_async_context(Door(world.spoke_cluster))
    stack.enter_context(door.fails('', delay_s=3600))
    world.start(world.config(), replace(world.spoke_cluster.configuration(), server=door.url))
    await world.until(lambda: _value(door.seen))


async def bootstrap_refused(world: Any, _: Stack) -> None:
    world.hub_cluster.kubeconfig(world.bootstrap, 'expired-token')
    config = world.config()
    world.start(config)
    await world.until(lambda: _value('401' in config.options.health.notes.get('bootstrap', '')))


async def hub_without_a_handshake(world: Any, stack: Stack) -> None:
    came = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        came.set()
        while await reader.read(1024):
            pass

    port = await stack.enter_async_context(listening(silent))
    replace(world.hub_cluster, server=f'https://127.0.0.1:{port}').kubeconfig(world.bootstrap, 'bootstrap-token')
    world.start(world.config())
    await world.until(lambda: _value(came.is_set()))


async def first_request_under_way(world: Any, stack: Stack) -> None:
    door = await stack.enter_async_context(world.front())
    stack.enter_context(door.fails('POST /apis/certificates.k8s.io', delay_s=3600))
    world.start(world.config())
    await world.until(lambda: _value(any(each.startswith('POST /apis/certificates') for each in door.seen)))


async def approval(world: Any, _: Stack) -> None:
    world.hub_runs()
    config = world.config()
    world.start(config)
    await world.until(lambda: _value('approval of' in config.options.health.notes.get('certificate', '')))


async def first_secret_under_way(world: Any, stack: Stack) -> None:
    door = await stack.enter_async_context(Door(world.spoke_cluster))
    secrets = f'POST /api/v1/namespaces/{world.namespace}/secrets'
    world.hub_runs()
    world.start(world.config(), replace(world.spoke_cluster.configuration(), server=door.url))
    await world.until(world.requests)
    stack.enter_context(door.fails(secrets, delay_s=3600))
    before = len(door.seen)
    await world.approved()
    await world.until(lambda: _value(any(each.startswith(secrets) for each in door.seen[before:])))


async def acceptance(world: Any, _: Stack) -> None:
    world.hub_runs()
    world.start(world.config())
    await world.approved()
    await world.until(world.secret)
    await world.until(lambda: _value((world.dir / 'kubeconfig').exists()))
    await world.until(lambda: _is_gone(world, PENDING))


async def _is_gone(world: Any, secret: str) -> bool:
    return await world.secret(secret) is None


async def main_phase(world: Any, _: Stack) -> None:
    await joined(world)
    await world.until(lambda: _is_gone(world, PENDING))


async def hub_away(world: Any, stack: Stack) -> None:
    door = await stack.enter_async_context(world.front())
    config = await joined(world, front=door)
    await world.hub.patch(_wire.MANAGED_CLUSTERS, world.name, {'spec': {'leaseDurationSeconds': 1}})
    await world.until(lambda: _is_gone(world, PENDING))
    await world.fault('down')
    await world.until(lambda: _value('lease' in config.options.health.notes))


async def renewal_under_way(world: Any, stack: Stack) -> None:
    door = await stack.enter_async_context(world.front())
    await joined(world)
    stack.enter_context(door.fails('POST /apis/certificates.k8s.io', delay_s=3600))
    before = len(door.seen)
    await world.spoke.delete(resources.SECRETS, HUB, world.namespace)
    await world.until(lambda: _value(any(each.startswith('POST /apis/cert') for each in door.seen[before:])))


async def renewal_open(world: Any, _: Stack) -> None:
    config = await joined(world, approves_renewals=False)
    await world.spoke.delete(resources.SECRETS, HUB, world.namespace)
    await world.until(lambda: _value('approval of' in config.options.health.notes.get('certificate', '')))


async def add_on_open(world: Any, _: Stack) -> None:
    await joined(world)
    await world.until(lambda: _is_gone(world, PENDING))
    addon = {'metadata': {'name': 'logs'}, 'spec': {'installNamespace': world.namespace}}
    await world.hub.create(_wire.ADDONS, addon, world.name)
    status = {'status': {'registrations': [{'signerName': 'kubernetes.io/kube-apiserver-client'}]}}
    await world.hub.patch(_wire.ADDONS, 'logs', status, world.name, subresource='status')
    label = {**_wire.labels(world.name), 'open-cluster-management.io/addon-name': 'logs'}

    async def asked() -> Any:
        return (await world.hub.list(_wire.CSRS, labels=label))['items']

    await world.until(asked)


PHASES: dict[Callable[[Any, Stack], Awaitable[None]], tuple[set[str], set[str]]] = {  # to secrets and files that stay
    management_away: (set(), set()),
    management_silent: (set(), set()),
    bootstrap_refused: (set(), set()),
    hub_without_a_handshake: (set(), set()),
    first_request_under_way: ({PENDING}, set()),
    approval: ({PENDING}, set()),
    first_secret_under_way: ({PENDING}, set()),
    acceptance: ({HUB}, FILES),
    main_phase: ({HUB}, FILES),
    hub_away: ({HUB}, FILES),
    renewal_under_way: ({PENDING}, FILES),
    renewal_open: ({PENDING}, FILES),
    add_on_open: ({HUB, 'logs-hub-kubeconfig-pending'}, FILES),
}


ROWS = [pytest.param(each, marks=pytest.mark.slow) if each is management_away else each for each in PHASES]


@pytest.mark.parametrize('phase', ROWS, ids=lambda phase: phase.__name__)
async def test_43_stopped_in_any_phase_it_leaves_what_the_next_one_needs_and_nothing_else(
    world: Any, phase: Callable[[Any, Stack], Awaitable[None]]
) -> None:
    async with Stack() as stack:
        await phase(world, stack)
        (agent,) = (task for task in world.tasks if task.get_coro().__name__ in ('run_spoke_agent', '_member'))
        await world.stop(agent)
        world.tasks.remove(agent)
        secrets, files = PHASES[phase]
        assert await kept(world) == secrets
        assert {path.name for path in world.dir.glob('*')} == files
        assert not list(world.folder.rglob(f'{_files._TEMPORARY}*'))


async def kept(world: Any) -> set[str]:
    """Return the secrets of the agent's namespace, but for those that Kubernetes makes itself."""
    found = [each['metadata']['name'] async for each in world.spoke.items(resources.SECRETS, world.namespace)]
    return {name for name in found if not name.startswith('default-token')}
