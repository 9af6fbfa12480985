"""Scenarios of a hub that fails or is another, of add-ons, nodes and names. Numbers are those of the scenarios."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import spoke
import yaml
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Transport, kubeconfig, resources
from cryptography import x509
from spoke import _certificates, _hub_standin, _wire
from spoke._hub_standin import _definitions, _hub
from spoke._metrics import Metrics
from spoke._running import Following
from spoke.managedcluster import ManagedClusterLease

from tests.unit.spoke.world import FAST, Door, aged

pytestmark = pytest.mark.asyncio
AUTO = frozenset({'bootstrap'})
JOINED, AVAILABLE = 'ManagedClusterJoined', 'ManagedClusterConditionAvailable'


async def _value(value: object) -> object:
    return value


async def joined(world: Any, config: Any = None, **settings: Any) -> Any:
    world.hub_runs(auto_approval_users=AUTO, **settings)
    config = config or world.config()
    task = world.start(config)
    await world.joined()
    return config, task


async def ended(world: Any, task: Any) -> None:
    await world.stop(task)
    world.tasks.remove(task)


async def spec(world: Any, **changes: Any) -> None:
    await world.hub.patch(_wire.MANAGED_CLUSTERS, world.name, {'spec': changes})


async def renew_time(world: Any) -> str:
    """Return when the lease was renewed last; the hub makes it at about the time when the cluster has joined."""
    lease = await world.until(lambda: world.hub.find(resources.LEASES, _wire.LEASE, world.name))
    return str(lease['spec']['renewTime'])


async def renewed(world: Any, before: str = '') -> str:
    before = before or await renew_time(world)

    async def newer() -> str:
        now = await renew_time(world)
        return now if now != before else ''

    found: str = await world.until(newer)
    return found


async def is_so(world: Any, kind: str, status: str) -> bool:
    return bool(await world.condition(kind) == status)


# join


async def test_07_annotations_are_of_the_creation_only(world: Any) -> None:
    world.hub_runs()
    ours = 'agent.open-cluster-management.io/site'
    task = world.start(world.config(cluster_annotations={ours: 'b2'}))
    await world.until(world.cluster)
    await world.until(world.requests)
    await ended(world, task)
    world.start(world.config(cluster_annotations={ours: 'b3'}, spoke_external_server_urls=['https://a.example']))

    async def has_url() -> bool:
        return bool((await world.cluster())['spec'].get('managedClusterClientConfigs'))

    await world.until(has_url)
    assert (await world.cluster())['metadata']['annotations'] == {ours: 'b2'}


async def test_08_a_url_without_tls_is_refused_and_nothing_is_sent_to_the_hub(world: Any) -> None:
    world.hub_runs()
    with pytest.raises(spoke.InvalidOptions, match=r'http://a\.example'):
        await world.start(world.config(spoke_external_server_urls=['http://a.example']))
    world.tasks.pop()
    assert await world.cluster() is None
    assert await world.requests() == []


async def test_10_a_hub_that_knows_no_lifetimes_takes_the_request_without(world: Any) -> None:
    await joined(world, world.config(client_cert_expiration_seconds=86400))
    (request,) = await world.requests()
    assert 'expirationSeconds' not in request['spec']


# life


@pytest.mark.slow
async def test_12_nodes_come_and_go_others_keep_their_keys_and_without_news_nothing_is_sent(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    amounts = {'status': {'capacity': {'cpu': '2'}, 'allocatable': {'cpu': '2'}}}
    for name in ('one', 'two'):
        await world.spoke.create(resources.NODES, {'metadata': {'name': name}})
        await world.spoke.patch(resources.NODES, name, amounts, subresource='status')
    await joined(world)

    async def sizes(capacity: str, allocatable: str) -> bool:
        status = (await world.cluster())['status']
        found = [(status.get(key) or {}).get('cpu') for key in ('capacity', 'allocatable')]
        return found == [capacity, allocatable]

    await world.until(lambda: sizes('4', '4'))
    theirs = {'status': {'capacity': {'example.com/seats': '7'}}}
    await world.hub.patch(_wire.MANAGED_CLUSTERS, world.name, theirs, subresource='status')
    await world.spoke.patch(resources.NODES, 'two', {'spec': {'unschedulable': True}})
    await world.until(lambda: sizes('4', '2'))
    await world.spoke.delete(resources.NODES, 'two')
    await world.until(lambda: sizes('2', '2'))
    assert (await world.cluster())['status']['capacity']['example.com/seats'] == '7'
    sent, real = [], Transport._once

    async def once(transport: Transport, loop: Any, call: Any, until: float) -> Any:
        sent.append(call.name)
        return await real(transport, loop, call, until)

    monkeypatch.setattr(Transport, '_once', once)

    def looks_since_it_wrote() -> int:
        written = [number for number, name in enumerate(sent) if name.startswith('PATCH') and world.name in name]
        return sum('GET /livez' in name for name in sent[max(written, default=-1) + 1 :])

    await world.until(lambda: _value(looks_since_it_wrote() >= 4))


def looks(metrics: Metrics) -> int:
    """Return how often the status was looked at and told, from beginning to end."""
    count = re.search(r'spoke_sync_seconds_count\{.*"ManagedClusterStatusController"\} (\d+)', metrics.text())
    return int(count[1]) if count else 0


async def told_of_spoke(world: Any) -> list[Any]:
    """Return what the hub has been told of health, version and size: other conditions are not the agent's."""
    status = (await world.cluster())['status']
    available = next(each for each in status['conditions'] if each['type'] == AVAILABLE)
    return [available, *(status.get(key) for key in ('version', 'capacity', 'allocatable'))]


@pytest.mark.slow
async def test_13_bad_looks_change_nothing_until_they_have_lasted_for_as_long_as_the_option_says(world: Any) -> None:
    async with spoke_behind_a_front(world) as (front, path):
        metrics = Metrics()
        config = world.config(spoke_kubeconfig=path, cluster_unavailable_after=timedelta(hours=1))
        world.hub_runs(auto_approval_users=AUTO)
        task = world.start(config, metrics=metrics)
        await world.joined()
        before, notes = await told_of_spoke(world), config.options.health.notes
        with front.fails('GET /livez', code=500):
            await world.until(lambda: _value('500' in notes.get('spoke', '')))
            enough = looks(metrics) + 2
            await world.until(lambda: _value(looks(metrics) >= enough))
            assert await told_of_spoke(world) == before
            await ended(world, task)
            world.start(world.config(spoke_kubeconfig=path, cluster_unavailable_after=timedelta(seconds=1)))
            await world.until(lambda: is_so(world, AVAILABLE, 'False'))
        await world.until(lambda: is_so(world, AVAILABLE, 'True'))


@pytest.mark.slow
async def test_15_a_lease_duration_of_nothing_is_that_of_a_minute(world: Any) -> None:
    await joined(world)
    await spec(world, leaseDurationSeconds=1)
    await renewed(world, await renewed(world))
    await spec(world, leaseDurationSeconds=0)

    async def rests() -> bool:
        before = await renew_time(world)
        await asyncio.sleep(1.5)  # longer than two renewals were apart
        return await renew_time(world) == before

    await world.until(rests)
    assert await is_so(world, AVAILABLE, 'True')


@pytest.mark.slow
async def test_17_a_cluster_that_the_administrator_makes_anew_is_renewed_again_without_a_restart(world: Any) -> None:
    slow = replace(FAST, recreation_delay=timedelta(minutes=5))
    config, _ = await joined(world, world.config(intervals=slow))
    first = config.agent
    await world.hub.delete(_wire.MANAGED_CLUSTERS, world.name)
    await world.until(lambda: _is_gone(world))
    body = {'metadata': {'name': world.name}, 'spec': {'hubAcceptsClient': True, 'leaseDurationSeconds': 1}}
    await world.hub.create(_wire.MANAGED_CLUSTERS, body)
    await world.joined()
    await renewed(world, await renewed(world))
    assert config.agent is first


async def _is_gone(world: Any) -> bool:
    return await world.cluster() is None


@pytest.mark.slow
async def test_19_a_renewal_is_asked_for_with_the_hub_s_identity_and_approved_by_the_hub_alone(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hub_runs(certificate_life=aged(monkeypatch))
    world.start(world.config())
    await world.approved()
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()
    await spec(world, leaseDurationSeconds=1)
    await world.until(lambda: _at_least_two(world))
    await world.until(lambda: is_so(world, 'ClusterCertificateRotated', 'True'))
    requests = sorted(await world.requests(), key=lambda each: str(each['metadata']['creationTimestamp']))
    name = f'system:open-cluster-management:{world.name}:b2c4d'
    assert [each['spec']['username'] for each in requests[:2]] == ['bootstrap', name]
    assert requests[1]['status']['conditions'][0]['reason'] == 'AutoApprovedByHubCSRApprovingController'
    await renewed(world)


async def _at_least_two(world: Any) -> bool:
    return sum(_wire.request_state(each) == 'issued' for each in await world.requests()) >= 2


@pytest.mark.slow
async def test_24_without_add_ons_none_is_asked_for_and_without_the_definition_of_claims_it_joins(world: Any) -> None:
    definition = _definitions.OF_SPOKE[0]['metadata']['name']
    await world.spoke.delete(resources.CUSTOM_RESOURCE_DEFINITIONS, definition)
    try:
        await joined(world, world.config(gates={'AddonManagement': False}))
        assert 'clusterClaims' not in (await world.cluster())['status']
        await _registered(world, 'logs', world.namespace)
        await spec(world, leaseDurationSeconds=1)
        await renewed(world, await renewed(world))
        label = {**_wire.labels(world.name), 'open-cluster-management.io/addon-name': 'logs'}
        assert (await world.hub.list(_wire.CSRS, labels=label))['items'] == []
    finally:
        await _hub.install(world.spoke, _definitions.OF_SPOKE)


# add-ons


async def _registered(world: Any, name: str, namespace: str, **subject: object) -> None:
    addon = {'metadata': {'name': name}, 'spec': {'installNamespace': namespace}}
    with contextlib.suppress(kubernetes.AlreadyExists):
        await world.hub.create(_wire.ADDONS, addon, world.name)
    entry = {'signerName': 'kubernetes.io/kube-apiserver-client', 'subject': subject}
    status = {'status': {'registrations': [entry if subject else {'signerName': entry['signerName']}]}}
    await world.hub.patch(_wire.ADDONS, name, status, world.name, subresource='status')


async def _of_addon(world: Any, name: str) -> list[Any]:
    label = {**_wire.labels(world.name), 'open-cluster-management.io/addon-name': name}
    return list((await world.hub.list(_wire.CSRS, labels=label))['items'])


async def test_20_21_the_kubeconfig_of_an_add_on_works_and_stays_until_the_add_on_is_gone(world: Any) -> None:
    await joined(world)
    await _registered(world, 'logs', world.namespace, organizationUnit=['north'])
    (request,) = await world.until(lambda: _of_addon(world, 'logs'))
    with _certificates.long_names():
        subject = x509.load_pem_x509_csr(base64.b64decode(request['spec']['request'])).subject
    base = f'system:open-cluster-management:cluster:{world.name}:addon:logs'
    assert {each.value for each in subject} == {f'{base}:agent:b2c4d', base, 'north'}
    await _hub_standin._verbs.answer(world.hub, request, 'Approved', 'Test')
    secret = await world.until(lambda: world.secret('logs-hub-kubeconfig'))
    folder = world.folder / 'logs'
    folder.mkdir()
    for key, value in secret['data'].items():
        (folder / key).write_bytes(base64.b64decode(value))
    async with Client(kubeconfig.load(folder / 'kubeconfig')) as client:
        with pytest.raises(kubernetes.Forbidden, match=f'User "{base}:agent:b2c4d"'):
            await client.list(resources.SECRETS, 'default')
    patch = {'metadata': {'finalizers': ['example.com/wait']}}
    await world.hub.patch(_wire.ADDONS, 'logs', patch, world.name)
    await world.hub.delete(_wire.ADDONS, 'logs', world.name)
    await spec(world, leaseDurationSeconds=1)
    await renewed(world, await renewed(world))  # time goes by
    assert await world.secret('logs-hub-kubeconfig')
    await world.hub.patch(_wire.ADDONS, 'logs', {'metadata': {'finalizers': None}}, world.name)

    async def is_removed() -> bool:
        return await world.secret('logs-hub-kubeconfig') is None

    await world.until(is_removed)


@pytest.mark.slow
async def test_21_a_missing_install_namespace_is_told_to_the_hub(world: Any) -> None:
    await joined(world)
    await _registered(world, 'logs', f'no-{world.name}')
    (request,) = await world.until(lambda: _of_addon(world, 'logs'))
    await _hub_standin._verbs.answer(world.hub, request, 'Approved', 'Test')

    async def told() -> Any:
        addon = await world.hub.get(_wire.ADDONS, 'logs', world.name)
        conditions = (addon.get('status') or {}).get('conditions') or []
        return next((each for each in conditions if each['type'] == 'ClusterCertificateRotated'), None)

    condition = await world.until(told)
    assert (condition['status'], condition['reason']) == ('False', 'ClientCertificateUpdateFailed')
    assert f'no-{world.name}' in condition['message']
    assert len(await _of_addon(world, 'logs')) == 1


@pytest.mark.slow
async def test_37_an_add_on_whose_registration_changes_all_the_time_makes_no_flood_of_requests(world: Any) -> None:
    await joined(world)
    for number in range(14):
        await _registered(world, 'logs', world.namespace, user=f'user-{number}')
        await world.until(lambda number=number: _asked(world, min(number + 1, 10)))
    await asyncio.sleep(1)
    assert await _asked(world, 10)


async def _asked(world: Any, number: int) -> bool:
    return len(await _of_addon(world, 'logs')) == number


# faults


async def test_26_a_hub_that_was_restarted_finds_the_agent_as_it_was_and_loses_it_no_event(world: Any) -> None:
    async with world.front() as front:
        config, _ = await joined(world, front=front)
        await spec(world, leaseDurationSeconds=1)
        await renewed(world)
        await world.fault('down')
        await world.until(lambda: _value('lease' in config.options.health.notes))
        await _registered(world, 'logs', world.namespace)  # while nobody hears of it
        assert [check.check() for check in config.options.get_health_checkers()] == ['', '']
        before = await renew_time(world)
        await world.fault('gone')  # and what happened since is forgotten
        await world.until(lambda: _of_addon(world, 'logs'))
        await world.fault('')
        await renewed(world, before)
        await world.joined()
        assert len(await world.requests()) - len(await _of_addon(world, 'logs')) == 1


@pytest.mark.slow
async def test_25_a_hub_that_is_down_at_the_start_is_waited_for(world: Any) -> None:
    async with world.front() as front:
        _, task = await joined(world, front=front)
        await ended(world, task)
        before = await renew_time(world)
        await world.fault('down')
        config = world.config()
        task = world.start(config)
        await world.until(lambda: _value(config.agent and config.agent.phase == 'main'))
        await world.spoke.create(resources.NODES, {'metadata': {'name': f'node-{world.name}'}})
        assert [check.check() for check in config.options.get_health_checkers()] == ['', '']
        await world.fault('')
        await renewed(world, before)
        assert not task.done()


@pytest.mark.slow
async def test_27_a_hub_that_answers_only_429_is_asked_again_when_it_says_so(world: Any) -> None:
    async with world.front() as front:
        config, _ = await joined(world, front=front)
        await spec(world, leaseDurationSeconds=1)
        await renewed(world)
        await world.fault('refuse=429')
        await world.until(lambda: _value('429' in config.options.health.notes.get('lease', '')))
        before = await renew_time(world)
        await world.fault('')
        await renewed(world, before)
        assert len(await world.requests()) == 1


async def test_38_a_certificate_that_is_not_issued_is_waited_for(world: Any) -> None:
    world.hub_runs(auto_approval_users=AUTO)
    await world.fault('no-signing')
    try:
        config = world.config()
        world.start(config)
        await world.until(lambda: _value('signer' in config.options.health.notes.get('certificate', '')))
    finally:
        await world.fault('')
    await world.joined()
    assert len(await world.requests()) == 1


@pytest.mark.slow
async def test_31_after_another_name_the_old_lease_is_left_alone_and_the_old_secret_is_gone(world: Any) -> None:
    _, task = await joined(world)
    await spec(world, leaseDurationSeconds=1)
    await renewed(world)
    await ended(world, task)
    old, world.name = world.name, f'{world.name}-b'
    last = (await world.hub.get(resources.LEASES, _wire.LEASE, old))['spec']['renewTime']
    secret = await world.secret()
    world.start(world.config())
    await world.joined()
    assert (await world.secret())['metadata']['uid'] != secret['metadata']['uid']
    assert (await world.hub.get(resources.LEASES, _wire.LEASE, old))['spec']['renewTime'] == last


@pytest.mark.slow
@pytest.mark.parametrize('what', ['server', 'proxy', 'ca'])
async def test_32_a_bootstrap_file_that_leads_elsewhere_begins_anew(world: Any, what: str) -> None:
    _, task = await joined(world)
    await ended(world, task)
    before = (world.dir / 'tls.crt').read_bytes()
    document = yaml.safe_load(world.bootstrap.read_text())
    cluster = document['clusters'][0]['cluster']
    if what == 'proxy':
        cluster['proxy-url'] = 'http://127.0.0.1:9'
    elif what == 'server':
        cluster['server'] = cluster['server'].replace('127.0.0.1', 'localhost')
    else:
        more = world.hub_cluster.ca + world.spoke_cluster.ca
        cluster['certificate-authority-data'] = base64.b64encode(more).decode()
        del cluster['certificate-authority']
    world.bootstrap.write_text(yaml.safe_dump(document))
    config = world.config()
    world.start(config)
    if what == 'proxy':  # where nobody listens
        await world.until(lambda: _value("('127.0.0.1', 9)" in config.options.health.notes.get('bootstrap', '')))
        assert await world.secret() is None
        return

    async def is_new() -> bool:
        return (world.dir / 'tls.crt').read_bytes() != before and await is_so(world, AVAILABLE, 'True')

    await world.until(is_new)
    assert len(await world.requests()) == 2


async def test_33_a_deleted_bootstrap_secret_is_as_bad_as_a_changed_one(world: Any) -> None:
    secret = {'metadata': {'name': 'bootstrap-hub-kubeconfig'}, 'data': {'kubeconfig': 'YQ=='}}
    await world.spoke.create(resources.SECRETS, secret, world.namespace)
    config, _ = await joined(world)
    check = config.options.get_health_checkers()[0]
    await world.spoke.delete(resources.SECRETS, 'bootstrap-hub-kubeconfig', world.namespace)
    await world.until(lambda: _value('was deleted' in check.check()))


@contextlib.asynccontextmanager
async def spoke_behind_a_front(world: Any) -> AsyncIterator[Any]:
    """Lead to the spoke through a door of its own; yields the door and the kubeconfig that leads there."""
    cluster = world.spoke_cluster
    async with Door(cluster) as front:
        path: Path = world.folder / 'spoke.kubeconfig'
        replace(cluster, server=front.url).kubeconfig(path)
        yield front, str(path)


@pytest.mark.slow
async def test_40_a_spoke_that_goes_away_and_comes_back_is_told_and_the_lease_goes_on(world: Any) -> None:
    async with spoke_behind_a_front(world) as (front, path):
        await joined(world, world.config(spoke_kubeconfig=path))
        await spec(world, leaseDurationSeconds=1)
        await front.use(world.faults('down'))
        await world.until(lambda: is_so(world, AVAILABLE, 'False'))
        conditions = (await world.cluster())['status']['conditions']
        told = next(each for each in conditions if each['type'] == AVAILABLE)
        assert 'status code 0' in told['message']
        await renewed(world, await renewed(world))
        await front.use(world.faults(''))
        await world.until(lambda: is_so(world, AVAILABLE, 'True'))


async def test_42_a_clock_that_is_wrong_is_said_here_and_there_and_no_reason_to_ask_again(world: Any) -> None:
    config, _ = await joined(world)
    notes = config.options.health.notes
    ahead = ManagedClusterLease(
        world.name, world.hub, Following(world.hub, _wire.MANAGED_CLUSTERS, FAST), Recorder(), Metrics(),
        config.options.health.note, timeout_s=5, chance=lambda: 0.0,
        now=lambda: _certificates.utc_now() + timedelta(minutes=10),
    )  # fmt: skip
    await ahead.renew()
    assert "from the hub's: it calls us out of sync" in notes['clock']
    await world.until(lambda: is_so(world, 'ManagedClusterConditionClockSynced', 'False'))
    assert len(await world.requests()) == 1


class Recorder:
    """Hears nothing."""

    def event(self, reason: str, message: str) -> None:
        pass

    warning = event


async def test_an_agent_that_was_stopped_leaves_nothing_of_itself(world: Any) -> None:
    """Tasks are looked for by the fixture, sockets and files by -W error."""
    before = set(world.folder.iterdir())
    _, task = await joined(world)
    await ended(world, task)
    names = {path.name for path in world.dir.iterdir()}
    assert names == {'agent-name', 'cluster-name', 'kubeconfig', 'tls.crt', 'tls.key'}
    assert set(world.folder.iterdir()) - before == {world.dir}
    secrets = [each['metadata']['name'] async for each in world.spoke.items(resources.SECRETS, world.namespace)]
    assert [name for name in secrets if not name.startswith('default-token')] == ['hub-kubeconfig-secret']
    assert _certificates.fits(
        (world.dir / 'tls.key').read_bytes(), _certificates.chain((world.dir / 'tls.crt').read_bytes())
    )
