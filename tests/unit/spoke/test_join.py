"""The join, seen from outside: objects of hub and spoke, secret, files. Numbers are those of the scenarios."""

from __future__ import annotations

import asyncio
import base64
import re
import stat
import uuid
from typing import Any

import pytest
from aioclustermanager.kubernetes import resources
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from spoke import _certificates, _hub_standin, _wire

pytestmark = pytest.mark.asyncio
KEYS = ['agent-name', 'cluster-name', 'kubeconfig', 'tls.crt', 'tls.key']


async def test_01_an_agent_asks_for_its_cluster_and_for_one_certificate_and_leaves_no_secret_yet(world: Any) -> None:
    world.hub_runs()
    world.start(world.config(client_cert_expiration_seconds=86400))
    (request,) = await world.until(world.requests)
    cluster = await world.until(world.cluster)
    assert cluster['spec']['hubAcceptsClient'] is False
    spec = request['spec']
    assert request['metadata']['name'].startswith(f'{world.name}-')
    assert request['metadata']['labels'] == {'open-cluster-management.io/cluster-name': world.name}
    assert spec['signerName'] == 'kubernetes.io/kube-apiserver-client'
    assert spec['usages'] == ['digital signature', 'key encipherment', 'client auth']
    asked = x509.load_pem_x509_csr(base64.b64decode(spec['request']))
    prefix = 'system:open-cluster-management:'
    names = {attribute.value for attribute in asked.subject}
    assert names == {f'{prefix}{world.name}:b2c4d', f'{prefix}{world.name}', f'{prefix}managed-clusters'}
    assert asked.is_signature_valid
    assert isinstance(key := asked.public_key(), ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert isinstance(asked.signature_hash_algorithm, hashes.SHA256)
    assert list(asked.extensions) == []
    assert 'annotations' not in request['metadata']
    assert await world.secret() is None


async def test_02_a_cluster_that_is_approved_and_accepted_joins_with_five_keys_and_five_files(world: Any) -> None:
    world.hub_runs()
    world.start(world.config())
    await world.approved()
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()
    assert await world.condition('ManagedClusterJoined') == 'True'
    secret = await world.secret()
    assert sorted(secret['data']) == KEYS
    assert sorted(path.name for path in world.dir.iterdir()) == KEYS
    assert {stat.S_IMODE(path.stat().st_mode) for path in world.dir.iterdir()} == {0o600}
    assert stat.S_IMODE(world.dir.stat().st_mode) == 0o700
    chain = _certificates.chain((world.dir / 'tls.crt').read_bytes())
    key = (world.dir / 'tls.key').read_bytes()
    assert key.startswith(b'-----BEGIN EC PRIVATE KEY-----')
    assert _certificates.fits(key, chain)
    assert (world.dir / 'cluster-name').read_text() == world.name
    await world.until(lambda: _is_gone(world, 'hub-kubeconfig-secret-pending'))
    assert len(await world.requests()) == 1


async def _is_gone(world: Any, secret: str) -> bool:
    return await world.secret(secret) is None


async def test_03_a_cluster_may_be_accepted_long_before_it_is_approved(world: Any) -> None:
    world.hub_runs()
    world.start(world.config())
    await world.until(world.cluster)
    await _hub_standin.accept(world.hub, world.name)
    await asyncio.sleep(1)
    await world.approved()
    await world.joined()
    assert len(await world.requests()) == 1


async def test_04_an_approved_agent_waits_for_acceptance_and_then_joins(world: Any) -> None:
    world.hub_runs()
    config = world.config()
    agent = world.start(config)
    await world.approved()
    await world.until(world.secret)
    await asyncio.sleep(2)
    assert not agent.done()
    assert [check.check() for check in config.options.get_health_checkers()] == ['', '']
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()


async def test_05_with_auto_approval_nobody_has_to_do_anything(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    world.start(world.config())
    await world.joined()


async def test_06_generated_names_and_the_request_survive_restarts_before_the_approval(world: Any) -> None:
    world.hub_runs()
    config = world.config(cluster='', agent_id='')

    async def asked() -> list[Any]:
        label = f'open-cluster-management.io/cluster-name={config.agent.names.cluster}'
        return [each async for each in world.hub.items(_hub_standin._verbs._wire.CSRS, labels=label)]

    names = set()
    for _ in range(3):
        config.agent = None
        agent = world.start(config)
        await world.until(lambda: asyncio.sleep(0, config.agent and config.agent.names.cluster))
        await world.until(asked)
        await asyncio.sleep(0.3)
        names.add(config.agent.names)
        assert len(await asked()) == 1
        await world.stop(agent)
        world.tasks.remove(agent)
    (kept,) = names
    assert uuid.UUID(kept.cluster).version == 4
    assert re.fullmatch('[bcdfghjklmnpqrstvwxz2456789]{5}', kept.agent)
    world.name = kept.cluster
    world.start(config)
    await world.approved()
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()
    assert len(await world.requests()) == 1
    secret = {key: base64.b64decode(value) for key, value in (await world.secret())['data'].items()}
    assert (secret['cluster-name'].decode(), secret['agent-name'].decode()) == (kept.cluster, kept.agent)
    assert {path.name: path.read_bytes() for path in world.dir.iterdir()} == secret
    name = f'system:open-cluster-management:{kept.cluster}:{kept.agent}'
    assert _certificates.chain(secret['tls.crt']).common_names == (name,)


async def test_07_only_annotations_of_agents_are_set(world: Any) -> None:
    world.hub_runs()
    ours = 'agent.open-cluster-management.io/site'
    world.start(world.config(cluster_annotations={ours: 'b2', 'example.com/site': 'b2'}))
    cluster = await world.until(world.cluster)
    assert cluster['metadata']['annotations'] == {ours: 'b2'}


async def test_08_external_urls_are_added_and_none_is_taken_away(world: Any) -> None:
    world.hub_runs()
    agent = world.start(world.config(spoke_external_server_urls=['https://a.example:6443', 'https://b.example:6443']))
    cluster = await world.until(world.cluster)
    listed = cluster['spec']['managedClusterClientConfigs']
    assert [each['url'] for each in listed] == ['https://a.example:6443', 'https://b.example:6443']
    assert base64.b64decode(listed[0]['caBundle']) == world.spoke_cluster.ca
    await world.stop(agent)
    world.tasks.remove(agent)
    theirs = {'url': 'https://theirs.example:6443', 'caBundle': base64.b64encode(b'theirs').decode()}
    await world.hub.patch(
        _wire.MANAGED_CLUSTERS, world.name, {'spec': {'managedClusterClientConfigs': [*listed, theirs]}}
    )
    world.start(world.config(spoke_external_server_urls=['https://b.example:6443', 'https://c.example:6443']))

    async def configs() -> list[Any]:
        return list((await world.cluster())['spec']['managedClusterClientConfigs'])

    async def four() -> bool:
        return len(await configs()) == 4

    await world.until(four)
    ours = {'url': 'https://c.example:6443', 'caBundle': listed[0]['caBundle']}
    assert await configs() == [*listed, theirs, ours]


async def test_12_capacity_is_of_all_nodes_and_allocatable_of_those_that_take_pods(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    for name, unschedulable in (('one', False), ('two', True)):
        made = {'metadata': {'name': name}, 'spec': {'unschedulable': unschedulable} if unschedulable else {}}
        await world.spoke.create(resources.NODES, made)
        amounts = {'cpu': '1500m', 'memory': '1Gi'}
        status = {'status': {'capacity': amounts, 'allocatable': amounts}}
        await world.spoke.patch(resources.NODES, name, status, subresource='status')
    world.start(world.config())
    await world.joined()

    async def sizes() -> Any:
        status = (await world.cluster())['status']
        return status if status.get('capacity', {}).get('cpu') == '3' else None

    status = await world.until(sizes)
    assert status['capacity'] == {'cpu': '3', 'memory': '2Gi'}
    assert status['allocatable'] == {'cpu': '1500m', 'memory': '1Gi'}
    assert status['version']['kubernetes'].startswith('v1.')
