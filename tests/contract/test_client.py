"""aioclustermanager's client of Kubernetes against an API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import (
    Client,
    Configuration,
    Patch,
    Resource,
    Tls,
    bearer,
    discovery,
    kubeconfig,
    pods,
    resources,
    scaling,
    tokens,
    waits,
)
from aioclustermanager.kubernetes.informer import Informer

MAPS = resources.CONFIG_MAPS


def configuration(cluster: Any, token: str = '') -> Configuration:
    admin = cluster.admin
    return Configuration(
        cluster.server, Tls(ca_file=str(cluster.authority)), bearer(token or admin.token) if admin.token else None
    )


@pytest_asyncio.fixture
async def client(cluster: Any) -> AsyncIterator[Client]:
    async with Client(configuration(cluster)) as made:
        yield made


@pytest.fixture
def space(namespace: str) -> str:
    return namespace


pytestmark = pytest.mark.asyncio


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {'metadata': {'name': name}, 'data': data}


async def names(items: AsyncIterator[dict[str, Any]]) -> list[str]:
    """Return the names of what the test made: the real controllers put a map of their own into every namespace."""
    return [item['metadata']['name'] async for item in items if item['metadata']['name'] != 'kube-root-ca.crt']


async def test_an_object_is_created_read_replaced_and_deleted(client: Client, space: str) -> None:
    made = await client.create(MAPS, config_map('a', x='1'), space)
    assert (made['kind'], made['apiVersion'], made['metadata']['namespace']) == ('ConfigMap', 'v1', space)
    made['data']['x'] = '2'
    replaced = await client.replace(MAPS, made)
    assert (await client.get(MAPS, 'a', space)) == replaced and replaced['data'] == {'x': '2'}
    with pytest.raises(kubernetes.Conflict, match='the object has been modified') as caught:
        await client.replace(MAPS, made)
    assert not isinstance(caught.value, kubernetes.AlreadyExists)
    with pytest.raises(kubernetes.AlreadyExists) as exists:
        await client.create(MAPS, config_map('a'), space)
    assert (exists.value.status, exists.value.reason, exists.value.details['name']) == (409, 'AlreadyExists', 'a')
    await client.delete(MAPS, 'a', space)
    with pytest.raises(kubernetes.NotFound, match='configmaps "a" not found'):
        await client.get(MAPS, 'a', space)
    assert await client.find(MAPS, 'a', space) is None
    with pytest.raises(kubernetes.NotFound):
        await client.delete(MAPS, 'a', space)


async def test_only_the_object_that_is_meant_is_deleted(client: Client, space: str) -> None:
    made = await client.create(MAPS, config_map('a'), space)
    with pytest.raises(kubernetes.Conflict):
        await client.delete(MAPS, 'a', space, uid='00000000-0000-0000-0000-000000000000')
    await client.delete(MAPS, 'a', space, uid=made['metadata']['uid'])
    assert await client.find(MAPS, 'a', space) is None


async def test_a_dry_run_changes_nothing(client: Client, space: str) -> None:
    await client.create(MAPS, config_map('a', x='1'), space, dry_run=True)
    assert await client.find(MAPS, 'a', space) is None
    await client.create(MAPS, config_map('a', x='1'), space)
    await client.patch(MAPS, 'a', {'data': {'x': '2'}}, space, dry_run=True)
    await client.delete(MAPS, 'a', space, dry_run=True)
    assert (await client.get(MAPS, 'a', space))['data'] == {'x': '1'}


@pytest.mark.parametrize(
    ('kind', 'patch', 'data'),
    [
        (Patch.MERGE, {'data': {'x': None, 'y': '2'}}, {'y': '2'}),
        (Patch.STRATEGIC, {'data': {'x': None, 'y': '2'}}, {'y': '2'}),
        (Patch.JSON, [{'op': 'test', 'path': '/data/x', 'value': '1'}, {'op': 'remove', 'path': '/data/x'}], {}),
    ],
)
async def test_a_patch_changes_a_part(client: Client, space: str, kind: Patch, patch: Any, data: Any) -> None:
    await client.create(MAPS, config_map('a', x='1'), space)
    patched = await client.patch(MAPS, 'a', patch, space, kind=kind)
    assert patched.get('data', {}) == data


async def test_a_strategic_patch_knows_what_names_an_item_of_a_list(client: Client, space: str) -> None:
    container = {'name': 'web', 'image': 'nginx:1'}
    template = {'metadata': {'labels': {'a': 'b'}}, 'spec': {'containers': [container]}}
    spec = {'selector': {'matchLabels': {'a': 'b'}}, 'template': template}
    await client.create(resources.DEPLOYMENTS, {'metadata': {'name': 'd'}, 'spec': spec}, space)
    change = {'spec': {'template': {'spec': {'containers': [{'name': 'side', 'image': 'busybox:1'}]}}}}
    patched = await client.patch(resources.DEPLOYMENTS, 'd', change, space, kind=Patch.STRATEGIC)
    assert {each['name'] for each in patched['spec']['template']['spec']['containers']} == {'web', 'side'}


async def test_an_applied_object_is_made_and_kept_and_conflicts_are_told(client: Client, space: str) -> None:
    await client.apply(MAPS, config_map('a', x='1'), space, field_manager='one')
    again = await client.apply(MAPS, config_map('a', x='2', y='3'), space, field_manager='one')
    assert again['data'] == {'x': '2', 'y': '3'}
    if not _has_field_managers(again):
        return  # the stand-in keeps no books about who owns what
    assert (await client.apply(MAPS, config_map('a', x='4'), space, field_manager='one'))['data'] == {'x': '4'}
    with pytest.raises(kubernetes.Conflict, match='conflict with "one"') as caught:
        await client.apply(MAPS, config_map('a', x='5'), space, field_manager='two')
    assert caught.value.details['causes'][0]['field'] == '.data.x'
    forced = await client.apply(MAPS, config_map('a', x='5'), space, field_manager='two', force=True)
    assert forced['data'] == {'x': '5'}


def _has_field_managers(there: dict[str, Any]) -> bool:
    return 'managedFields' in there['metadata']


async def test_a_list_is_chosen_by_labels_and_fields(client: Client, space: str) -> None:
    for name, color in (('a', 'red'), ('b', 'blue'), ('c', 'red')):
        await client.create(MAPS, {'metadata': {'name': name, 'labels': {'color': color}}}, space)
    assert await names(client.items(MAPS, space, labels={'color': 'red'})) == ['a', 'c']
    assert await names(client.items(MAPS, space, labels='color in (blue), color!=red')) == ['b']
    assert await names(client.items(MAPS, space, fields={'metadata.name': 'c'})) == ['c']
    everywhere = await names(client.items(MAPS, labels={'color': 'blue'}))
    assert everywhere == ['b']


async def test_pages_show_each_object_once(client: Client, space: str) -> None:
    expected = [f'm-{number:02}' for number in range(17)]
    await asyncio.gather(*(client.create(MAPS, config_map(name), space) for name in expected))
    assert await names(client.items(MAPS, space, page=5)) == expected
    page = await client.list(MAPS, space, limit=5)
    assert len(page['items']) == 5 and page['metadata']['continue']


async def test_a_collection_is_deleted_by_its_labels(client: Client, space: str) -> None:
    for name in 'abc':
        labels = {'keep': 'yes'} if name == 'b' else {'keep': 'no'}
        await client.create(MAPS, {'metadata': {'name': name, 'labels': labels}}, space)
    await client.delete_all(MAPS, space, labels={'keep': 'no'})
    assert await names(client.items(MAPS, space)) == ['b']


async def test_a_watch_tells_all_that_happens_in_order(client: Client, space: str) -> None:
    await client.create(MAPS, config_map('a', x='0'), space)
    told = []

    async def follow() -> None:
        async with aclosing(client.watch(MAPS, space, fields='metadata.name!=kube-root-ca.crt')) as watch:
            async for event in watch:
                told.append((event.type, event.object['metadata']['name'], (event.object.get('data') or {}).get('x')))
                if event.type == 'DELETED':
                    return

    following = asyncio.create_task(follow())
    while not told:
        await asyncio.sleep(0.01)
    await client.patch(MAPS, 'a', {'data': {'x': '1'}}, space)
    await client.create(MAPS, config_map('b', x='2'), space)
    await client.delete(MAPS, 'a', space)
    await asyncio.wait_for(following, 60)
    assert told == [('ADDED', 'a', '0'), ('MODIFIED', 'a', '1'), ('ADDED', 'b', '2'), ('DELETED', 'a', '1')]


async def test_a_watch_begins_where_it_is_told_to(client: Client, space: str) -> None:
    made = await client.create(MAPS, config_map('a'), space)
    await client.create(MAPS, config_map('b'), space)
    async with aclosing(client.watch(MAPS, space, since=made['metadata']['resourceVersion'])) as watch:
        event = await asyncio.wait_for(watch.__anext__(), 60)
    assert (event.type, event.object['metadata']['name'], event.object['kind']) == ('ADDED', 'b', 'ConfigMap')


async def test_waits_end_when_it_is_so(client: Client, space: str) -> None:
    there = asyncio.create_task(waits.until(client, MAPS, 'a', space, waits.exists, timeout_s=60))
    await asyncio.sleep(0.05)
    await client.create(MAPS, config_map('a'), space)
    assert (await there or {})['metadata']['name'] == 'a'
    gone = asyncio.create_task(waits.until(client, MAPS, 'a', space, waits.is_gone, timeout_s=60))
    await asyncio.sleep(0.05)
    await client.delete(MAPS, 'a', space)
    assert await gone is None


async def test_an_informer_knows_what_the_server_knows(client: Client, space: str) -> None:
    await client.create(MAPS, config_map('a', x='1'), space)

    def data(item: dict[str, Any]) -> list[str]:
        return list((item.get('data') or {}).values())

    ended = asyncio.Event()

    def note(change: Any) -> None:
        if change.new is None:
            ended.set()

    async with Informer(client, MAPS, space, indexes={'data': data}, handlers=(note,)) as informer:
        assert [item['metadata']['name'] for item in informer.cache.by('data', '1')] == ['a']
        await client.create(MAPS, config_map('b', x='1'), space)
        await client.delete(MAPS, 'a', space)
        await asyncio.wait_for(ended.wait(), 60)
        assert [item['metadata']['name'] for item in informer.cache.by('data', '1')] == ['b']


async def test_discovery_knows_kinds_plurals_and_short_names(client: Client) -> None:
    assert await discovery.find(client, 'Deployment') == resources.DEPLOYMENTS
    assert await discovery.find(client, 'cm') == resources.CONFIG_MAPS
    assert await discovery.find(client, 'nodes', group='') == resources.NODES
    found = {found.resource: found for found in await discovery.resources(client)}
    assert {'status', 'scale'} <= set(found[resources.DEPLOYMENTS].subresources)
    assert {'get', 'list', 'watch', 'create', 'delete'} <= set(found[resources.PODS].verbs)
    with pytest.raises(kubernetes.NotFound, match="no resource 'nonsense'"):
        await discovery.find(client, 'nonsense')
    assert (await discovery.version(client))['major'] == '1'


async def test_replicas_are_set_by_the_scale_subresource(client: Client, space: str) -> None:
    template = {'metadata': {'labels': {'a': 'b'}}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    spec = {'replicas': 1, 'selector': {'matchLabels': {'a': 'b'}}, 'template': template}
    await client.create(resources.DEPLOYMENTS, {'metadata': {'name': 'd'}, 'spec': spec}, space)
    assert (await scaling.set_replicas(client, resources.DEPLOYMENTS, 'd', space, 4))['spec']['replicas'] == 4
    assert (await scaling.get(client, resources.DEPLOYMENTS, 'd', space))['spec']['replicas'] == 4
    assert (await client.get(resources.DEPLOYMENTS, 'd', space))['spec']['replicas'] == 4


async def test_the_status_is_a_part_of_its_own(client: Client, space: str) -> None:
    template = {'metadata': {'labels': {'a': 'b'}}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    spec = {'replicas': 1, 'selector': {'matchLabels': {'a': 'b'}}, 'template': template}
    await client.create(resources.DEPLOYMENTS, {'metadata': {'name': 'd'}, 'spec': spec}, space)
    change = {'spec': {'replicas': 9}, 'status': {'replicas': 7}}
    patched = await client.patch(resources.DEPLOYMENTS, 'd', change, space, subresource='status')
    assert (patched['spec']['replicas'], patched['status']['replicas']) == (1, 7)


async def test_a_pod_is_evicted(client: Client, space: str) -> None:
    spec = {'containers': [{'name': 'c', 'image': 'i'}], 'automountServiceAccountToken': False}
    await client.create(resources.PODS, {'metadata': {'name': 'p'}, 'spec': spec}, space)
    await pods.evict(client, 'p', space, grace_s=0)
    await waits.until(client, resources.PODS, 'p', space, waits.is_gone, timeout_s=60)
    with pytest.raises(kubernetes.NotFound):
        await pods.evict(client, 'p', space)


async def test_a_token_of_a_service_account_is_one_of_it(client: Client, space: str, cluster: Any) -> None:
    if not cluster.real:
        with pytest.raises(kubernetes.NotFound):  # the stand-in signs no tokens
            await tokens.request(client, 'default', space)
        return
    token = (await tokens.request(client, 'default', space, expires_s=600))['status']['token']
    async with Client(configuration(cluster, token)) as other:
        with pytest.raises(kubernetes.Forbidden, match=f'system:serviceaccount:{space}:default'):
            await other.get(MAPS, 'a', space)


async def test_custom_resources_are_resources_like_others(client: Client, space: str) -> None:
    kind = Resource('example.com', 'v1', 'widgets', 'Widget')
    schema = {'openAPIV3Schema': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True}}
    version = {'name': 'v1', 'served': True, 'storage': True, 'schema': schema}
    spec = {'group': 'example.com', 'scope': 'Namespaced', 'names': {'plural': 'widgets', 'kind': 'Widget'}}
    definition = {'metadata': {'name': 'widgets.example.com'}, 'spec': {**spec, 'versions': [version]}}
    await client.create(resources.CUSTOM_RESOURCE_DEFINITIONS, definition)
    name = 'widgets.example.com'
    established = waits.condition('Established')
    await waits.until(client, resources.CUSTOM_RESOURCE_DEFINITIONS, name, '', established, timeout_s=60)
    while True:  # established is said a moment before it is served
        try:
            assert await discovery.find(client, 'Widget') == kind
            await client.create(kind, {'metadata': {'name': 'w'}, 'spec': {'size': 3}}, space)
            break
        except kubernetes.NotFound:
            await asyncio.sleep(0.1)
    assert (await client.patch(kind, 'w', {'spec': {'size': 4}}, space))['spec'] == {'size': 4}
    assert await names(client.items(kind, space)) == ['w']
    await client.delete(resources.CUSTOM_RESOURCE_DEFINITIONS, name)


async def test_a_kubeconfig_is_all_it_takes(cluster: Any) -> None:
    if not cluster.admin.token:
        pytest.skip('needs the tokens of the clusters started here')
    async with Client(kubeconfig.load(cluster.kubeconfig('client', cluster.admin.token))) as client:
        assert (await client.get(resources.NAMESPACES, 'default'))['kind'] == 'Namespace'
    async with Client(kubeconfig.load(cluster.kubeconfig('wrong', 'wrong-token'))) as client:
        with pytest.raises(kubernetes.Unauthorized):
            await client.get(resources.NAMESPACES, 'default')
    async with Client(kubeconfig.load(cluster.kubeconfig('nobody', 'nobody-token'))) as client:
        with pytest.raises(kubernetes.Forbidden, match='User "nobody" cannot get resource "namespaces"'):
            await client.get(resources.NAMESPACES, 'default')


async def test_an_object_the_server_does_not_want_is_refused_with_its_reasons(client: Client, space: str) -> None:
    with pytest.raises(kubernetes.Invalid) as caught:
        await client.create(resources.SECRETS, {'metadata': {'name': 'Not A Name'}}, space)
    assert caught.value.reason == 'Invalid' and 'metadata.name' in caught.value.message
