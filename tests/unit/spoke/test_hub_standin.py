"""The stand-in of a hub: what an agent sees of a hub's controllers, and the faults it can be made to have."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, resources
from hypothesis import given
from hypothesis import strategies as st
from spoke import _certificates, _hub_standin, _wire
from spoke._hub_standin import _faults
from spoke._hub_standin._faults import Faults

durations = st.integers(0, 10**6).map(lambda number: timedelta(milliseconds=number))
all_faults = st.builds(
    Faults, st.booleans(), st.booleans(), durations, st.one_of(st.just(0), st.integers(400, 599)), st.booleans(),
    st.booleans(), st.booleans(), durations | durations.map(lambda each: -each),
)  # fmt: skip


@given(all_faults)
def test_faults_are_read_back_as_they_are_shown(faults: Faults) -> None:
    assert _faults.parse(_faults.shown(faults).split()) == faults


@pytest.mark.parametrize('word', ['dwon', 'slow', 'slow=fast', 'refuse=200', 'refuse=x', 'down=1'])
def test_a_fault_that_there_is_not_is_refused_by_name(word: str) -> None:
    with pytest.raises(ValueError, match=word.partition('=')[0]):
        _faults.parse([word])


def _cluster(name: str) -> dict[str, Any]:
    return {'metadata': {'name': name}, 'spec': {'hubAcceptsClient': True, 'leaseDurationSeconds': 1}}


async def _status(world: Any, kind: str) -> tuple[str, str]:
    conditions = ((await world.cluster()).get('status') or {}).get('conditions') or []
    return next(((each['status'], each['reason']) for each in conditions if each['type'] == kind), ('', ''))


@pytest.mark.asyncio
async def test_an_accepted_cluster_gets_namespace_rights_lease_and_taint_and_is_unknown_without_renewals(
    world: Any,
) -> None:
    world.hub_runs()
    await world.hub.create(_wire.MANAGED_CLUSTERS, _cluster(world.name))
    addon = {'metadata': {'name': 'logs'}, 'spec': {}}

    async def taken_in() -> Any:
        lease = await world.hub.find(resources.LEASES, _wire.LEASE, world.name)
        return lease and (await world.cluster())['metadata'].get('finalizers')

    await world.until(taken_in)
    await world.hub.create(_wire.ADDONS, addon, world.name)
    key = 'feature.open-cluster-management.io/addon-logs'
    await world.until(lambda: _label(world, key, 'unreachable'))
    (taint,) = (await world.cluster())['spec']['taints']
    assert (taint['key'], taint['effect']) == ('cluster.open-cluster-management.io/unreachable', 'NoSelect')
    for apart, told in ((0, ('True', 'ManagedClusterClockSynced')), (61, ('False', 'ManagedClusterClockOutOfSync'))):
        now = _certificates.utc_now() - timedelta(seconds=apart)
        spec = {'spec': {'renewTime': _wire.micro_time(now)}}
        await world.hub.patch(resources.LEASES, _wire.LEASE, spec, world.name)
        await world.until(lambda told=told: _is(world, 'ManagedClusterConditionClockSynced', told))
    stopped = ('Unknown', 'ManagedClusterLeaseUpdateStopped')
    await world.until(lambda: _is(world, 'ManagedClusterConditionAvailable', stopped))
    found = await world.hub.get(_wire.ADDONS, 'logs', world.name)
    assert [each['status'] for each in found['status']['conditions']] == ['Unknown']
    await world.hub.delete(_wire.MANAGED_CLUSTERS, world.name)
    await world.until(lambda: _none(world))
    role = f'open-cluster-management:managedcluster:{world.name}'
    assert await world.hub.find(resources.CLUSTER_ROLES, role) is None
    await world.hub.delete(_wire.ADDONS, 'logs', world.name)


async def _label(world: Any, key: str, value: str) -> bool:
    return bool(((await world.cluster())['metadata'].get('labels') or {}).get(key) == value)


async def _is(world: Any, kind: str, told: tuple[str, str]) -> bool:
    return await _status(world, kind) == told


async def _none(world: Any) -> bool:
    return await world.cluster() is None


@pytest.mark.asyncio
async def test_only_requests_of_a_cluster_s_own_names_are_approved_by_the_hub(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    await world.hub.create(_wire.MANAGED_CLUSTERS, _cluster(world.name))
    prefix = 'system:open-cluster-management:'
    async with Client(world.hub_cluster.configuration('bootstrap-token')) as asker:
        made = []
        for groups in ((f'{prefix}other',), (f'{prefix}{world.name}', 'operators'), (f'{prefix}{world.name}',)):
            subject = _certificates.Subject(f'{prefix}{world.name}:a', groups)
            pem = _certificates.request(_certificates.new_key(), subject)
            signer = 'kubernetes.io/kube-apiserver-client'
            body = _wire.signing_request(_wire.CSRS, 'r-', _wire.labels(world.name), signer, pem, 0)
            made.append((await asker.create(_wire.CSRS, body))['metadata']['name'])

        async def issued() -> bool:
            return _wire.request_state(await asker.get(_wire.CSRS, made[-1])) == 'issued'

        await world.until(issued)
        states = [_wire.request_state(await asker.get(_wire.CSRS, name)) for name in made]
    assert states == ['pending', 'pending', 'issued']


@pytest.mark.asyncio
async def test_the_front_shows_the_hub_and_each_of_its_faults_when_it_is_asked_for(world: Any) -> None:
    async with world.front() as front:
        world.hub_runs(front=front)
        quick = kubernetes.Retries(attempts=0)
        seen = world.configuration_of(front, retries=quick)
        async with Client(seen) as client, Client(world.configuration_of(front, 'nobody-token')) as nobody:
            assert (await client.get(resources.NAMESPACES, 'default'))['metadata']['name'] == 'default'
            with pytest.raises(kubernetes.Forbidden, match='nobody'):
                await nobody.get(resources.NAMESPACES, 'default')
            for words, failure in {
                'refuse=429': kubernetes.TooManyRequests, 'refuse=500': kubernetes.ServerError,
                'down': kubernetes.ConnectionFailed, 'silent': kubernetes.DeadlineExceeded,
            }.items():  # fmt: skip
                await world.fault(words)
                await world.until(lambda failure=failure: _fails(client, failure))
            await world.fault('gone')
            await world.until(lambda: _answers(client))
            with pytest.raises(kubernetes.Gone):
                async for _ in client.watch(resources.NAMESPACES, since='1'):
                    pass
            await world.fault('')
            watched = asyncio.ensure_future(_first(client))
            assert (await watched).type == 'ADDED'


async def _first(client: Client) -> Any:
    events = client.watch(resources.NAMESPACES)
    try:
        return await events.__anext__()
    finally:
        await events.aclose()


async def _fails(client: Client, failure: type[Exception]) -> bool:
    try:
        await client.get(resources.NAMESPACES, 'default', timeout_s=0.5)
    except failure:
        return True
    except kubernetes.Error:
        return False
    return False


async def _answers(client: Client) -> bool:
    try:
        return bool(await client.get(resources.NAMESPACES, 'default', timeout_s=0.5))
    except kubernetes.Error:
        return False


@pytest.mark.asyncio
async def test_a_client_certificate_passes_through_the_front(world: Any) -> None:
    async with world.front() as front:
        world.hub_runs(auto_approval_users=frozenset({'bootstrap'}), front=front)
        world.start(world.config())
        await world.joined()
        assert front.url.encode() in (world.dir / 'kubeconfig').read_bytes()
        users = {each['spec']['username'] for each in await world.requests()}
        assert users == {'bootstrap'}


def test_the_verbs_say_what_is_wrong_with_them() -> None:
    from spoke._cli import _hub_verb

    assert _hub_verb.main(['fault', 'dwon', '--kubeconfig=/none']) == 2
    assert _hub_verb.main(['accept', '--kubeconfig=/none']) == 2
    assert _hub_verb.main(['run', '--kubeconfig=/none']) == 2
    assert _hub_standin.Faults() == _faults.parse([])
