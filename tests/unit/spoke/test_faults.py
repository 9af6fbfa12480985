"""Hubs that refuse, stall or are old, and spokes that are elsewhere. Numbers are those of the scenarios."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager.kubernetes import Client, resources
from spoke import _certificates, _wire
from spoke._hub_standin import _definitions, _hub, _rights
from spoke._running import Trouble

from tests.unit.spoke import world as worlds

pytestmark = pytest.mark.asyncio
AUTO = frozenset({'bootstrap'})


async def renewed(world: Any, before: str) -> str:
    async def newer() -> str:
        lease = await world.hub.get(resources.LEASES, _wire.LEASE, world.name)
        return str(lease['spec']['renewTime']) if lease['spec']['renewTime'] != before else ''

    found: str = await world.until(newer)
    return found


@contextlib.asynccontextmanager
async def hub_of_old(world: Any, folder: Path) -> AsyncIterator[tuple[worlds.Cluster, Client]]:
    """Lead agents to a hub that serves certificate requests as v1beta1 only."""
    with worlds.old(world.hub_cluster, folder / 'old') as old:
        async with Client(old.configuration()) as hub:
            await _hub.install(hub, _definitions.OF_HUB)
            for resource, body in _rights.bootstrap('spoke-bootstrap', 'bootstrap'):
                await _hub.make(hub, resource, body)
            old.kubeconfig(world.bootstrap, 'bootstrap-token')
            yield old, hub
            await world.stop(*world.tasks)


async def asked_in_v1beta1(world: Any, hub: Client) -> list[Any]:
    return [each async for each in hub.items(_wire.CSRS_V1BETA1, labels=_wire.labels(world.name))]


async def told(world: Any) -> dict[str, Any]:
    """Return what `spoke status` says."""
    command = [
        sys.executable, '-m', 'spoke', 'status', f'--bootstrap-kubeconfig={world.bootstrap}', '--agent-id=b2c4d',
        f'--hub-kubeconfig-dir={world.dir}', f'--spoke-cluster-name={world.name}', '--format=json',
    ]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_11_a_hub_that_knows_only_v1beta1_is_joined_through_it_where_the_gate_says_so(
    world: Any, tmp_path: Path
) -> None:
    async with hub_of_old(world, tmp_path) as (old, hub):
        world.start(world.config(gates={'V1beta1CSRAPICompatibility': True}))
        (request,) = await world.until(lambda: asked_in_v1beta1(world, hub))
        name = request['metadata']['name']
        status = await told(world)
        assert (status['step'], status['request'], status['request-state']) == ('approval', name, 'pending')
        condition = {'type': 'Approved', 'reason': 'Test', 'message': 'by a test'}
        body = {**request, 'status': {'conditions': [condition]}}
        await hub.replace(_wire.CSRS_V1BETA1, body, subresource='approval')
        assert (await told(world))['step'] == 'signing'
        pem = worlds.signer(old).sign(
            _wire.decoded(request['spec']['request']), timedelta(hours=1), _certificates.utc_now()
        )
        patch = {'status': {'certificate': _wire.encoded(pem)}}
        await hub.patch(_wire.CSRS_V1BETA1, name, patch, subresource='status')
        await world.until(world.secret)


@pytest.mark.slow
async def test_11_without_the_gate_the_agent_of_such_a_hub_names_what_it_lacks_and_the_gate_and_asks_nothing(
    world: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, real = list[str](), Trouble.tell

    def tell(trouble: Trouble, text: str, *more: Any) -> None:
        found.append(text)
        real(trouble, text, *more)

    monkeypatch.setattr(Trouble, 'tell', tell)
    async with hub_of_old(world, tmp_path) as (_, hub):
        config = world.config()
        task = world.start(config)
        notes = config.options.health.notes
        await world.until(lambda: _value('a hub that serves certificates.k8s.io/v1' in notes.get('bootstrap', '')))
        assert 'start with --feature-gates=V1beta1CSRAPICompatibility=true' in notes['bootstrap']
        said = f'cannot bootstrap yet, waits for {notes["bootstrap"]}'
        assert said in caplog.text
        enough = found.count(said) + 10
        await world.until(lambda: _value(found.count(said) >= enough))
        assert caplog.text.count(said) == 1
        status = await told(world)
        assert status['step'] == 'bootstrap'
        assert status['waits-for'].endswith('--feature-gates=V1beta1CSRAPICompatibility=true')
        assert await asked_in_v1beta1(world, hub) == []
        assert not task.done()


async def test_23_detached_the_secret_is_on_management_and_all_the_rest_is_of_the_spoke(world: Any) -> None:
    management = world.spoke_cluster
    world.hub_cluster.kubeconfig(world.folder / 'spoke.kubeconfig')  # here the hub is the spoke, too: another cluster
    await _hub.install(world.hub, _definitions.OF_SPOKE)
    await world.hub.create(resources.NODES, {'metadata': {'name': f'node-{world.name}'}})
    where = {'metadata': {'name': f'claim-{world.name}'}, 'spec': {'value': 'of the spoke'}}
    await world.hub.create(_wire.CLAIMS, where)
    try:
        world.hub_runs(auto_approval_users=AUTO)
        world.start(world.config(spoke_kubeconfig=str(world.folder / 'spoke.kubeconfig')), management.configuration())
        await world.joined()
        assert await world.secret()
        assert await world.hub.find(resources.SECRETS, 'hub-kubeconfig-secret', world.namespace) is None
        claims = {each['name']: each['value'] for each in (await world.cluster())['status']['clusterClaims']}
        assert claims[f'claim-{world.name}'] == 'of the spoke'
    finally:
        await world.hub.delete(resources.NODES, f'node-{world.name}')
        await world.hub.delete(_wire.CLAIMS, f'claim-{world.name}')


@pytest.mark.parametrize('code', [429, 500])
async def test_27_a_hub_that_refuses_for_a_while_is_not_flooded_and_goes_on(world: Any, code: int) -> None:
    async with world.front() as door:
        world.hub_runs(auto_approval_users=AUTO)
        request = 'POST /apis/certificates.k8s.io'
        with door.fails(request, code=code):
            task = world.start(world.config())
            await world.until(lambda: _value(asked(door, request) >= 2))
            await asyncio.sleep(2)
            assert not task.done()
            assert asked(door, request) <= 20
            assert await world.requests() == []
        await world.joined()
        assert len(await world.requests()) == 1
        await world.stop(task)
        world.tasks.remove(task)


def asked(door: worlds.Door, what: str) -> int:
    return sum(each.startswith(what) for each in door.seen)


async def _value(value: object) -> object:
    return value


async def test_28_a_hub_that_does_not_answer_holds_up_one_renewal_and_not_the_next(world: Any) -> None:
    async with world.front() as door:
        world.hub_runs(auto_approval_users=AUTO)
        task = world.start(world.config())
        await world.joined()
        await world.hub.patch(_wire.MANAGED_CLUSTERS, world.name, {'spec': {'leaseDurationSeconds': 1}})
        before = await renewed(world, await renewed(world, ''))
        lease = f'PUT /apis/coordination.k8s.io/v1/namespaces/{world.name}/leases'
        with door.fails(lease, code=500, delay_s=3600, times=1):
            silent = asked(door, lease) + 1
            await world.until(lambda: _value(asked(door, lease) > silent))  # that one is given up, and another follows
            await renewed(world, before)
        await world.stop(task)
        world.tasks.remove(task)


async def test_a_hub_whose_certificate_is_not_trusted_is_named_as_that(world: Any) -> None:
    other = worlds._certificates.Authority(tmp_folder(world))
    world.hub_cluster.kubeconfig(world.bootstrap, 'bootstrap-token', **{'certificate-authority': str(other.path)})
    config = world.config()
    world.start(config)

    async def noted() -> str:
        return str(config.options.health.notes.get('bootstrap', ''))

    assert 'certificate verify failed' in await world.until(noted)
    world.hub_cluster.kubeconfig(world.bootstrap, 'bootstrap-token')
    world.hub_runs(auto_approval_users=AUTO)
    await world.joined()


def tmp_folder(world: Any) -> Path:
    folder: Path = world.folder / 'other'
    folder.mkdir()
    return folder


async def test_39_a_second_agent_of_the_same_name_elsewhere_is_noticed(world: Any) -> None:
    world.hub_runs(auto_approval_users=AUTO)
    config = world.config()
    world.start(config)
    await world.joined()
    await world.hub.patch(_wire.MANAGED_CLUSTERS, world.name, {'spec': {'leaseDurationSeconds': 1}})
    await renewed(world, await renewed(world, ''))
    for _ in range(60):
        spec = {'spec': {'renewTime': _wire.micro_time(_certificates.utc_now())}}
        await world.hub.patch(resources.LEASES, _wire.LEASE, spec, world.name)
        await asyncio.sleep(0.7)
        if 'somebody else' in config.options.health.notes.get('name', ''):
            return
    raise AssertionError(config.options.health.notes)


async def test_an_agent_without_a_management_cluster_that_answers_stays_and_says_so(world: Any) -> None:
    config = world.config()
    away = kubernetes_configuration(world)
    task = world.start(config, away)

    async def noted() -> str:
        return str(config.options.health.notes.get('management', ''))

    assert 'cannot connect' in await world.until(noted)
    assert not task.done()


def kubernetes_configuration(world: Any) -> Any:
    return replace(world.spoke_cluster.configuration(), server='https://127.0.0.1:9')
