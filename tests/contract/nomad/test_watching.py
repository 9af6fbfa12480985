"""Blocking queries, waits, changes, events and logs, where nothing goes wrong."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from aioclustermanager.nomad import Client, NotFound, WaitTimedOut, deadline

from tests.contract.nomad.shapes import allocation, is_dead, is_running, script

pytestmark = pytest.mark.asyncio


async def test_a_blocking_query_is_answered_by_the_change_and_not_before(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'sleep 60', kind='service'))
    found = await client.jobs.wait(name, is_running, timeout_s=60)
    target = f'/v1/job/{name}?index={found["ModifyIndex"]}&wait=20s'
    waiting = asyncio.ensure_future(client.transport.request('GET', target))
    for _ in range(5):
        await client.jobs.get(name)  # the agent answers others meanwhile
    assert not waiting.done()
    await client.jobs.update(name, lambda job: {**job, 'Meta': {'a': 'b'}})
    answer = await waiting
    assert int(answer.header('X-Nomad-Index')) > found['ModifyIndex']
    assert answer.json()['ModifyIndex'] > found['ModifyIndex']


async def test_a_blocking_query_ends_with_its_wait_without_a_change(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'sleep 60', kind='service'))
    found = await client.jobs.wait(name, is_running, timeout_s=60)
    answer = await client.transport.request('GET', f'/v1/job/{name}?index={found["ModifyIndex"]}&wait=20ms')
    assert answer.json()['ModifyIndex'] == found['ModifyIndex']


async def test_a_job_is_followed_from_before_it_is_there_until_after_it_is_gone(client: Client, name: str) -> None:
    seen: list[str] = []

    async def watch() -> None:
        async with aclosing(client.jobs.follow(name)) as states:
            async for job in states:
                seen.append(job['Status'] if job else 'gone')
                if seen[0] == 'gone' and seen[-1] == 'gone' and 'dead' in seen:
                    return

    watching = asyncio.create_task(watch())
    while not seen:
        await asyncio.sleep(0.01)
    await client.jobs.create(script(name, 'true'))
    await client.jobs.wait(name, is_dead, timeout_s=60)
    while seen[-1] != 'dead':
        await asyncio.sleep(0.01)
    await client.jobs.stop(name, purge=True)
    await asyncio.wait_for(watching, 60)
    order = ['gone', 'pending', 'running', 'dead']
    assert [order.index(status) for status in seen[:-1]] == sorted(order.index(status) for status in seen[:-1])


async def test_a_wait_that_is_in_vain_says_so_in_time_as_asyncio_does(client: Client, name: str) -> None:
    with pytest.raises(asyncio.TimeoutError, match=f'waited for job/{name} for 0.2 s'):
        await client.jobs.wait(name, lambda job: job is not None, timeout_s=0.2)
    with pytest.raises(WaitTimedOut), deadline(0.2):
        await client.jobs.wait(name, lambda job: job is not None)


async def test_changes_are_told_beginning_with_what_is_there(client: Client, name: str) -> None:
    await client.jobs.create(script(f'{name}-a', 'sleep 60', kind='service'))
    told: list[tuple[str, str]] = []

    async def watch() -> None:
        async with aclosing(client.jobs.changes(name)) as changes:
            async for change in changes:
                told.append((change.kind, change.object['ID'].removeprefix(f'{name}-')))
                if told[-1] == ('deleted', 'b'):
                    return

    watching = asyncio.create_task(watch())
    while not told:
        await asyncio.sleep(0.01)
    await client.jobs.create(script(f'{name}-b', 'sleep 60', kind='service'))
    while ('added', 'b') not in told:
        await asyncio.sleep(0.01)
    await client.jobs.stop(f'{name}-b', purge=True)
    await asyncio.wait_for(watching, 60)
    assert told[0] == ('added', 'a')
    assert [told.count(each) for each in (('added', 'a'), ('added', 'b'), ('deleted', 'b'))] == [1, 1, 1]


async def test_events_tell_of_a_job_in_order(client: Client, name: str) -> None:
    before = (await client.jobs.create(script(f'{name}-before', 'true')))['JobModifyIndex']
    await client.jobs.wait(f'{name}-before', is_dead, timeout_s=60)
    await client.jobs.create(script(name, 'true'))
    await client.jobs.wait(name, is_dead, timeout_s=60)
    await client.jobs.stop(name, purge=True)
    found = []
    async with aclosing(client.events(f'Job:{name}', f'Allocation:{name}', after=before)) as events:
        async for event in events:
            found.append(event)
            if event.type == 'JobDeregistered':
                break
    assert all(event.index > before for event in found)
    assert [event.index for event in found] == sorted(event.index for event in found)
    assert {event.topic for event in found} == {'Job', 'Allocation'}
    assert {event.payload[event.topic].get('JobID', name) for event in found} == {name}
    assert (found[0].type, found[0].key, found[0].namespace) == ('JobRegistered', name, 'default')


async def test_a_log_is_read_whole_by_its_end_and_by_stream(client: Client, name: str) -> None:
    await client.jobs.create(script(name, 'echo one; echo two; echo three >&2'))
    await client.jobs.wait(name, is_dead, timeout_s=60)
    (ran,) = await client.jobs.allocations(name)
    assert await client.allocations.log(ran['ID'], 'sh') == b'one\ntwo\n'
    assert await client.allocations.log(ran['ID'], 'sh', tail=5) == b'\ntwo\n'
    assert await client.allocations.log(ran['ID'], 'sh', tail=0) == b''
    assert await client.allocations.log(ran['ID'], 'sh', stream='stderr') == b'three\n'


async def test_a_log_is_followed_from_before_the_task_starts_until_it_has_ended(
    client: Client, name: str, tmp_path: Path
) -> None:
    go_on = tmp_path / 'go-on'
    await client.jobs.create(script(name, f'echo 1; while [ ! -e {go_on} ]; do sleep 0.02; done; echo 2'))
    made = await allocation(client, name)
    pieces = []
    async for piece in client.allocations.follow_log(made['ID'], 'sh'):
        pieces.append(piece)
        go_on.touch()  # what is written is told while the task goes on
    assert pieces == [b'1\n', b'2\n']


async def test_a_log_is_followed_from_its_last_bytes(client: Client, name: str, tmp_path: Path) -> None:
    go_on = tmp_path / 'go-on'
    text = f'echo one; echo two; while [ ! -e {go_on} ]; do sleep 0.02; done; echo three'
    await client.jobs.create(script(name, text))
    made = await allocation(client, name)
    while not await _said(client, made['ID']):
        await asyncio.sleep(0.01)
    pieces = []
    async for piece in client.allocations.follow_log(made['ID'], 'sh', tail=4):
        pieces.append(piece)
        go_on.touch()
    assert pieces == [b'two\n', b'three\n']


async def _said(client: Client, allocation_id: str) -> bool:
    try:
        return await client.allocations.log(allocation_id, 'sh') == b'one\ntwo\n'
    except NotFound:
        return False


async def test_a_log_that_was_rotated_is_followed_through_its_files(client: Client, name: str) -> None:
    job = script(name, 'i=0; while [ $i -lt 700 ]; do printf "%04000d\\n" $i; i=$((i+1)); done')
    job['TaskGroups'][0]['Tasks'][0]['LogConfig'] = {'MaxFiles': 5, 'MaxFileSizeMB': 1}
    await client.jobs.create(job)
    made = await allocation(client, name)
    text = b''.join([piece async for piece in client.allocations.follow_log(made['ID'], 'sh')])
    assert text == b''.join(b'%04000d\n' % number for number in range(700))


async def test_the_log_of_no_allocation_is_not_found(client: Client) -> None:
    nobody = '00000000-0000-0000-0000-000000000000'
    with pytest.raises(NotFound):
        await client.allocations.log(nobody, 'sh')
    with pytest.raises(NotFound):
        async for _ in client.allocations.follow_log(nobody, 'sh'):
            pass
