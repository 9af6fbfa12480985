"""The surface of 0.3.44 against an API server. Kubelets, and controllers where there are none, the tests play."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aioclustermanager import kubernetes
from aioclustermanager.exceptions import ConflictCallException, NotFoundEndpointException
from aioclustermanager.k8s import K8SCaller, K8SContextManager, create_k8s_caller
from aioclustermanager.k8s.caller import GET_OPS
from aioclustermanager.k8s.job import K8SJob
from aioclustermanager.kubernetes import resources, waits
from aioclustermanager.manager import ClusterManager

pytestmark = pytest.mark.asyncio
_numbers = itertools.count()
PODS = [{'name': 'c', 'image': 'busybox'}]
ESTABLISHED = waits.condition('Established')
TFJOBS: dict[str, Any] = {
    'metadata': {'name': 'tfjobs.kubeflow.org'},
    'spec': {
        'group': 'kubeflow.org',
        'scope': 'Namespaced',
        'names': {'plural': 'tfjobs', 'singular': 'tfjob', 'kind': 'TFJob', 'listKind': 'TFJobList'},
        'versions': [
            {
                'name': 'v1',
                'served': True,
                'storage': True,
                'schema': {'openAPIV3Schema': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True}},
            }
        ],
    },
}


def config(cluster: Any) -> dict[str, Any]:
    if not cluster.admin.token:
        pytest.skip('needs a token')
    return {
        'auth': 'token',
        'token': base64.b64encode(cluster.admin.token.encode()).decode(),
        'endpoint': cluster.server.partition('://')[2],
        'ca_file': str(cluster.authority),
    }


@pytest_asyncio.fixture
async def manager(cluster: Any) -> AsyncIterator[ClusterManager]:
    async with K8SContextManager(config(cluster)) as context:
        yield ClusterManager(context)


@pytest.fixture
def space(namespace: str) -> str:
    return namespace


async def tell(manager: ClusterManager, resource: kubernetes.Resource, name: str, space: str, **status: Any) -> None:
    """Say what a controller or a kubelet would say."""
    await manager.caller.client.patch(resource, name, {'status': status}, space, subresource='status')


async def idle_job(manager: ClusterManager, name: str, space: str) -> None:
    """Make a job for which no controller makes pods."""
    job = K8SJob(space, name, 'busybox').payload()
    await manager.caller.client.create(resources.JOBS, {**job, 'spec': {**job['spec'], 'parallelism': 0}}, space)


async def pod_of(manager: ClusterManager, job: str, space: str, name: str = 'p') -> None:
    meta = {'name': name, 'labels': {'job-name': job}}
    await manager.caller.client.create(
        resources.PODS, {'metadata': meta, 'spec': {'containers': PODS, 'restartPolicy': 'Never'}}, space
    )


async def remove(manager: ClusterManager, name: str, space: str) -> None:
    """Do what a kubelet does to a pod that is being deleted."""
    await manager.caller.client.delete(resources.PODS, name, space, grace_s=0)


async def beside(slow: Coroutine[Any, Any, Any], *quick: Coroutine[Any, Any, Any]) -> Any:
    """Begin to wait, let the others happen, and return what the wait says."""
    task = asyncio.create_task(slow)
    await asyncio.sleep(0.05)
    assert not task.done()
    for each in quick:
        await each
    return await asyncio.wait_for(task, 120)


async def when_told(slow: Coroutine[Any, Any, Any], say: Callable[[], Awaitable[None]]) -> Any:
    """Begin to wait, and return what the wait says. It is told again: the real controllers may soon unsay a status."""
    task = asyncio.create_task(slow)
    await asyncio.sleep(0.05)
    assert not task.done()
    for _ in range(600):
        await say()
        if (await asyncio.wait([task], timeout=0.1))[0]:
            break
    assert task.done(), 'still waiting for what was said'
    return await task


# namespaces, nodes, quotas


async def test_a_namespace_is_created_once_and_deleted_once(manager: ClusterManager) -> None:
    name = f'manager-{next(_numbers)}'
    assert await manager.create_namespace(name) is True
    assert await manager.create_namespace(name) is False
    assert (await manager.caller.get_namespace(name)).payload()['metadata']['name'] == name

    async def empty() -> None:
        client = manager.caller.client
        with suppress(kubernetes.NotFound, kubernetes.Conflict):  # a controller was quicker
            there = await client.get(resources.NAMESPACES, name)
            there['spec']['finalizers'] = []
            await client.replace(resources.NAMESPACES, there, subresource='finalize')

    deleting = asyncio.create_task(manager.delete_namespace(name))
    while not deleting.done():
        await asyncio.sleep(0.1)
        await empty()
    assert await deleting is True
    assert await manager.delete_namespace(name) is False
    assert await manager.caller.get_namespace(name) is None


async def test_nodes_are_listed_with_their_names(manager: ClusterManager) -> None:
    name = f'node-{next(_numbers)}'
    node = {'metadata': {'name': name, 'labels': {'kubernetes.io/hostname': 'host'}}}
    await manager.caller.client.create(resources.NODES, node)
    try:
        found = {each.id: each.hostname for each in await manager.get_nodes()}
        assert found[name] == 'host'
    finally:
        await manager.caller.client.delete(resources.NODES, name)


async def test_a_quota_that_is_defined_twice_is_one_quota(manager: ClusterManager, space: str) -> None:
    assert await manager.define_quota(space, cpu_limit='10', mem_limit='1Gi') is True
    assert await manager.define_quota(space, cpu_limit='20') is True
    quotas = (await manager.caller.client.list(resources.RESOURCE_QUOTAS, space))['items']
    assert [quota['spec']['hard'] for quota in quotas] == [{'limits.cpu': '20', 'requests.cpu': '20'}]


# jobs


async def test_a_job_is_created_once_read_listed_and_deleted(manager: ClusterManager, space: str) -> None:
    assert await manager.create_job(space, 'j', 'busybox', command=['true'], envvars={'PAYLOAD': '{"a": 1}'}) is True
    assert await manager.create_job(space, 'j', 'busybox') is False
    job = await manager.get_job(space, 'j')
    assert (job.id, job.image, job.command, job.get_payload(), job.finished) == (
        'j',
        'busybox',
        ['true'],
        {'a': 1},
        False,
    )
    assert [each.id for each in await manager.list_jobs(space)] == ['j']
    assert await manager.delete_job(space, 'j', wait=True) is True
    assert await manager.get_job(space, 'j') is None
    assert await manager.delete_job(space, 'j', wait=True, purge=False) is True


async def test_a_job_is_put_in_the_place_of_another(manager: ClusterManager, space: str) -> None:
    await manager.create_job(space, 'j', 'busybox')
    assert await manager.create_job(space, 'j', 'alpine', delete=True) is True
    assert (await manager.get_job(space, 'j')).image == 'alpine'


async def test_all_jobs_of_a_namespace_go(manager: ClusterManager, space: str) -> None:
    for name in 'abc':
        await manager.create_job(space, name, 'busybox', wait=False)
    assert await manager.cleanup_jobs(space) == 0


@pytest.mark.parametrize(
    ('condition', 'status', 'answer'), [('Complete', {'succeeded': 2}, 2), ('Failed', {'failed': 1}, 0)]
)
async def test_waiting_for_a_job_ends_when_it_ends_well_or_not(
    manager: ClusterManager, space: str, condition: str, status: dict[str, int], answer: int
) -> None:
    await idle_job(manager, 'j', space)

    async def over() -> None:
        await tell(manager, resources.JOBS, 'j', space, conditions=[{'type': condition, 'status': 'True'}], **status)

    assert await when_told(manager.wait_for_job(space, 'j'), over) == answer


async def test_waiting_for_a_job_ends_when_it_is_deleted(manager: ClusterManager, space: str) -> None:
    await idle_job(manager, 'j', space)
    assert await beside(manager.wait_for_job(space, 'j'), manager.delete_job(space, 'j')) is None
    assert await manager.wait_for_job(space, 'j') is None


# executions


async def test_executions_are_found_by_their_job(manager: ClusterManager, space: str) -> None:
    for job in 'abc':
        await idle_job(manager, job, space)
    for number, job in enumerate(('a', 'a', 'b')):
        await pod_of(manager, job, space, f'p{number}')
    await tell(manager, resources.PODS, 'p2', space, phase='Running')
    found = await manager.list_jobs_executions(space)
    assert {job: [each.id for each in executions] for job, executions in found.items()} == {
        'a': ['p0', 'p1'], 'b': ['p2'], 'c': [],
    }  # fmt: skip
    assert [each.status for each in await manager.list_job_executions(space, 'b')] == ['Running']
    assert await manager.waiting_jobs(space) == ['c']
    assert await manager.running_jobs(space) == ['b']
    for number in range(3):
        await remove(manager, f'p{number}', space)


async def test_an_execution_is_deleted_and_waited_for(manager: ClusterManager, space: str) -> None:
    await pod_of(manager, 'j', space)
    assert await manager.delete_execution(space, 'j', 'p') is True
    assert await manager.delete_execution(space, 'j', 'p') is True
    assert len(await manager.list_job_executions(space, 'j')) == 0


@pytest.mark.parametrize(('phase', 'answer'), [('Running', 'Running'), ('Succeeded', 'Succeeded'), ('Failed', 'Error')])
async def test_the_first_thing_that_an_execution_says_is_told(
    manager: ClusterManager, space: str, phase: str, answer: str
) -> None:
    await idle_job(manager, 'j', space)
    await pod_of(manager, 'j', space)
    said = tell(manager, resources.PODS, 'p', space, phase=phase)
    assert await beside(manager.wait_for_job_execution_status(space, 'j'), said) == answer
    await remove(manager, 'p', space)


async def test_waiting_for_executions_ends_when_the_job_is_gone(manager: ClusterManager, space: str) -> None:
    await idle_job(manager, 'j', space)
    waiting = manager.wait_for_job_execution_status(space, 'j')
    assert await beside(waiting, manager.delete_job(space, 'j')) == manager.caller.constants.ERROR


async def test_the_log_of_no_execution_is_none_and_cannot_be_followed(manager: ClusterManager, space: str) -> None:
    assert await manager.get_execution_log(space, 'j', 'none') is None
    with pytest.raises(NotFoundEndpointException, match='cannot follow the log of pod none'):
        [line async for line in manager.get_execution_log_watch(space, 'j', 'none')]


# deployments and stateful sets


@pytest.mark.parametrize('kind', ['deploy', 'statefulset'])
async def test_what_has_replicas_is_created_scaled_and_deleted(manager: ClusterManager, space: str, kind: str) -> None:
    def call(name: str, *arguments: Any, **words: Any) -> Any:
        return getattr(manager, name.format(kind))(space, *arguments, **words)

    labels = {'app': 'web'}
    assert await call('create_{}', 'w', 'nginx', labels, replicas=2) is True
    assert await call('create_{}', 'w', 'nginx', labels) is False
    found = await call('get_{}', 'w')
    assert (found.id, found.image, found.selector) == ('w', 'nginx', labels)
    assert [each.id for each in await call('list_{}s')] == ['w']
    assert await call('get_scale_{}', 'w') in range(3)
    assert (await call('set_scale_{}', 'w', 3))['spec']['replicas'] == 3
    assert (await call('get_{}', 'w')).payload()['spec']['replicas'] == 3
    assert await call('get_scale_{}', 'none') is None
    with pytest.raises(NotFoundEndpointException, match='404'):
        await call('set_scale_{}', 'none', 1)
    assert await call('create_{}', 'w', 'httpd', labels, delete=True) is True
    assert (await call('get_{}', 'w')).image == 'httpd'
    assert await call('delete_{}', 'w', True) is True
    assert await call('delete_{}', 'w', False) is True
    assert await call('get_{}', 'w') is None


@pytest.mark.parametrize('kind', ['deploy', 'statefulset'])
async def test_a_deletion_that_takes_longer_than_its_time_is_told(
    manager: ClusterManager, space: str, kind: str
) -> None:
    resource = resources.DEPLOYMENTS if kind == 'deploy' else resources.STATEFUL_SETS
    delete, create = (getattr(manager, f'{verb}_{kind}') for verb in ('delete', 'create'))
    await create(space, 'w', 'nginx', {'app': 'web'}, replicas=0)
    patch = {'metadata': {'finalizers': ['example.com/hold']}}
    await manager.caller.client.patch(resource, 'w', patch, space)
    assert await delete(space, 'w', True, timeout=0.2) is False
    assert await delete(space, 'w', False) is True
    with pytest.raises(ConflictCallException, match='409'):
        await create(space, 'w', 'nginx', {'app': 'web'}, replicas=0, delete=True, timeout=0.2)
    await manager.caller.client.patch(resource, 'w', {'metadata': {'finalizers': None}}, space)
    assert await manager.caller.wait_deleted(kind, space, 'w') is True


async def test_a_deployment_is_waited_for_until_it_is_available(manager: ClusterManager, space: str) -> None:
    await manager.create_deploy(space, 'w', 'nginx', {'app': 'web'})
    assert await manager.deploy_wait_available(space, 'w', timeout=0.2) is False
    now = {'lastUpdateTime': '2020-01-01T00:00:00Z', 'lastTransitionTime': '2020-01-01T00:00:00Z'}

    async def available() -> None:
        await tell(
            manager, resources.DEPLOYMENTS, 'w', space, conditions=[{'type': 'Available', 'status': 'True', **now}]
        )

    assert await when_told(manager.deploy_wait_available(space, 'w'), available) is True


async def test_a_stateful_set_is_waited_for_until_its_pods_are_ready(manager: ClusterManager, space: str) -> None:
    # a real one has no condition Available: 0.3.44 always waited until the time was over
    await manager.create_statefulset(space, 'w', 'nginx', {'app': 'web'}, replicas=2)
    counts = {'replicas': 2, 'readyReplicas': 2, 'updatedReplicas': 2, 'observedGeneration': 1}

    async def ready() -> None:
        await tell(manager, resources.STATEFUL_SETS, 'w', space, **counts)

    assert await when_told(manager.statefulset_wait_available(space, 'w'), ready) is True


async def test_pods_are_those_that_all_of_the_selector_chooses(manager: ClusterManager, space: str) -> None:
    await manager.create_deploy(space, 'w', 'nginx', {'app': 'web', 'tier': 'a-b'})
    for name, labels in (('yes', {'app': 'web', 'tier': 'a-b'}), ('no', {'app': 'web'})):
        await manager.caller.client.create(
            resources.PODS, {'metadata': {'name': name, 'labels': labels}, 'spec': {'containers': PODS}}, space
        )
    found = {pod.id for pod in await manager.list_deploy_pods(space, 'w')}
    assert found & {'yes', 'no'} == {'yes'}
    assert [pod.id for pod in await manager.caller.get_pods(space, 'w', 'app in (web),!tier')] == ['no']
    with pytest.raises(NotFoundEndpointException, match=f'there is no deployment none in {space}'):
        await manager.list_deploy_pods(space, 'none')
    for name in ('yes', 'no'):
        await remove(manager, name, space)


# services, config maps, TFJobs


async def test_a_service_is_created_read_and_deleted(manager: ClusterManager, space: str) -> None:
    caller = manager.caller
    made = await caller.create_service(space, 's', [{'port': 80}], {'app': 'web'}, 'ClusterIP', labels={'a': 'b'})
    assert (made['spec']['type'], made['metadata']['labels']) == ('ClusterIP', {'a': 'b'})
    assert (await caller.get_service(space, 's')).id == 's'
    with pytest.raises(ConflictCallException, match='409 AlreadyExists'):
        await caller.create_service(space, 's', [{'port': 80}], {'app': 'web'}, 'ClusterIP')
    assert await caller.delete_service(space, 's') is True
    assert await caller.get_service(space, 's') is None


async def test_config_maps_are_chosen_by_labels(manager: ClusterManager, space: str) -> None:
    for name, labels in (('x', {'a': '1', 'b': '1'}), ('y', {'a': '1'})):
        await manager.caller.client.create(resources.CONFIG_MAPS, {'metadata': {'name': name, 'labels': labels}}, space)

    async def names(labels: dict[str, str] | None) -> set[str]:
        found = await manager.get_config_maps(space, labels)
        assert found['kind'] == 'ConfigMapList'
        return {item['metadata']['name'] for item in found['items']} - {'kube-root-ca.crt'}

    assert await names(None) == {'x', 'y'}
    assert await names({'a': '1', 'b': '1'}) == {'x'}


async def test_without_an_operator_tfjobs_are_refused_by_saying_what_they_need(
    manager: ClusterManager, space: str
) -> None:
    with pytest.raises(NotFoundEndpointException, match='install the Kubeflow training operator'):
        await manager.install_tfjobs(space)
    with pytest.raises(NotFoundEndpointException, match='404'):
        await manager.create_tfjob(space, 't', 'tf')
    assert await manager.get_tfjob(space, 't') is None
    assert await manager.list_tfjobs(space) is None
    assert await manager.delete_tfjob(space, 't') is True


@pytest_asyncio.fixture
async def operator(manager: ClusterManager) -> AsyncIterator[None]:
    """What an operator of Kubeflow brings: the resource."""
    client, name = manager.caller.client, TFJOBS['metadata']['name']
    try:
        await client.create(resources.CUSTOM_RESOURCE_DEFINITIONS, TFJOBS)
    except kubernetes.NotFound:
        pytest.skip('this server has no custom resources')
    await waits.until(client, resources.CUSTOM_RESOURCE_DEFINITIONS, name, '', ESTABLISHED)
    while await manager.list_tfjobs('default', version='v1') is None:  # established is said a little too early
        await asyncio.sleep(0.05)
    yield
    await client.delete(resources.CUSTOM_RESOURCE_DEFINITIONS, name)
    await waits.until(client, resources.CUSTOM_RESOURCE_DEFINITIONS, name, '', waits.is_gone)


@pytest.mark.usefixtures('operator')
async def test_tfjobs_of_an_operator_are_created_read_and_deleted(manager: ClusterManager, space: str) -> None:
    assert await manager.install_tfjobs(space) is True
    assert await manager.create_tfjob(space, 't', 'tf', workers=2, envvars={'PAYLOAD': '1'}, version='v1') is True
    assert await manager.create_tfjob(space, 't', 'tf', version='v1') is False
    job = await manager.get_tfjob(space, 't', version='v1')
    assert (job.id, job.get_payload(), job.finished, job.active) == ('t', 1, False, False)
    assert job.payload()['spec']['tfReplicaSpecs']['Worker']['replicas'] == 2
    assert [each.id for each in await manager.list_tfjobs(space, version='v1')] == ['t']
    assert await manager.get_tfjob(space, 't') is None, 'there are none of the old version'
    assert await manager.create_tfjob(space, 't', 'tf', workers=1, version='v1', delete=True) is True
    assert await manager.delete_tfjob(space, 't', wait=True, version='v1') is True
    assert await manager.get_tfjob(space, 't', version='v1') is None


# by address


async def test_objects_are_read_and_written_by_address(manager: ClusterManager, space: str) -> None:
    caller = manager.caller
    base = GET_OPS['configmaps'].format(scheme=caller.scheme, endpoint=caller.endpoint, namespace=space, selector='')
    maps, payload = base.rstrip('?'), {'metadata': {'name': 'c'}}
    assert (await caller.post(maps, 'v1', payload))['metadata']['name'] == 'c'
    assert payload == {'metadata': {'name': 'c'}}
    with pytest.raises(ConflictCallException, match='already exists'):
        await caller.post(maps, 'v1', payload)
    assert (await caller.put(f'{maps}/c', 'v1', {**payload, 'data': {'a': '1'}}))['data'] == {'a': '1'}
    assert (await caller.patch(f'{maps}/c', [{'op': 'add', 'path': '/data/b', 'value': '2'}]))['data']['b'] == '2'
    assert (await caller.get(f'{maps}/c'))['data'] == {'a': '1', 'b': '2'}
    assert '"b":' in (await caller.get(f'{maps}/c', noaccept=True))
    assert (await caller.delete(f'{maps}/c', 'v1', None))['status'] == 'Success'
    assert await caller.delete(f'{maps}/c', 'v1', {}) is None
    assert await caller.get(f'{maps}/c') is None
    with pytest.raises(NotFoundEndpointException, match='404 NotFound'):
        await caller.put(f'{maps}/c', 'v1', payload)


async def test_a_delete_that_is_a_conflict_says_so(manager: ClusterManager, space: str) -> None:
    caller, url = manager.caller, f'/api/v1/namespaces/{space}/configmaps'
    await caller.post(url, 'v1', {'metadata': {'name': 'c'}})
    with pytest.raises(ConflictCallException, match='409'):
        await caller.delete(f'{url}/c', 'v1', {'preconditions': {'uid': '00000000-0000-0000-0000-000000000000'}})


async def test_selectors_in_an_address_are_quoted(manager: ClusterManager, space: str) -> None:
    await pod_of(manager, 'j', space)
    caller = manager.caller
    found = await caller.get(f'/api/v1/namespaces/{space}/pods?labelSelector=job-name in (j, k)')
    assert [pod['metadata']['name'] for pod in found['items']] == ['p']
    await remove(manager, 'p', space)


async def test_the_credentials_go_to_no_other_server(manager: ClusterManager) -> None:
    with pytest.raises(ValueError, match=r'https://example\.com is not the server of this caller'):
        await manager.caller.get('https://example.com/api/v1/nodes')


@pytest.mark.parametrize('form', ['/api/v1/namespaces/{}/configmaps/c', '/api/v1/watch/namespaces/{}/configmaps/c'])
async def test_an_address_is_watched_in_its_old_form_too(manager: ClusterManager, space: str, form: str) -> None:
    caller, url, maps = manager.caller, form.format(space), f'/api/v1/namespaces/{space}/configmaps'
    made = caller.post(maps, 'v1', {'metadata': {'name': 'c'}})
    assert await beside(caller.watch(url, 'ADDED'), made) is True
    assert await caller.watch(url) is True, 'what was there before counts'
    assert await caller.watch(url, 'DELETED', timeout=0.2) is False
    watched = asyncio.create_task(caller.watch(url, 'MODIFIED'))
    for number in itertools.count():  # a change before the watch has begun is none to it
        await caller.patch(f'{maps}/c', [{'op': 'add', 'path': '/data', 'value': {'a': str(number)}}])
        if (await asyncio.wait([watched], timeout=0.05))[0]:
            break
    assert await watched is True
    assert await beside(caller.watch(url, 'DELETED'), caller.delete(f'{maps}/c', 'v1', {})) is True
    assert await caller.watch(url, 'DELETED') is True, 'what is gone is gone'


async def test_a_wait_tells_there_from_gave_up(manager: ClusterManager, space: str) -> None:
    caller = manager.caller
    assert await caller.wait_added('job', space, 'j', timeout=0.2) is False
    assert await beside(caller.wait_added('job', space, 'j'), manager.create_job(space, 'j', 'busybox')) is True
    assert await caller.wait_deleted('job', space, 'j', timeout=0.2) is False
    assert await beside(caller.wait_deleted('job', space, 'j'), manager.delete_job(space, 'j')) is True
    with pytest.raises(ValueError, match="unknown kind 'cronjob'"):
        await caller.wait_added('cronjob', space, 'j')


# the caller itself


async def test_a_caller_without_a_context_is_closed_by_its_session(cluster: Any) -> None:
    caller = await create_k8s_caller(config(cluster))
    assert (await caller.get('/version'))['major'] == '1'
    await caller.session.close()
    with pytest.raises(kubernetes.ConnectionFailed, match='closed'):
        await caller.get('/version')


async def test_the_session_carries_the_credentials_for_requests_of_a_programs_own(manager: ClusterManager) -> None:
    caller = manager.caller
    url = f'{caller.scheme}://{caller.endpoint}/api/v1/nodes'
    for trust in ({}, {'ssl': caller.ssl_context}):
        async with caller.session.get(url, **trust) as answer:
            assert (answer.status, (await answer.json())['kind']) == (200, 'NodeList')


async def test_a_caller_of_a_programs_own_session_has_its_credentials(cluster: Any, manager: ClusterManager) -> None:
    headers = {'Authorization': f'Bearer {cluster.admin.token}'}
    async with aiohttp.ClientSession(headers=headers) as session:
        caller = K8SCaller(manager.caller.ssl_context, manager.caller.endpoint, session, 'https')
        assert caller.session is session
        assert (await caller.get('/api/v1/nodes'))['kind'] == 'NodeList'
        await caller.close()
        assert not session.closed


async def test_a_manager_opens_and_closes_by_hand_and_again(cluster: Any) -> None:
    context = K8SContextManager(config(cluster))
    for _ in range(2):
        caller = await context.open()
        assert ClusterManager(caller).caller is caller
        assert (await caller.get('/version'))['major'] == '1'
        await context.close()
        await context.close()
