"""The spoke is another cluster than the one where the agent runs. Numbers are those of the scenarios.

Here management is the cluster of `world.spoke`, and the hub's cluster is the spoke as well.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Any

import pytest
import spoke
from aioclustermanager.kubernetes import Client, resources
from spoke import _certificates, _files, _hub_standin, _wire
from spoke._hub_standin import _definitions, _hub
from spoke._options import ProcessOptions
from spoke._process import OneAgent, Process

pytestmark = pytest.mark.asyncio
AUTO = frozenset({'bootstrap'})
HOSTED = {'addon.open-cluster-management.io/hosting-cluster-name': 'somewhere'}


async def joined(world: Any) -> None:
    """Start an agent whose spoke is the hub's cluster, which gets the namespace of management, too."""
    await _hub.install(world.hub, _definitions.OF_SPOKE)
    await world.hub.create(resources.NAMESPACES, {'metadata': {'name': world.namespace}})
    path = world.hub_cluster.kubeconfig(world.folder / 'spoke.kubeconfig')
    world.hub_runs(auto_approval_users=AUTO)
    world.start(world.config(spoke_kubeconfig=str(path)))
    await world.joined()


async def addon(world: Any, name: str, **annotations: str) -> None:
    body = {'metadata': {'name': name, 'annotations': annotations}, 'spec': {'installNamespace': world.namespace}}
    await world.hub.create(_wire.ADDONS, body, world.name)


async def available(world: Any, name: str) -> str:
    found = await world.hub.get(_wire.ADDONS, name, world.name)
    conditions = (found.get('status') or {}).get('conditions') or []
    return next((each['status'] for each in conditions if each['type'] == 'Available'), '')


async def is_so(world: Any, **wanted: str) -> bool:
    return {name: await available(world, name) for name in wanted} == wanted


async def lease(client: Client, namespace: str, name: str, age: timedelta) -> None:
    renewed = _wire.micro_time(_certificates.utc_now() - age)
    await client.create(resources.LEASES, {'metadata': {'name': name}, 'spec': {'renewTime': renewed}}, namespace)


async def test_22_the_lease_of_a_hosted_add_on_is_that_on_management_and_of_any_other_that_on_the_spoke(
    world: Any,
) -> None:
    await joined(world)
    await addon(world, 'hosted', **HOSTED)
    await addon(world, 'usual')
    await world.until(lambda: is_so(world, hosted='Unknown', usual='Unknown'))
    fresh, stale = timedelta(), timedelta(seconds=301)
    for name in ('hosted', 'usual'):
        await lease(world.spoke, world.namespace, name, fresh)
        await lease(world.hub, world.namespace, name, stale)
    await world.until(lambda: is_so(world, hosted='True', usual='False'))
    await world.spoke.delete(resources.LEASES, 'hosted', world.namespace)
    await world.until(lambda: is_so(world, hosted='Unknown', usual='False'))
    await world.hub.patch(_wire.ADDONS, 'hosted', {'metadata': {'annotations': None}}, world.name)
    await world.until(lambda: is_so(world, hosted='False', usual='False'))


async def approved(world: Any, name: str) -> None:
    """Approve what is open of an add-on, once there is something."""
    labels = {**_wire.labels(world.name), 'open-cluster-management.io/addon-name': name}

    async def pending() -> list[Any]:
        listed = (await world.hub.list(_wire.CSRS, labels=labels))['items']
        return [each for each in listed if _wire.request_state(each) == 'pending']

    (request,) = await world.until(pending)
    await _hub_standin._verbs.answer(world.hub, request, 'Approved', 'Test')


async def places(world: Any, name: str) -> list[str]:
    """Return where the secret is."""
    clients = {'management': world.spoke, 'spoke': world.hub}
    return [
        where
        for where, client in clients.items()
        if await client.find(resources.SECRETS, f'{name}-hub-kubeconfig', world.namespace)
    ]


async def is_in(world: Any, name: str, *where: str) -> bool:
    return await places(world, name) == list(where)


async def test_22_23_the_secret_of_an_add_on_is_on_the_spoke_and_moves_to_management_with_its_host(world: Any) -> None:
    await joined(world)
    await addon(world, 'logs')
    entry = {'status': {'registrations': [{'signerName': 'kubernetes.io/kube-apiserver-client'}]}}
    await world.hub.patch(_wire.ADDONS, 'logs', entry, world.name, subresource='status')
    await approved(world, 'logs')
    await world.until(lambda: is_in(world, 'logs', 'spoke'))
    await world.hub.patch(_wire.ADDONS, 'logs', {'metadata': {'annotations': HOSTED}}, world.name)
    await world.until(lambda: is_in(world, 'logs'))
    await approved(world, 'logs')
    await world.until(lambda: is_in(world, 'logs', 'management'))
    await world.hub.delete(_wire.ADDONS, 'logs', world.name)
    await world.until(lambda: is_in(world, 'logs'))


async def reasons(client: Client, namespace: str) -> set[str]:
    return {each['reason'] async for each in client.items(resources.EVENTS, namespace)}


async def test_23_what_happens_to_a_detached_agent_is_told_on_management_and_nothing_of_it_on_the_spoke(
    world: Any,
) -> None:
    await joined(world)
    told = {'ManagedClusterCreated', 'CSRCreated', 'ClientCertificateCreated', 'HubClientConfigReady'}

    async def is_told() -> bool:
        return told <= await reasons(world.spoke, world.namespace)

    await world.until(is_told)
    assert await reasons(world.hub, world.namespace) == set()
    assert await reasons(world.hub, world.name) == set()


async def test_23_a_watched_file_that_is_touched_or_written_as_it_was_ends_nothing_and_another_one_does(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoke, 'terminate_on_files_interval', timedelta(seconds=0.02))
    watched, looks, real = world.folder / 'watched', [], _files.read

    def read(path: Any) -> bytes | None:
        looks.extend([1] if path == watched else [])
        return real(path)

    monkeypatch.setattr(_files, 'read', read)
    watched.write_text('one')
    management = world.spoke_cluster.kubeconfig(world.folder / 'management.kubeconfig')
    options = ProcessOptions(
        kubeconfig=str(management), listen='127.0.0.1:0', disable_leader_election=True,
        terminate_on_files=[str(watched)],
    )  # fmt: skip
    world.hub_runs()
    process = asyncio.ensure_future(Process(options, OneAgent(world.config())).run())
    world.tasks.append(process)
    await world.until(world.requests)
    for change in (lambda: os.utime(watched, (1, 1)), lambda: watched.write_text('one'), watched.touch):
        change()
        enough = len(looks) + 3
        await world.until(lambda enough=enough: _value(len(looks) >= enough))
    assert not process.done()
    watched.write_text('two')
    assert await process == 0


async def _value(value: object) -> object:
    return value
