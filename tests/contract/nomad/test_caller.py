"""ClusterManager on Nomad, as programs of 0.3.44 use it: with emulated namespaces, and with Nomad's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aioclustermanager._http import ConnectionFailed, DeadlineExceeded
from aioclustermanager.exceptions import ConflictCallException, NotFoundEndpointException
from aioclustermanager.manager import ClusterManager
from aioclustermanager.nomad import InvalidConfiguration, NomadContextManager, create_nomad_caller
from aioclustermanager.nomad.caller import GET_OPS, POST_OPS, NomadCaller

from tests.nomad_stand_in import WRITE, Fault, NomadStandIn, Token

pytestmark = pytest.mark.asyncio
SPACE = 'aio-test'


@pytest_asyncio.fixture(params=['emulated', 'real'])
async def manager(request: pytest.FixtureRequest, stand_in: NomadStandIn) -> AsyncIterator[ClusterManager]:
    config = {'endpoint': stand_in.endpoint, 'namespaces': request.param}
    async with NomadContextManager(config) as context:
        made = ClusterManager(context)
        await made.create_namespace(SPACE)
        yield made


@pytest_asyncio.fixture
async def caller(stand_in: NomadStandIn) -> AsyncIterator[NomadCaller]:
    async with NomadContextManager({'endpoint': stand_in.endpoint}, loop=None) as context:
        yield context


async def test_a_program_of_0_3_44_runs(manager: ClusterManager) -> None:
    """The steps of that version's own test of Nomad."""
    assert len(await manager.get_nodes()) > 0
    assert await manager.cleanup_jobs(SPACE) == 0
    assert (await manager.list_jobs(SPACE)).total == 0
    volumes = ['aio-environment/resolv.conf:/etc/resolv.conf']
    templates = [{'DestPath': '/aio-environment/resolv.conf', 'EmbeddedTmpl': 'nameserver ::1\n'}]
    created = await manager.create_job(
        SPACE, 'test-job', 'quick', command=['perl'], args=['-wle', '1'], timeout=45, delete=True, wait=False,
        templates=templates, volumes=volumes,
    )  # fmt: skip
    assert created is True
    job = await manager.get_job(SPACE, 'test-job')
    assert (job.id, job.namespace) == ('test-job', SPACE)
    assert job._raw['TaskGroups'][0]['Tasks'][0]['Config']['volumes'] == volumes
    assert [each.id for each in await manager.list_jobs(SPACE)] == ['test-job']
    assert await manager.wait_for_job(SPACE, 'test-job') == 1
    assert (await manager.get_job(SPACE, 'test-job')).finished
    executions = await manager.list_job_executions(SPACE, 'test-job')
    assert (len(executions), executions.is_done(), executions[0].status) == (1, True, 'complete')
    assert await manager.get_execution_log(SPACE, 'test-job', executions[0].internal_id) == 'done\n'
    assert await manager.get_scale_deploy(SPACE, 'test-job') == 1
    assert (await manager.set_scale_deploy(SPACE, 'test-job', 2))['JobModifyIndex'] > 0
    assert await manager.get_scale_deploy(SPACE, 'test-job') == 2
    assert await manager.delete_job(SPACE, 'test-job') is True
    assert await manager.get_job(SPACE, 'test-job') is None


async def test_a_job_is_created_once_and_again_on_demand(manager: ClusterManager) -> None:
    assert await manager.create_job(SPACE, 'a', 'endless') is True
    assert await manager.create_job(SPACE, 'a', 'endless') is False
    first = (await manager.get_job(SPACE, 'a'))._raw['CreateIndex']
    assert await manager.create_job(SPACE, 'a', 'endless', delete=True) is True
    assert (await manager.get_job(SPACE, 'a'))._raw['CreateIndex'] > first


async def test_only_one_of_two_programs_creates_a_job(manager: ClusterManager) -> None:
    made = await asyncio.gather(*(manager.create_job(SPACE, 'a', 'endless') for _ in range(5)))
    assert sorted(made) == [False] * 4 + [True]
    with pytest.raises(ConflictCallException, match='already exists'):
        await manager.caller.create_job(SPACE, 'a', 'endless')


async def test_executions_are_told_apart_by_what_they_do(manager: ClusterManager) -> None:
    for name in ('endless', 'quick', 'broken'):
        await manager.create_job(SPACE, name, name)
    assert await manager.wait_for_job(SPACE, 'quick') == 1
    assert await manager.wait_for_job(SPACE, 'broken') == 0
    assert await manager.wait_for_job_execution_status(SPACE, 'endless') == manager.caller.constants.RUNNING
    assert await manager.wait_for_job_execution_status(SPACE, 'quick') == manager.caller.constants.SUCCEEDED
    assert await manager.wait_for_job_execution_status(SPACE, 'broken') == manager.caller.constants.ERROR
    assert await manager.running_jobs(SPACE) == ['endless']
    assert await manager.waiting_jobs(SPACE) == []
    statuses = {name: found.statuses() for name, found in (await manager.list_jobs_executions(SPACE)).items()}
    assert statuses['endless'] == ['running']
    assert set(statuses['broken']) == {'failed'}


async def test_a_job_that_is_gone_is_told_of_and_not_waited_for(manager: ClusterManager) -> None:
    assert await manager.wait_for_job(SPACE, 'nobody') is None
    assert await manager.wait_for_job_execution_status(SPACE, 'nobody') == manager.caller.constants.ERROR
    assert await manager.delete_job(SPACE, 'nobody', wait=True) is True
    assert await manager.get_scale_deploy(SPACE, 'nobody') is None
    with pytest.raises(NotFoundEndpointException):
        await manager.set_scale_deploy(SPACE, 'nobody', 2)


async def test_a_wait_ends_when_its_job_is_purged(manager: ClusterManager) -> None:
    await manager.create_job(SPACE, 'a', 'endless')
    waiting = asyncio.create_task(manager.wait_for_job(SPACE, 'a'))
    await asyncio.sleep(0.05)
    assert await manager.delete_job(SPACE, 'a', wait=True) is True
    assert await asyncio.wait_for(waiting, 60) is None


async def test_a_log_is_followed_by_lines_to_its_end(manager: ClusterManager) -> None:
    await manager.create_job(SPACE, 'a', 'talks')
    (execution,) = await manager.list_job_executions(SPACE, 'a')
    lines = [line async for line in manager.get_execution_log_watch(SPACE, 'a', execution.internal_id)]
    assert lines == [b'0123456789abcdef\n'] * 9
    assert await manager.get_execution_log(SPACE, 'a', '00000000-0000-0000-0000-000000000000') is None
    with pytest.raises(NotFoundEndpointException):
        async for _ in manager.get_execution_log_watch(SPACE, 'a', '00000000-0000-0000-0000-000000000000'):
            pass


async def test_an_execution_is_stopped(manager: ClusterManager) -> None:
    await manager.create_job(SPACE, 'a', 'endless')
    (execution,) = await manager.list_job_executions(SPACE, 'a')
    assert await manager.delete_execution(SPACE, 'a', execution.internal_id) is True
    executions = await manager.list_job_executions(SPACE, 'a')
    assert {each.internal_id: each.status for each in executions}[execution.internal_id] == 'complete'
    assert await manager.delete_execution(SPACE, 'a', '00000000-0000-0000-0000-000000000000') is True


async def test_a_namespace_goes_with_its_jobs(manager: ClusterManager) -> None:
    for name in 'abc':
        await manager.create_job(SPACE, name, 'endless')
    assert await manager.delete_namespace(SPACE) is True
    real = manager.caller.client.settings.real_namespaces
    assert (await manager.caller.get_namespace(SPACE) is None) is real
    if not real:
        assert (await manager.list_jobs(SPACE)).total == 0


async def test_what_nomad_has_not_is_said(manager: ClusterManager) -> None:
    assert await manager.define_quota(SPACE, '1', '1Gi') is True
    assert (await manager.get_tfjob(SPACE, 'a'), await manager.list_tfjobs(SPACE)) == (None, [])
    with pytest.raises(NotImplementedError, match='config maps'):
        await manager.get_config_maps(SPACE)
    with pytest.raises(NotFoundEndpointException):
        await manager.install_tfjobs(SPACE)


# emulated namespaces


async def test_namespaces_whose_names_begin_alike_keep_their_jobs_apart(caller: NomadCaller) -> None:
    manager = ClusterManager(caller)
    await manager.create_job('a', 'x', 'endless')
    await manager.create_job('a-b', 'c', 'endless')
    assert [job.id for job in await manager.list_jobs('a')] == ['x']
    assert await manager.get_job('a', 'b-c') is None
    assert await manager.delete_job('a', 'b-c') is True
    await manager.delete_namespace('a')
    assert [job.id for job in await manager.list_jobs('a-b')] == ['c']
    with pytest.raises(ConflictCallException):
        await caller.create_job('a', 'b-c', 'endless')


async def test_jobs_of_0_3_44_which_say_no_namespace_are_found_by_their_id(caller: NomadCaller) -> None:
    job: dict[str, Any] = {'ID': 'n-old', 'Type': 'batch', 'Datacenters': ['dc1']}
    task = {'Name': 'n-old', 'Driver': 'docker', 'Config': {'image': 'endless'}}
    job['TaskGroups'] = [{'Name': 'aioclustermanager', 'Tasks': [task]}]
    await caller.post(POST_OPS['jobs'].format(endpoint=caller.endpoint), None, {'Job': job})
    assert [each.id for each in await caller.list_jobs('n')] == ['old']
    found = await caller.get_job('n', 'old')
    assert found is not None
    assert (found.id, found.image) == ('old', 'endless')


# the caller itself


async def test_the_caller_tells_who_it_is_and_is_asked_by_address(caller: NomadCaller, stand_in: NomadStandIn) -> None:
    assert (caller.type, caller.constants.DEAD, caller.endpoint) == ('nomad', 'dead', stand_in.endpoint)
    assert caller.datacenters == 'dc1'
    await caller.create_job('n', 'a', 'endless')
    url = GET_OPS['job'].format(endpoint=caller.endpoint, namespace='n', name='a')
    assert (await caller.get(url, {}))['ID'] == 'n-a'
    assert (await caller.watch(url, value='running', timeout=60))['ID'] == 'n-a'
    assert (await caller.watch(url, not_value=['pending', 'dead'], timeout=60))['Status'] == 'running'
    with pytest.raises(asyncio.TimeoutError):
        await caller.watch(url, value='complete', timeout=0.1)
    assert await caller.get(url + '-no', {}) is None
    assert await caller.delete(f'{url}?purge=true', None, None)
    assert await caller.delete(f'{url}?purge=true', None, None) is None
    with pytest.raises(ValueError, match='is not the agent of this caller'):
        await caller.get('http://elsewhere:4646/v1/jobs', {})


async def test_waits_that_give_up_say_so_as_in_0_3_44(caller: NomadCaller) -> None:
    await caller.create_job('n', 'a', 'endless', datacenters=['nowhere'])
    with pytest.raises(asyncio.TimeoutError):
        await caller.wait_added('job', 'n', name='a', timeout=0.1)
    with pytest.raises(asyncio.TimeoutError):
        await caller.wait_deleted('job', 'n', name='a', timeout=0.1)
    with pytest.raises(ValueError, match='wait for which'):
        await caller.wait_added('deploy', 'n', name='a')


async def test_a_caller_without_a_context_is_closed_by_its_session(stand_in: NomadStandIn) -> None:
    caller = await create_nomad_caller({'endpoint': stand_in.endpoint})
    assert (await caller.get_nodes()).total == 1
    async with caller.session.get(f'http://{stand_in.endpoint}/v1/status/leader') as answer:
        assert answer.status == 200
    await caller.session.close()
    with pytest.raises(Exception, match='closed'):
        await caller.get_nodes()


async def test_a_session_carries_the_token(stand_in: NomadStandIn) -> None:
    stand_in.tokens['t'] = Token('t', management=True)
    async with (
        NomadContextManager({'endpoint': stand_in.endpoint, 'token': 't'}) as caller,
        caller.session.get(f'http://{stand_in.endpoint}/v1/jobs') as answer,
    ):
        assert answer.status == 200


async def test_a_token_that_may_not_ask_the_agent_needs_a_datacenter(stand_in: NomadStandIn) -> None:
    stand_in.tokens['t'] = Token('t', namespaces={'default': WRITE})
    with pytest.raises(InvalidConfiguration, match='datacenter: missing'):
        await create_nomad_caller({'endpoint': stand_in.endpoint, 'token': 't'})
    config = {'endpoint': stand_in.endpoint, 'token': 't', 'datacenter': 'dc1'}
    async with NomadContextManager(config) as caller:
        await caller.create_job('n', 'a', 'quick')
        assert await caller.wait_for_job('n', 'a') == 1


async def test_an_agent_that_is_not_there_is_said_in_the_end(stand_in: NomadStandIn) -> None:
    await stand_in.stop()
    with pytest.raises((ConnectionFailed, DeadlineExceeded), match='cannot connect to 127'):
        await create_nomad_caller({'endpoint': stand_in.endpoint, 'timeout': 2})
    await stand_in.start()


async def test_a_caller_of_a_session_speaks_plain_http(stand_in: NomadStandIn) -> None:
    caller = NomadCaller(stand_in.endpoint, 'dc1', None)
    try:
        await caller.create_job('n', 'a', 'quick')
        assert await caller.wait_for_job('n', 'a') == 1
    finally:
        await caller.close()


@pytest.mark.parametrize(
    'fault', [Fault('reset after'), Fault('truncated'), Fault('refused after')], ids=lambda f: f.kind
)
async def test_a_program_does_not_notice_that_answers_get_lost(
    manager: ClusterManager, stand_in: NomadStandIn, fault: Fault
) -> None:
    stand_in.faults.add(Fault(**{**vars(fault), 'path': '/v1/jobs', 'method': 'POST'}))
    assert await manager.create_job(SPACE, 'a', 'endless') is True
    stand_in.faults.add(Fault(**{**vars(fault), 'path': '/v1/jobs', 'method': 'POST'}))
    await manager.set_scale_deploy(SPACE, 'a', 3)
    assert await manager.get_scale_deploy(SPACE, 'a') == 3
    assert (await manager.get_job(SPACE, 'a'))._raw['Version'] == 1
    stand_in.faults.add(Fault(**{**vars(fault), 'method': 'DELETE'}))
    assert await manager.delete_job(SPACE, 'a', wait=True) is True
    assert len(stand_in.faults.met) == 3
