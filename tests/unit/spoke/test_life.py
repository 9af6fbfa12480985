"""What happens to an agent that has joined. Numbers are those of the scenarios."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import resources
from spoke import _certificates, _hub_standin, _wire
from spoke._metrics import Metrics

from tests.unit.spoke.world import FAST, Door, aged, signer

pytestmark = pytest.mark.asyncio
AUTO = frozenset({'bootstrap'})


async def joined(world: Any, config: Any = None, **settings: Any) -> Any:
    world.hub_runs(auto_approval_users=AUTO, **settings)
    config = config or world.config()
    task = world.start(config)
    await world.joined()
    return config, task


async def renew_time(world: Any) -> str:
    """Return when the lease was renewed last; the hub makes it at about the time when the cluster has joined."""
    lease = await world.until(lambda: world.hub.find(resources.LEASES, _wire.LEASE, world.name))
    return str(lease['spec']['renewTime'])


async def renewed(world: Any, before: str) -> str:
    async def newer() -> str:
        now = await renew_time(world)
        return now if now != before else ''

    found: str = await world.until(newer)
    return found


async def spec(world: Any, **changes: Any) -> None:
    await world.hub.patch(_wire.MANAGED_CLUSTERS, world.name, {'spec': changes})


async def certificate(world: Any) -> bytes:
    secret = await world.secret() or {'data': {}}
    return base64.b64decode(secret['data'].get('tls.crt', ''))


async def test_13_an_unhealthy_spoke_is_told_and_what_was_known_of_it_stays(world: Any) -> None:
    async with Door(world.spoke_cluster) as door:
        world.hub_runs(auto_approval_users=AUTO)
        management = replace(world.spoke_cluster.configuration(), server=door.url)
        task = world.start(world.config(), management)
        await world.joined()
        before = await sizes(world)
        with door.fails('GET /livez', code=500, message='etcd is sick'):
            await world.until(lambda: is_available(world, 'False'))
            conditions = (await world.cluster())['status']['conditions']
            told = next(each for each in conditions if each['type'] == 'ManagedClusterConditionAvailable')
            assert told['reason'] == 'ManagedClusterKubeAPIServerUnavailable'
            assert '500' in told['message']
            assert await sizes(world) == before
        with door.fails('GET /livez', code=404), door.fails('GET /healthz', code=500):
            await world.until(lambda: is_available(world, 'False'))
        with door.fails('GET /livez', code=404):
            await world.until(lambda: is_available(world, 'True'))
        await ended(world, task)


async def sizes(world: Any) -> list[Any]:
    status = (await world.cluster())['status']
    return [status['version'], status.get('capacity'), status.get('allocatable')]


async def ended(world: Any, task: Any) -> None:
    await world.stop(task)
    world.tasks.remove(task)


async def is_available(world: Any, status: str) -> bool:
    return bool(await world.condition('ManagedClusterConditionAvailable') == status)


async def test_14_claims_are_told_in_order_and_the_number_of_custom_ones_is_limited(world: Any) -> None:
    for number in range(30):
        await claim(world, f'custom-{number:02}', str(number))
    await claim(world, 'id.k8s.io', 'a')
    await claim(world, 'platform.open-cluster-management.io', 'b')
    await claim(world, 'a-secret', 'c', labels={'open-cluster-management.io/spoke-only': ''})
    await joined(world)
    names = [each['name'] for each in (await world.cluster())['status']['clusterClaims']]
    custom = [f'custom-{number:02}' for number in range(20)]
    assert names == ['id.k8s.io', 'platform.open-cluster-management.io', *custom]
    label = {'metadata': {'labels': {'open-cluster-management.io/spoke-only': 'x'}}}
    await world.spoke.patch(_wire.CLAIMS, 'custom-03', label)

    async def is_left_out() -> bool:
        listed = [each['name'] for each in (await world.cluster())['status']['clusterClaims']]
        return 'custom-03' not in listed and 'custom-20' in listed

    await world.until(is_left_out)


async def claim(world: Any, name: str, value: str, **meta: Any) -> None:
    await world.spoke.create(_wire.CLAIMS, {'metadata': {'name': name, **meta}, 'spec': {'value': value}})


async def test_15_another_lease_duration_is_followed_at_once(world: Any) -> None:
    await joined(world)
    first = await renew_time(world)
    await spec(world, leaseDurationSeconds=1)
    moments = [_wire.moment(await renewed(world, first))]
    for _ in range(2):
        moments.append(_wire.moment(await renewed(world, _wire.micro_time(moments[-1]))))
    assert moments[2] - moments[1] >= timedelta(seconds=1)


async def test_16_a_cluster_that_is_no_longer_accepted_stops_and_goes_on_when_it_is(world: Any) -> None:
    config, _ = await joined(world)
    first = config.agent
    await spec(world, leaseDurationSeconds=1)
    await renewed(world, await renew_time(world))
    await spec(world, hubAcceptsClient=False)
    await world.until(lambda: _is(world, 'HubAcceptedManagedCluster', 'False'))

    async def rests() -> str:
        before = await renew_time(world)
        await asyncio.sleep(1.6)  # longer than two renewals were apart
        return before if await renew_time(world) == before else ''

    stopped = await world.until(rests)
    await spec(world, hubAcceptsClient=True)
    await renewed(world, stopped)
    await world.joined()
    assert config.agent is first


async def _is(world: Any, kind: str, status: str) -> bool:
    return bool(await world.condition(kind) == status)


async def test_17_a_deleted_cluster_is_asked_for_again(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    await joined(world)
    uid = (await world.cluster())['metadata']['uid']
    await world.hub.delete(_wire.MANAGED_CLUSTERS, world.name)

    async def is_back() -> bool:
        found = await world.cluster()
        return found is not None and found['metadata']['uid'] != uid

    await world.until(is_back)
    assert f'managed cluster {world.name} was deleted on the hub' in caplog.text
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()


async def test_18_a_certificate_of_short_life_is_rotated_in_time_with_a_new_key(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_timer = replace(FAST, controller_resync_interval=timedelta(hours=1))  # no run of the controller comes in time
    await joined(world, world.config(intervals=by_timer), certificate_life=aged(monkeypatch))
    first, key = await certificate(world), (world.dir / 'tls.key').read_bytes()

    async def rotated() -> bool:
        return await certificate(world) != first and (world.dir / 'tls.crt').read_bytes() != first

    await world.until(rotated)
    chain = _certificates.chain(first)
    assert _certificates.utc_now() < chain.ends
    assert (world.dir / 'tls.key').read_bytes() != key
    await world.until(lambda: _is(world, 'ClusterCertificateRotated', 'True'))
    requests = await world.requests()
    assert requests[-1]['spec']['username'].startswith('system:open-cluster-management:') or any(
        each['spec']['username'] == f'system:open-cluster-management:{world.name}:b2c4d' for each in requests
    )


async def test_24_without_claims_everything_else_works_and_the_field_is_left_alone(world: Any) -> None:
    await claim(world, 'id.k8s.io', 'a')
    await joined(world, world.config(gates={'ClusterClaim': False}))
    assert 'clusterClaims' not in (await world.cluster())['status']


async def test_25_an_agent_whose_hub_is_down_at_its_start_stays_and_goes_on_when_it_is_back(world: Any) -> None:
    _, task = await joined(world)
    await ended(world, task)
    before = await renew_time(world)
    good = (world.dir / 'kubeconfig').read_bytes()
    secret = await world.secret()
    away = good.replace(world.hub_cluster.server.encode(), b'https://127.0.0.1:9')
    data = {'data': {**secret['data'], 'kubeconfig': base64.b64encode(away).decode()}}
    await world.spoke.patch(resources.SECRETS, 'hub-kubeconfig-secret', data, world.namespace)
    world.bootstrap.write_bytes(
        world.bootstrap.read_bytes().replace(world.hub_cluster.server.encode(), b'https://127.0.0.1:9')
    )
    config = world.config()
    task = world.start(config)
    await world.until(lambda: _done(config.agent and config.agent.phase == 'main'))
    await asyncio.sleep(1)
    assert not task.done()
    assert [check.check() for check in config.options.get_health_checkers()] == ['', '']
    back = {'data': {'kubeconfig': base64.b64encode(good).decode()}}
    await world.spoke.patch(resources.SECRETS, 'hub-kubeconfig-secret', back, world.namespace)
    await renewed(world, before)


async def _done(value: object) -> object:
    return value


async def test_29_a_deleted_hub_secret_comes_back_by_a_request_with_the_identity_of_the_hub_certificate(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await joined(world)
    await spec(world, leaseDurationSeconds=1)
    before = await renewed(world, await renew_time(world))
    caplog.clear()  # the hub may make the lease after it was looked for
    await world.spoke.delete(resources.SECRETS, 'hub-kubeconfig-secret', world.namespace)
    await world.until(world.secret)
    await renewed(world, await renewed(world, before))
    failed = [text for text in caplog.messages if f'the lease of {world.name} is not renewed' in text]
    assert all('in time' in text for text in failed), failed  # on a busy machine a call may take the second that it has
    users = {each['spec']['username'] for each in await world.requests()}
    assert users == {'bootstrap', f'system:open-cluster-management:{world.name}:b2c4d'}


GARBAGE = [('tls.crt', b'garbage'), ('tls.key', b'garbage'), ('tls.key', _certificates.new_key()),
           ('kubeconfig', b'garbage')]  # fmt: skip
KINDS = ['certificate', 'key', 'foreign key', 'kubeconfig']


@pytest.mark.parametrize(('key', 'spoilt'), GARBAGE, ids=KINDS)
async def test_30_a_corrupted_hub_secret_is_repaired_and_never_reaches_the_files(
    world: Any, key: str, spoilt: bytes
) -> None:
    await joined(world)
    garbage = {'data': {key: base64.b64encode(spoilt).decode()}}
    await world.spoke.patch(resources.SECRETS, 'hub-kubeconfig-secret', garbage, world.namespace)

    async def is_repaired() -> bool:
        found = await world.secret()
        return found is not None and base64.b64decode(found['data'][key]) != spoilt

    await world.until(is_repaired)
    assert (world.dir / key).read_bytes() != spoilt
    await spec(world, leaseDurationSeconds=1)
    await renewed(world, await renew_time(world))
    assert len(await world.requests()) == 2


@pytest.mark.parametrize(('key', 'spoilt'), GARBAGE, ids=KINDS)
async def test_30_a_hub_secret_that_is_garbage_at_the_start_is_discarded(world: Any, key: str, spoilt: bytes) -> None:
    _, task = await joined(world)
    await ended(world, task)
    garbage = {'data': {key: base64.b64encode(spoilt).decode()}}
    await world.spoke.patch(resources.SECRETS, 'hub-kubeconfig-secret', garbage, world.namespace)
    for path in world.dir.iterdir():
        path.unlink()
    before = await renew_time(world)
    world.start(world.config())
    await renewed(world, before)
    users = [each['spec']['username'] for each in await world.requests()]
    assert users == ['bootstrap', 'bootstrap']


async def test_31_another_cluster_name_begins_anew_with_the_same_agent_id(world: Any) -> None:
    _, task = await joined(world, world.config(agent_id=''))
    agent_id = (world.dir / 'agent-name').read_text()
    await ended(world, task)
    old, world.name = world.name, f'{world.name}-b'
    world.start(world.config(agent_id=''))
    await world.joined()
    assert (world.dir / 'agent-name').read_text() == agent_id
    assert (world.dir / 'cluster-name').read_text() == world.name
    assert await world.hub.find(_wire.MANAGED_CLUSTERS, old)


async def test_32_another_token_in_the_bootstrap_file_changes_nothing(world: Any) -> None:
    _, task = await joined(world)
    await ended(world, task)
    before = (world.dir / 'tls.crt').read_bytes()
    world.hub_cluster.kubeconfig(world.bootstrap, 'second-token')
    config = world.config()
    world.start(config)
    await world.until(lambda: _done(config.agent and config.agent.phase == 'main'))
    assert (world.dir / 'tls.crt').read_bytes() == before


async def test_33_embedded_the_agent_starts_over_in_place_when_the_bootstrap_secret_changes(world: Any) -> None:
    secret = {'metadata': {'name': 'bootstrap-hub-kubeconfig'}, 'data': {'kubeconfig': 'YQ=='}}
    await world.spoke.create(resources.SECRETS, secret, world.namespace)
    world.hub_runs(auto_approval_users=AUTO)
    config = world.config()
    task = world.start(config, is_embedded=True)
    await world.joined()
    first = config.agent
    await asyncio.sleep(0.2)
    change = {'data': {'kubeconfig': 'Yg=='}}
    await world.spoke.patch(resources.SECRETS, 'bootstrap-hub-kubeconfig', change, world.namespace)
    await world.until(lambda: _done(config.agent is not first and config.agent and config.agent.phase == 'main'))
    assert not task.done()
    assert config.options.get_health_checkers()[0].check() == ''


async def test_34_an_expired_certificate_turns_unhealthy_and_a_restart_bootstraps(world: Any) -> None:
    config, task = await joined(world, certificate_life=timedelta(seconds=20), approves_renewals=False)
    await world.until(lambda: _done(config.options.get_health_checkers()[1].check()))
    assert 'ended at' in config.options.get_health_checkers()[1].check()
    await ended(world, task)
    old = (world.dir / 'tls.crt').read_bytes()
    world.start(world.config())

    async def is_new() -> bool:
        return (world.dir / 'tls.crt').read_bytes() != old

    await world.until(is_new)


@pytest.mark.slow
async def test_34_embedded_an_agent_whose_certificate_ended_begins_anew_and_has_another(world: Any) -> None:
    world.hub_runs(auto_approval_users=AUTO, certificate_life=timedelta(seconds=20), approves_renewals=False)
    config = world.config()
    task = world.start(config, is_embedded=True)
    await world.joined()
    old, first = (world.dir / 'tls.crt').read_bytes(), config.agent

    async def has_another() -> bool:
        return config.agent is not first and (world.dir / 'tls.crt').read_bytes() != old

    await world.until(has_another, 60)
    assert not task.done()
    assert [each.check() for each in config.options.get_health_checkers()] == ['', '']


async def test_35_an_expired_bootstrap_credential_does_not_matter_once_there_is_a_certificate(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _, task = await joined(world)
    await ended(world, task)
    world.hub_cluster.kubeconfig(world.bootstrap, 'expired-token')
    before = await renew_time(world)
    caplog.clear()
    config = world.config()
    world.start(config)
    await renewed(world, before)
    assert len(await world.requests()) == 1
    assert [check.check() for check in config.options.get_health_checkers()] == ['', '']
    assert f'{world.name}: 401' not in caplog.text


async def test_35_with_neither_it_stays_says_so_and_joins_when_the_file_is_mended(world: Any) -> None:
    world.hub_runs(auto_approval_users=AUTO)
    world.hub_cluster.kubeconfig(world.bootstrap, 'expired-token')
    config = world.config()
    task = world.start(config)
    await world.until(lambda: _done(config.options.health.notes.get('bootstrap')))
    assert 'bootstrap' in config.options.health.notes['bootstrap']
    assert await world.requests() == []
    assert not task.done()
    world.hub_cluster.kubeconfig(world.bootstrap, 'bootstrap-token')
    await world.joined()


async def test_36_a_denied_request_is_told_and_asked_again_after_a_pause_that_grows(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.hub_runs()
    metrics, config = Metrics(), world.config()
    world.start(config, metrics=metrics)
    for count in (1, 2):
        await world.until(lambda count=count: _count(world, count))
        await world.until(lambda: _hub_standin.deny(world.hub, world.name))
        await world.until(lambda count=count: _done(denials(metrics) >= count))
        assert caplog.text.count('was denied') >= count
    await world.until(lambda: _count(world, 3))
    moments = sorted(_wire.moment(each['metadata']['creationTimestamp']) for each in await world.requests())
    assert moments[1] - moments[0] >= timedelta(seconds=1)
    assert moments[2] - moments[1] >= timedelta(seconds=1)
    await world.approved()
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()


def denials(metrics: Metrics) -> float:
    return metrics.get('spoke_certificate_requests_total', certificate='hub', outcome='denied') or 0


async def _count(world: Any, count: int) -> bool:
    return len(await world.requests()) == count


async def test_37_with_ten_open_requests_no_more_is_made_until_there_are_fewer(world: Any) -> None:
    world.hub_runs()
    for _ in range(10):
        pem = _certificates.request(_certificates.new_key(), _certificates.Subject('somebody'))
        body = _wire.signing_request(
            _wire.CSRS, f'{world.name}-', _wire.labels(world.name), 'kubernetes.io/kube-apiserver-client', pem, 0
        )
        await world.hub.create(_wire.CSRS, body)
    config, metrics, said = world.config(), Metrics(), Said()
    world.start(config, metrics=metrics, recorder=said)
    await world.until(lambda: _done('10 requests' in config.options.health.notes.get('certificate', '')))
    assert await _count(world, 10)
    assert metrics.get('spoke_certificate_requests_halted', certificate='hub') == 1
    assert 'ClientCertificateCreationHalted' in said.warnings
    await world.hub.delete(_wire.CSRS, (await world.requests())[0]['metadata']['name'])
    await world.until(lambda: _done('approval of' in config.options.health.notes.get('certificate', '')))
    assert await _count(world, 10)


class Said:
    """What an agent says."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def event(self, reason: str, message: str) -> None:
        pass

    def warning(self, reason: str, message: str) -> None:
        self.warnings.append(reason)


async def test_38_a_certificate_for_another_key_is_forgotten_and_another_one_asked_for(world: Any) -> None:
    world.hub_runs(signs=False)
    world.start(world.config())
    await world.approved()
    (request,) = await world.requests()
    other = _certificates.request(_certificates.new_key(), _certificates.Subject('somebody'))
    pem = signer(world.hub_cluster).sign(other, timedelta(hours=1), _certificates.utc_now())
    patch = {'status': {'certificate': base64.b64encode(pem).decode()}}
    await world.hub.patch(_wire.CSRS, request['metadata']['name'], patch, subresource='status')
    await world.until(lambda: _count(world, 2))
    assert await world.secret() is None


async def test_38_a_renewal_that_is_signed_for_another_key_is_told_to_the_hub_and_asked_again(world: Any) -> None:
    await joined(world)
    await world.until(lambda: _done((world.dir / 'tls.crt').exists()))
    before = (world.dir / 'tls.crt').read_bytes()
    await world.fault('wrong-certificate')
    try:
        await world.spoke.delete(resources.SECRETS, 'hub-kubeconfig-secret', world.namespace)
        await world.until(lambda: _is(world, 'ClusterCertificateRotated', 'False'))
        conditions = (await world.cluster())['status']['conditions']
        told = next(each for each in conditions if each['type'] == 'ClusterCertificateRotated')
        assert told['reason'] == 'ClientCertificateUpdateFailed'
        assert 'another key' in told['message']
        assert (world.dir / 'tls.crt').read_bytes() == before
    finally:
        await world.fault('')
    await world.until(lambda: _is(world, 'ClusterCertificateRotated', 'True'))
    assert _certificates.fits(
        (world.dir / 'tls.key').read_bytes(), _certificates.chain((world.dir / 'tls.crt').read_bytes())
    )


async def test_40_a_spoke_that_does_not_answer_is_unavailable_and_the_lease_goes_on(world: Any) -> None:
    world.spoke_cluster.kubeconfig(world.folder / 'spoke.kubeconfig', server='https://127.0.0.1:9')
    world.hub_runs(auto_approval_users=AUTO)
    world.start(world.config(spoke_kubeconfig=str(world.folder / 'spoke.kubeconfig')))
    await world.until(lambda: is_available(world, 'False'))
    conditions = (await world.cluster())['status']['conditions']
    told = next(each for each in conditions if each['type'] == 'ManagedClusterConditionAvailable')
    assert 'status code 0' in told['message']
    await spec(world, leaseDurationSeconds=1)
    await renewed(world, await renew_time(world))


async def test_20_21_an_add_on_gets_its_certificates_and_loses_them_with_its_registration(world: Any) -> None:
    await joined(world)
    namespace = f'addon-{world.name}'
    addon = {'metadata': {'name': 'logs'}, 'spec': {'installNamespace': namespace}}
    await world.hub.create(_wire.ADDONS, addon, world.name)
    registrations = [
        {'signerName': 'kubernetes.io/kube-apiserver-client'},
        {'signerName': 'example.com/logs', 'subject': {'user': 'u', 'organizationUnit': ['north']}},
    ]
    await world.hub.patch(
        _wire.ADDONS, 'logs', {'status': {'registrations': registrations}}, world.name, subresource='status'
    )

    async def asked() -> list[Any]:
        label = f'open-cluster-management.io/addon-name=logs,open-cluster-management.io/cluster-name={world.name}'
        return [each async for each in world.hub.items(_wire.CSRS, labels=label)]

    await world.until(lambda: _length(asked, 2))
    for each in await asked():
        await _hub_standin._verbs.answer(world.hub, each, 'Approved', 'Test')
    await asyncio.sleep(1)
    namespace_object = {'metadata': {'name': namespace}}
    await world.spoke.create(resources.NAMESPACES, namespace_object)

    async def secrets() -> dict[str, Any]:
        listed = [each async for each in world.spoke.items(resources.SECRETS, namespace)]
        return {each['metadata']['name']: each['data'] for each in listed}

    await world.until(lambda: _length(secrets, 2))
    found = await secrets()
    assert sorted(found['logs-hub-kubeconfig']) == ['kubeconfig', 'tls.crt', 'tls.key']
    assert sorted(found['logs-example.com-logs-client-cert']) == ['tls.crt', 'tls.key']
    assert len(await asked()) == 2
    one = {'status': {'registrations': registrations[:1]}}
    await world.hub.patch(_wire.ADDONS, 'logs', one, world.name, subresource='status')
    await world.until(lambda: _length(secrets, 1))
    other = {'status': {'registrations': [{'signerName': 'example.com/other'}]}}
    await world.hub.patch(_wire.ADDONS, 'logs', other, world.name, subresource='status')

    async def open_one() -> Any:
        return next((each for each in await asked() if each['spec']['signerName'] == 'example.com/other'), None)

    await _hub_standin._verbs.answer(world.hub, await world.until(open_one), 'Approved', 'Test')

    async def changed() -> bool:
        return list(await secrets()) == ['logs-example.com-other-client-cert']

    await world.until(changed)
    await world.hub.delete(_wire.ADDONS, 'logs', world.name)
    await world.until(lambda: _length(secrets, 0))


async def _length(find: Any, count: int) -> bool:
    return len(await find()) == count


async def test_21_secrets_of_an_add_on_that_ended_while_no_agent_ran_are_taken_away(world: Any) -> None:
    labels = {'open-cluster-management.io/cluster-name': world.name, 'open-cluster-management.io/addon-name': 'gone'}
    left = {'metadata': {'name': 'gone-hub-kubeconfig', 'labels': labels}}
    await world.spoke.create(resources.SECRETS, left, world.namespace)
    await joined(world)
    await world.until(lambda: _absent(world, 'gone-hub-kubeconfig'))


async def _absent(world: Any, name: str) -> bool:
    return await world.secret(name) is None


async def test_22_the_lease_of_an_add_on_decides_whether_it_is_available(world: Any) -> None:
    await joined(world)
    for name, mode in (('logs', 'Lease'), ('own', 'Customized')):
        await world.hub.create(
            _wire.ADDONS, {'metadata': {'name': name}, 'spec': {'installNamespace': world.namespace}}, world.name
        )
        status = {'status': {'healthCheck': {'mode': mode}}}
        await world.hub.patch(_wire.ADDONS, name, status, world.name, subresource='status')
    await world.until(lambda: addon_is(world, 'logs', 'Unknown'))
    now = _certificates.utc_now()
    spec = {'renewTime': _wire.micro_time(now)}
    await world.spoke.create(resources.LEASES, {'metadata': {'name': 'own'}, 'spec': spec}, world.namespace)
    made = await world.spoke.create(resources.LEASES, {'metadata': {'name': 'logs'}, 'spec': spec}, world.namespace)
    await world.until(lambda: addon_is(world, 'logs', 'True'))
    old = {**made, 'spec': {'renewTime': _wire.micro_time(now - timedelta(seconds=301))}}
    await world.spoke.replace(resources.LEASES, old, world.namespace)
    await world.until(lambda: addon_is(world, 'logs', 'False'))
    assert not await addon_is(world, 'own', 'True')  # Unknown if it was seen before it said how it is checked


async def addon_is(world: Any, name: str, status: str) -> bool:
    addon = await world.hub.get(_wire.ADDONS, name, world.name)
    conditions = (addon.get('status') or {}).get('conditions') or []
    return next((each['status'] for each in conditions if each['type'] == 'Available'), '') == status


async def test_41_an_agent_killed_again_and_again_while_it_joins_leaves_one_request(world: Any) -> None:
    world.hub_runs()
    for pause_s in (0.05, 0.15, 0.25, 0.4, 0.6):
        task = world.start(world.config(intervals=replace(FAST)))
        await asyncio.sleep(pause_s)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        world.tasks.remove(task)
    world.start(world.config())
    await world.approved()
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()
    assert len(await world.requests()) == 1


async def test_the_agent_may_do_on_the_hub_what_it_needs_and_no_more(world: Any) -> None:
    await joined(world)
    async with kubernetes.Client(kubernetes_config(world)) as client:
        with pytest.raises(kubernetes.Forbidden):
            await client.list(_wire.MANAGED_CLUSTERS)
        with pytest.raises(kubernetes.Forbidden):
            await client.list(resources.SECRETS, world.name)
        assert await client.get(resources.LEASES, _wire.LEASE, world.name)


def kubernetes_config(world: Any) -> Any:
    from aioclustermanager.kubernetes import kubeconfig

    return kubeconfig.load(world.dir / 'kubeconfig')


async def test_the_files_say_whether_the_hub_s_kubeconfig_is_valid(world: Any) -> None:
    config = world.config()
    assert not await config.has_valid_hub_client_config()
    await joined(world, config)
    assert await config.has_valid_hub_client_config()
    other = world.config(cluster='another')
    assert not await other.has_valid_hub_client_config()
    (world.dir / 'tls.key').unlink()
    assert not await config.has_valid_hub_client_config()
