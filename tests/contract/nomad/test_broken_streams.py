"""Events and logs over connections that break off at any byte: none is missing, none comes twice."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import pytest
import pytest_asyncio
from aioclustermanager.nomad import Client, Event, EventsLost

from tests.contract.nomad.conftest import QUICK
from tests.contract.nomad.shapes import has_begun, image, is_dead
from tests.nomad_stand_in import Fault, NomadStandIn, Program

pytestmark = pytest.mark.asyncio
TEXT = b''.join(b'%07d\n' % number for number in range(300))


async def until(client: Client, last: str) -> list[Event]:
    """Return all events up to the registration of a job."""
    found = []
    async with aclosing(client.events()) as events:
        async for event in events:
            found.append(event)
            if (event.type, event.key) == ('JobRegistered', last):
                break
    return found


@pytest.mark.parametrize('seed', range(6))
async def test_events_come_once_each_over_broken_connections(stand_in: NomadStandIn, faulty: Client, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(12):
        stand_in.faults.add(Fault('cut', path='/event/stream', cut_after=chance.randrange(1, 3000)))
    taking = asyncio.create_task(until(faulty, 'last'))
    async with Client({'endpoint': stand_in.endpoint}) as client:
        for number in range(8):
            await client.jobs.create(image(f'job-{number}', 'quick'))
            await client.jobs.wait(f'job-{number}', is_dead, timeout_s=60)
            await asyncio.sleep(chance.random() / 50)
        await client.jobs.create(image('last', 'endless'))
    found = await asyncio.wait_for(taking, 60)
    happened = [event['Index'] for message in stand_in.state.events for event in message.events]
    assert [event.index for event in found] == [index for index in happened if index <= found[-1].index]


async def test_events_that_the_server_forgot_are_missed_loudly(faulty: Client, stand_in: NomadStandIn) -> None:
    await faulty.jobs.create(image('a', 'endless'))
    async with aclosing(faulty.events('Job')) as events:
        first = await anext(events)
        assert first.key == 'a'
        index = first.index
        while stand_in.state.index > index:  # all that is there
            event = await asyncio.wait_for(anext(events), 60)
            index = event.index
            if event.payload['Job']['Status'] == 'running':
                break
        await stand_in.restart()  # the buffer is empty now
        taking = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        async with Client({'endpoint': stand_in.endpoint}) as client:
            await client.jobs.create(image('b', 'endless'))
        with pytest.raises(EventsLost, match=f'after index {index}') as caught:
            await taking
    assert caught.value.after == index


async def test_events_go_on_after_a_restart_in_which_the_buffer_was_kept(
    faulty: Client, stand_in: NomadStandIn
) -> None:
    taking = asyncio.create_task(until(faulty, 'b'))
    async with Client({'endpoint': stand_in.endpoint}) as client:
        await client.jobs.create(image('a', 'quick'))
        await client.jobs.wait('a', is_dead, timeout_s=60)
        await stand_in.stop()
        await stand_in.start()
        await client.jobs.create(image('b', 'endless'))
    found = await asyncio.wait_for(taking, 60)
    assert len({event.index for event in found}) == len(found)
    assert [event.key for event in found if event.type == 'JobRegistered'][-1] == 'b'


# logs


@pytest_asyncio.fixture
async def writing(stand_in: NomadStandIn) -> NomadStandIn:
    """A stand-in whose image `writes` writes TEXT in three hundred lines."""
    stand_in.images['writes'] = Program(stdout=TEXT[:800], run_for_s=0.3, repeat=2)
    stand_in.images['rotates'] = Program(stdout=TEXT * 200, run_for_s=0.2, repeat=8)
    return stand_in


@pytest.mark.parametrize('seed', range(6))
async def test_a_log_comes_once_and_whole_over_broken_connections(
    writing: NomadStandIn, faulty: Client, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(10):
        writing.faults.add(Fault('cut', path='/fs/logs/', cut_after=chance.randrange(1, 1200)))
    writing.faults.add(Fault('refused', path='/fs/', text='rpc error: No path to node'))
    await faulty.jobs.create(image('a', 'writes'))
    await faulty.jobs.wait('a', has_begun, timeout_s=60)
    (ran,) = await faulty.jobs.allocations('a')
    text = b''.join([piece async for piece in faulty.allocations.follow_log(ran['ID'], 'sh')])
    assert text == TEXT[:800] * 3
    assert len(writing.faults.met) > 3


async def test_a_log_goes_on_after_a_restart_of_the_server(writing: NomadStandIn, faulty: Client) -> None:
    await faulty.jobs.create(image('a', 'writes'))
    await faulty.jobs.wait('a', has_begun, timeout_s=60)
    (ran,) = await faulty.jobs.allocations('a')
    got = b''
    async with aclosing(faulty.allocations.follow_log(ran['ID'], 'sh')) as pieces:
        async for piece in pieces:
            if not got:
                await writing.restart()
            got += piece
    assert got == TEXT[:800] * 3


async def test_a_rotated_log_goes_on_in_the_right_file(writing: NomadStandIn, faulty: Client) -> None:
    job = image('a', 'rotates')
    job['TaskGroups'][0]['Tasks'][0]['LogConfig'] = {'MaxFiles': 20, 'MaxFileSizeMB': 1}
    chance = random.Random(3)
    for _ in range(6):
        writing.faults.add(Fault('cut', path='/fs/logs/', cut_after=chance.randrange(1, 3 << 20)))
    await faulty.jobs.create(job)
    await faulty.jobs.wait('a', has_begun, timeout_s=60)
    (ran,) = await faulty.jobs.allocations('a')
    text = b''.join([piece async for piece in faulty.allocations.follow_log(ran['ID'], 'sh')])
    assert text == TEXT * 200 * 9
    assert len(writing.faults.met) > 2


async def test_a_whole_log_is_whole_or_an_error(writing: NomadStandIn, faulty: Client) -> None:
    await faulty.jobs.create(image('a', 'writes'))
    await faulty.jobs.wait('a', is_dead, timeout_s=60)
    (ran,) = await faulty.jobs.allocations('a')
    writing.faults.add(Fault('cut', path='/fs/logs/', cut_after=100, times=3), Fault('reset before', path='/fs/logs/'))
    assert await faulty.allocations.log(ran['ID'], 'sh') == TEXT[:800] * 3
    assert QUICK.attempts > 4
