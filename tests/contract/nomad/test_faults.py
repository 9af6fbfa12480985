"""Resets, half answers, slow ones, refusals and restarts: nothing is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import Any

import pytest
from aioclustermanager._http import BadRequest, Conflict, ConnectionFailed, Error, Forbidden, Invalid, ServerError
from aioclustermanager.nomad import Client, deadline
from aioclustermanager.nomad._types import Job

from tests.contract.nomad.conftest import QUICK
from tests.contract.nomad.shapes import image, is_dead, is_running
from tests.nomad_stand_in import Fault, NomadStandIn

pytestmark = pytest.mark.asyncio
UNDONE = [
    Fault('reset before'),
    Fault('refused', text='rpc error: No cluster leader'),
    Fault('refused', status=502, text='bad gateway'),
    Fault('refused', status=503, text='try later', headers={'Retry-After': '0'}),
    Fault('refused', status=429, text='Your IP is issuing too many concurrent connections'),
    Fault('slow', delay_s=0.05),
]
DONE = [
    Fault('reset after'),
    Fault('truncated'),
    Fault('refused after', text='rpc error: EOF'),
    Fault('refused after', status=504, text='gateway timeout'),
]


def ids(fault: Fault) -> str:
    return f'{fault.kind} {fault.status}'


def again(fault: Fault, **more: Any) -> Fault:
    """Return a fresh fault of the same kind."""
    return Fault(**{**vars(fault), **more})


def counter(job: Job | None) -> int:
    return int(((job or {}).get('Meta') or {}).get('count', '0'))


def counting(job: Job) -> Job:
    return {**job, 'Meta': {**(job['Meta'] or {}), 'count': str(counter(job) + 1)}}


@pytest.fixture(params=[*UNDONE, *DONE], ids=ids)
def fault(request: pytest.FixtureRequest) -> Fault:
    return again(request.param, times=2)


async def test_what_is_read_arrives(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    stand_in.faults.add(fault)
    assert (await faulty.jobs.get('a'))['ID'] == 'a'
    assert stand_in.faults.met


async def test_a_job_is_created_once(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    stand_in.faults.add(again(fault, path='/v1/jobs', method='POST'))
    made = await faulty.jobs.create(image('a', 'endless', count=2))
    assert stand_in.faults.met
    job = await faulty.jobs.get('a')
    assert (job['Version'], made['JobModifyIndex']) == (0, job['CreateIndex'])
    assert made['EvalID'] in [each['ID'] for each in await faulty.jobs.evaluations('a')]
    await faulty.jobs.wait('a', is_running, timeout_s=60)
    assert len(await faulty.jobs.allocations('a')) == 2
    with pytest.raises(Conflict):
        await faulty.jobs.create(image('a', 'endless', count=2))


async def test_a_change_happens_once(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    stand_in.faults.add(again(fault, path='/v1/jobs', method='POST'))
    made = await faulty.jobs.update('a', counting)
    job = await faulty.jobs.get('a')
    assert (job['Version'], counter(job), made['JobModifyIndex']) == (1, 1, job['JobModifyIndex'])


async def test_a_job_is_registered_over_another_once(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    stand_in.faults.add(again(fault, path='/v1/jobs', method='POST'))
    await faulty.jobs.register(image('a', 'endless', count=3))
    job = await faulty.jobs.get('a')
    assert (job['Version'], job['TaskGroups'][0]['Count']) == (1, 3)


async def test_a_lost_answer_does_not_pass_for_a_success_when_another_was_quicker(
    stand_in: NomadStandIn, faulty: Client
) -> None:
    stand_in.faults.add(Fault('refused after', path='/v1/jobs', method='POST', text='rpc error: EOF'))

    async def other() -> None:
        async with Client({'endpoint': stand_in.endpoint}) as client:
            while await client.jobs.find('a') is None:
                await asyncio.sleep(0)
            await client.jobs.register(image('a', 'endless', count=7))

    quicker = asyncio.create_task(other())
    stand_in.faults.add(Fault('slow', path='/v1/jobs', method='POST', delay_s=0.0))
    try:
        await faulty.jobs.create(image('a', 'endless', count=2))
    except Conflict as error:
        assert error.repeated
    await quicker
    assert (await faulty.jobs.get('a'))['TaskGroups'][0]['Count'] == 7, 'what another made is not undone'


async def test_ten_at_once_count_to_ten_while_connections_break(stand_in: NomadStandIn) -> None:
    async def count(seed: int) -> None:
        def change(job: Job) -> Job | None:
            if f'by-{seed}' in (job['Meta'] or {}):  # what a Conflict with a lost answer leaves open, the job tells
                return None
            return {**counting(job), 'Meta': {**(counting(job)['Meta'] or {}), f'by-{seed}': 'yes'}}

        async with Client({'endpoint': stand_in.endpoint}, retries=QUICK) as client:
            for attempt in range(50):
                try:
                    await client.jobs.update('a', change)
                    return
                except Conflict:
                    await asyncio.sleep(0.001 * (seed + attempt))
            raise AssertionError

    async with Client({'endpoint': stand_in.endpoint}) as client:
        await client.jobs.create(image('a', 'endless'))
        chance = random.Random(7)
        for _ in range(12):
            stand_in.faults.add(again(chance.choice([*UNDONE, *DONE]), path='/v1/jobs', method='POST', times=1))
        await asyncio.gather(*(count(seed) for seed in range(10)))
        job = await client.jobs.get('a')
    assert (counter(job), job['Version']) == (10, 10)
    assert len(stand_in.faults.met) == 12


async def test_a_job_is_dispatched_once(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    await faulty.jobs.create(image('a', 'endless', ParameterizedJob={'Payload': 'optional'}))
    stand_in.faults.add(again(fault, path='/dispatch'))
    made = await faulty.jobs.dispatch('a', b'x')
    assert [stub['ID'] async for stub in faulty.jobs.items('a/')] == [made['DispatchedJobID']]


@pytest.mark.parametrize('broken', DONE, ids=ids)
async def test_a_periodic_job_is_not_forced_twice(stand_in: NomadStandIn, faulty: Client, broken: Fault) -> None:
    await faulty.jobs.create(image('a', 'endless', Periodic={'Enabled': True, 'Spec': '0 0 1 1 *', 'SpecType': 'cron'}))
    stand_in.faults.add(again(broken, path='/periodic/force', times=2))
    with pytest.raises((ConnectionFailed, ServerError)):
        await faulty.jobs.force('a')
    assert len([stub async for stub in faulty.jobs.items('a/')]) == 1
    assert len(stand_in.faults.met) == 1


async def test_a_job_is_purged_and_its_purging_known(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    stand_in.faults.add(again(fault, method='DELETE'))
    assert await faulty.jobs.stop('a', purge=True) is True
    assert await faulty.jobs.find('a') is None


@pytest.mark.parametrize('broken', DONE, ids=ids)
async def test_a_job_is_scaled_once(stand_in: NomadStandIn, faulty: Client, broken: Fault) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    stand_in.faults.add(again(broken, path='/scale', method='POST'))
    await faulty.jobs.scale('a', 3)
    job = await faulty.jobs.get('a')
    assert (job['TaskGroups'][0]['Count'], job['Version']) == (3, 1)


@pytest.mark.parametrize('broken', UNDONE[:3], ids=ids)
async def test_a_scaling_that_was_not_done_is_an_error_or_done_at_last(
    stand_in: NomadStandIn, faulty: Client, broken: Fault
) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    stand_in.faults.add(again(broken, path='/scale', method='POST'))
    with pytest.raises(Error):
        await faulty.jobs.scale('a', 3)
    job = await faulty.jobs.get('a')
    assert (job['TaskGroups'][0]['Count'], job['Version']) == (1, 0)


@pytest.mark.parametrize(
    ('refusal', 'kind'),
    [
        (Fault('refused', status=403, text='Permission denied'), Forbidden),
        (Fault('refused', status=400, text='Invalid'), BadRequest),
        (Fault('refused', text='1 error occurred:\n\t* Missing job task groups\n\n'), Invalid),
        (Fault('refused', text='Enforcing job modify index 0: job already exists'), Conflict),
    ],
    ids=lambda given: given.text.split()[0] if isinstance(given, Fault) else given.__name__,
)
async def test_what_is_refused_for_good_is_asked_once(
    stand_in: NomadStandIn, faulty: Client, refusal: Fault, kind: type[Error]
) -> None:
    stand_in.faults.add(refusal)
    with pytest.raises(kind):
        await faulty.jobs.create(image('a', 'endless'))
    assert len(stand_in.requests) == 1


async def test_a_server_that_fails_for_ever_is_an_error_in_the_end(stand_in: NomadStandIn, faulty: Client) -> None:
    stand_in.faults.add(Fault('refused', times=10_000, text='rpc error: No cluster leader'))
    with pytest.raises(ServerError, match='No cluster leader'):
        await faulty.jobs.get('a')
    assert len(stand_in.requests) == 9


async def test_a_list_in_pages_is_whole(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    names = [f'job-{number}' for number in range(6)]
    for each in names:
        await faulty.jobs.create(image(each, 'endless'))
    stand_in.faults.add(again(fault, path='/v1/jobs', method='GET'))
    assert [stub['ID'] async for stub in faulty.jobs.items(per_page=2)] == names


# watching


async def test_a_wait_goes_on_through_everything(stand_in: NomadStandIn, faulty: Client, fault: Fault) -> None:
    await faulty.jobs.create(image('a', 'talks'))
    stand_in.faults.add(again(fault, path='/v1/job/a', times=12))
    assert is_dead(await faulty.jobs.wait('a', is_dead, timeout_s=60))


async def test_a_wait_goes_on_while_the_server_is_away(stand_in: NomadStandIn, faulty: Client) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    waiting = asyncio.create_task(faulty.jobs.wait('a', is_dead, timeout_s=60))
    await asyncio.sleep(0.05)
    await stand_in.stop()
    stand_in.scheduler.deregister('default', 'a', purge=False)
    stand_in.scheduler.evaluate('default', 'a', 'job-deregister')
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await stand_in.start()
    assert is_dead(await waiting)


async def test_a_wait_notices_a_change_after_the_index_went_back(stand_in: NomadStandIn, faulty: Client) -> None:
    for number in range(10):
        await faulty.jobs.create(image(f'other-{number}', 'endless'))
    await faulty.jobs.create(image('a', 'endless'))
    waiting = asyncio.create_task(faulty.jobs.wait('a', is_dead, timeout_s=60))
    await asyncio.sleep(0.05)
    await stand_in.restart(index=5)
    await faulty.jobs.stop('a')
    assert is_dead(await waiting)


async def test_returns_without_a_change_are_no_news_and_no_storm(stand_in: NomadStandIn, faulty: Client) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    await faulty.jobs.wait('a', is_running, timeout_s=60)
    seen: list[Any] = []

    async def watch() -> None:
        async with aclosing(faulty.jobs.follow('a')) as states:
            async for job in states:
                seen.append(job)

    watching = asyncio.create_task(watch())
    before = len(stand_in.requests)
    for _ in range(100):
        await asyncio.sleep(0.002)
        stand_in.api.interrupt()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert len(seen) == 1
    assert len(stand_in.requests) - before < 30


async def test_changes_add_up_to_what_is_there(stand_in: NomadStandIn, faulty: Client) -> None:
    known: dict[str, int] = {}
    done = asyncio.Event()

    async def watch() -> None:
        async with aclosing(faulty.jobs.changes()) as changes:
            async for change in changes:
                if change.kind == 'deleted':
                    del known[change.object['ID']]
                else:
                    assert (change.object['ID'] in known) is (change.kind == 'modified')
                    known[change.object['ID']] = change.object['ModifyIndex']
                if 'last' in known:
                    done.set()

    watching = asyncio.create_task(watch())
    chance = random.Random(11)
    async with Client({'endpoint': stand_in.endpoint}) as client:
        for number in range(30):
            if number % 3 == 0:
                stand_in.faults.add(again(chance.choice([*UNDONE, *DONE]), path='/v1/jobs', method='GET', times=1))
            if number == 15:
                await stand_in.restart()
            if number % 4 == 3:
                await client.jobs.stop(f'job-{number - 1}', purge=True)
            else:
                await client.jobs.create(image(f'job-{number}', 'quick'))
        await client.jobs.create(image('last', 'endless'))
        await asyncio.wait_for(done.wait(), 60)
        listed = {stub['ID'] async for stub in client.jobs.items()}
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert set(known) == listed


async def test_a_deadline_ends_what_would_go_on_for_ever(stand_in: NomadStandIn, faulty: Client) -> None:
    stand_in.faults.add(Fault('reset before', times=100_000))
    with pytest.raises(TimeoutError), deadline(0.3):
        async with aclosing(faulty.jobs.follow('a')) as states:
            async for _ in states:
                pass


async def test_a_refusal_ends_what_is_followed(stand_in: NomadStandIn, faulty: Client) -> None:
    stand_in.faults.add(Fault('refused', status=403, text='Permission denied', times=1000))
    with pytest.raises(Forbidden):
        await faulty.jobs.wait('a', is_dead, timeout_s=60)
    with pytest.raises(Forbidden):
        async with aclosing(faulty.events()) as events:
            async for _ in events:
                pass


async def test_what_is_followed_can_be_left_at_any_moment(stand_in: NomadStandIn, faulty: Client) -> None:
    """The fixture no_leaks sees what is left of it."""
    await faulty.jobs.create(image('a', 'endless'))
    await faulty.jobs.wait('a', is_running, timeout_s=60)
    (ran,) = await faulty.jobs.allocations('a')

    async def take(iterator: Any) -> None:
        async with aclosing(iterator) as found:
            async for _ in found:
                pass

    for make in (
        lambda: faulty.jobs.follow('a'),
        lambda: faulty.jobs.changes(),
        lambda: faulty.events(),
        lambda: faulty.allocations.follow_log(ran['ID'], 'sh'),
    ):
        for pause_s in (0.0, 0.001, 0.02):
            taking = asyncio.create_task(take(make()))
            await asyncio.sleep(pause_s)
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
