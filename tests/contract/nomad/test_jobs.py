"""Jobs of all kinds: registered, changed, run, dispatched, forced, stopped."""

from __future__ import annotations

import asyncio

import pytest
from aioclustermanager._http import Conflict, Invalid, NotFound
from aioclustermanager.nomad import Client
from aioclustermanager.nomad._types import Job

from tests.contract.nomad.shapes import allocation, is_dead, is_running, script

pytestmark = pytest.mark.asyncio


async def test_a_job_is_created_once(client: Client, name: str) -> None:
    made = await client.jobs.create(script(name, 'true'))
    assert made['JobModifyIndex'] == (await client.jobs.get(name))['JobModifyIndex']
    with pytest.raises(Conflict, match='job already exists'):
        await client.jobs.create(script(name, 'false'))


async def test_a_registration_that_says_nothing_new_makes_no_new_version(client: Client, name: str) -> None:
    made = await client.jobs.create(script(name, 'sleep 60', kind='service'))
    again = await client.jobs.register(script(name, 'sleep 60', kind='service'))
    assert again['JobModifyIndex'] == made['JobModifyIndex']
    assert (await client.jobs.get(name))['Version'] == 0


async def test_a_registration_under_an_index_needs_that_index(client: Client, name: str) -> None:
    made = await client.jobs.create(script(name, 'sleep 60', kind='service'))
    changed = await client.jobs.register(script(name, 'sleep 61', kind='service'), expect=made['JobModifyIndex'])
    assert changed['JobModifyIndex'] > made['JobModifyIndex']
    with pytest.raises(Conflict, match='conflicting job modify index'):
        await client.jobs.register(script(name, 'sleep 62', kind='service'), expect=made['JobModifyIndex'])
    assert (await client.jobs.get(name))['Version'] == 1


async def test_changes_made_at_the_same_time_are_all_kept(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'sleep 60', kind='service', Meta={'zero': '0'}))

    def adding(key: str):
        def change(job: Job) -> Job:
            return {**job, 'Meta': {**(job['Meta'] or {}), key: key}}

        return change

    await asyncio.gather(*(client.jobs.update(name, adding(key)) for key in 'abcd'))
    assert sorted((await client.jobs.get(name))['Meta'] or {}) == ['a', 'b', 'c', 'd', 'zero']


async def test_an_update_may_leave_a_job_as_it_is_and_needs_one(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'sleep 60', kind='service'))
    assert await client.jobs.update(name, lambda job: None) is None
    with pytest.raises(NotFound):
        await client.jobs.update(f'{name}-no', lambda job: job)


@pytest.mark.parametrize(('text', 'status'), [('echo well', 'complete'), ('exit 3', 'failed')])
async def test_a_batch_job_ends_as_its_task_did(client: Client, name: str, text: str, status: str) -> None:
    await client.jobs.create(script(name, text))
    assert is_dead(await client.jobs.wait(name, is_dead, timeout_s=60))
    (found,) = await client.jobs.allocations(name)
    assert found['ClientStatus'] == status
    assert found['TaskStates']['sh']['Failed'] is (status == 'failed')


async def test_a_service_is_deployed_and_scaled(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'sleep 60', kind='service', count=2))
    await client.jobs.wait(name, is_running, timeout_s=60)
    (deployment,) = await client.jobs.deployments(name)
    ended = await client.deployments.wait(
        deployment['ID'], lambda one: one is not None and one['Status'] != 'running', timeout_s=20
    )
    assert ended is not None
    assert (ended['Status'], ended['TaskGroups']['main']['HealthyAllocs']) == ('successful', 2)
    assert len(await client.deployments.allocations(deployment['ID'])) == 2
    await client.jobs.scale(name, 1, message='fewer')
    async for found in client.allocations.of_job(name):
        if sum(one['ClientStatus'] == 'running' and one['DesiredStatus'] == 'run' for one in found) == 1:
            break
    status = await client.jobs.scale_status(name)
    assert (status['TaskGroups']['main']['Desired'], status['TaskGroups']['main']['Running']) == (1, 1)


async def test_a_parameterized_job_runs_when_it_is_dispatched(client: Client, name: str) -> None:
    rules = {'Payload': 'optional', 'MetaRequired': ['who'], 'MetaOptional': ['how']}
    await client.jobs.create(script(name, 'echo $NOMAD_META_who', ParameterizedJob=rules))
    assert (await client.jobs.get(name))['Status'] == 'running'
    made = await client.jobs.dispatch(name, b'payload', {'who': 'me'})
    child = made['DispatchedJobID']
    assert child.startswith(f'{name}/dispatch-')
    found = await client.jobs.wait(child, is_dead, timeout_s=60)
    assert (found['ParentID'], found['Meta']['who']) == (name, 'me')
    (ran,) = await client.jobs.allocations(child)
    assert await client.allocations.log(ran['ID'], 'sh') == b'me\n'


async def test_dispatches_under_one_token_are_one(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'true', ParameterizedJob={'Payload': 'optional'}))
    made = [await client.jobs.dispatch(name, token=f'{name}-once') for _ in range(3)]
    assert len({each['DispatchedJobID'] for each in made}) == 1
    await client.jobs.dispatch(name)
    children = [stub['ID'] async for stub in client.jobs.items(f'{name}/')]
    assert len(children) == 2


@pytest.mark.parametrize(
    ('payload', 'meta', 'said'),
    [
        (b'', {}, 'did not provide required meta keys'),
        (b'', {'who': 'a', 'else': 'b'}, 'unpermitted metadata keys'),
        (b'x', {'who': 'a'}, 'forbidden'),
    ],
)
async def test_a_dispatch_against_the_rules_is_refused(client: Client, name: str, payload, meta, said) -> None:
    rules = {'Payload': 'forbidden', 'MetaRequired': ['who']}
    await client.jobs.create(script(name, 'true', ParameterizedJob=rules))
    with pytest.raises(Invalid, match=said):
        await client.jobs.dispatch(name, payload, meta)
    assert [stub['ID'] async for stub in client.jobs.items(f'{name}/')] == []


async def test_a_dispatch_of_no_job_is_not_found(client: Client, name: str) -> None:
    with pytest.raises(NotFound):
        await client.jobs.dispatch(name)


async def test_a_periodic_job_is_forced_to_run_now(client: Client, name: str) -> None:
    periodic = {'Enabled': True, 'Spec': '0 0 1 1 *', 'SpecType': 'cron', 'ProhibitOverlap': True}
    await client.jobs.create(script(name, 'true', Periodic=periodic))
    assert (await client.jobs.get(name))['Status'] == 'running'
    evaluation = await client.evaluations.wait(
        await client.jobs.force(name), lambda one: one is not None and one['Status'] == 'complete', timeout_s=20
    )
    assert evaluation['JobID'].startswith(f'{name}/periodic-')
    await client.jobs.wait(evaluation['JobID'], is_dead, timeout_s=60)


async def test_a_job_is_stopped_and_remembered_or_purged(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'sleep 60', kind='service'))
    await client.jobs.wait(name, is_running, timeout_s=60)
    assert await client.jobs.stop(name) is True
    found = await client.jobs.wait(name, is_dead, timeout_s=60)
    assert found['Stop'] is True
    assert await client.jobs.stop(name, purge=True) is True
    assert await client.jobs.find(name) is None
    with pytest.raises(NotFound, match='job not found'):
        await client.jobs.get(name)
    assert await client.jobs.stop(name, purge=True) is False


async def test_an_allocation_of_a_service_that_is_stopped_is_replaced(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'sleep 60', kind='service'))
    first = await allocation(client, name)
    assert await client.allocations.stop(first['ID'])
    async for found in client.allocations.of_job(name):
        if len(found) == 2:
            break
    assert found[0]['ID'] == first['ID']
    ended = await client.allocations.wait(first['ID'], lambda one: one['ClientStatus'] == 'complete', timeout_s=60)
    assert ended['DesiredStatus'] == 'stop'


async def test_a_job_without_a_place_says_why(client: Client, name: str) -> None:
    made = await client.jobs.create({**script(name, 'true'), 'Datacenters': ['nowhere']})
    await client.evaluations.wait(
        made['EvalID'], lambda one: one is not None and one['Status'] != 'pending', timeout_s=20
    )
    assert (await client.jobs.get(name))['Status'] == 'pending'
    assert any('main' in (each.get('FailedTGAllocs') or {}) for each in await client.jobs.evaluations(name))


@pytest.mark.parametrize(
    ('broken', 'said'),
    [
        ({'TaskGroups': []}, 'Missing job task groups'),
        ({'Type': 'nonsense'}, 'Invalid job type'),
    ],
)
async def test_a_job_that_is_none_is_refused_at_once(client: Client, name: str, broken, said) -> None:
    with pytest.raises(Invalid, match=said):
        await client.jobs.create({**script(name, 'true'), **broken})


async def test_jobs_are_listed_in_pages_without_loss(client: Client, name: str) -> None:
    names = [f'{name}-{number}' for number in range(5)]
    await asyncio.gather(*(client.jobs.create(script(each, 'true', Meta={'a': 'b'})) for each in names))
    for per_page in (1, 2, 5, 100):
        assert [stub['ID'] async for stub in client.jobs.items(name, per_page=per_page)] == names
    stubs = [stub async for stub in client.jobs.items(f'{name}-3', meta=True)]
    assert [(stub['ID'], stub['Meta']) for stub in stubs] == [(f'{name}-3', {'a': 'b'})]


async def test_nodes_and_the_agent_tell_of_themselves(client: Client) -> None:
    nodes = [node async for node in client.nodes.items()]
    assert nodes
    assert (await client.nodes.get(nodes[0]['ID']))['Attributes']['unique.hostname']
    assert (await client.agent_self())['config']['Datacenter'] == nodes[0]['Datacenter']
    assert (await client.agent_self())['config']['Region'] in await client.regions()


async def test_a_node_that_is_not_eligible_gets_no_allocations(client: Client, name: str) -> None:
    (node,) = [node async for node in client.nodes.items()]
    await client.nodes.set_eligible(node['ID'], eligible=False)
    try:
        await client.jobs.create(script(name, 'true'))
        async for found in client.jobs.follow(name):
            if found and await client.jobs.evaluations(name):
                break
        assert await client.jobs.allocations(name) == []
    finally:
        await client.nodes.set_eligible(node['ID'], eligible=True)
    assert is_dead(await client.jobs.wait(name, is_dead, timeout_s=60))


async def test_namespaces_keep_jobs_apart(client: Client, name: str) -> None:
    await client.namespaces.apply(name, description='of a test')
    inside = client.within(name)
    try:
        await inside.jobs.create(script(name, 'sleep 60', kind='service'))
        assert await client.jobs.find(name) is None
        assert [stub['Namespace'] async for stub in client.within('*').jobs.items(name)] == [name]
        with pytest.raises(Conflict, match='non-terminal jobs'):
            await client.namespaces.delete(name)
        assert await inside.jobs.stop(name, purge=True)
    finally:
        await inside.jobs.stop(name, purge=True)
        assert await client.namespaces.delete(name) is True
    assert await client.namespaces.find(name) is None
    assert await client.namespaces.delete(name) is False
    assert 'default' in [each['Name'] async for each in client.namespaces.items()]


async def test_a_job_in_a_namespace_that_is_not_there_is_not_found(client: Client, name: str) -> None:
    with pytest.raises(NotFound, match='nonexistent namespace'):
        await client.within(name).jobs.create(script(name, 'true'))
