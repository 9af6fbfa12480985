"""One client in a process of its own, doing what it is told on standard input, a JSON line each.

`worker.py CLIENT ACCESS [cold]` runs under the client's own virtual environment: standard library only. ACCESS is the
JSON file that says where the server is. Answers are JSON lines: wall and cpu in seconds, and what else was measured.
"""

import asyncio
import contextlib
import gc
import importlib.util
import json
import os
import sys
import time
from pathlib import Path


def subject(name, access):
    path = Path(__file__).parent / 'clients' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(f'subject_{name}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Subject(json.loads(Path(access).read_text()))


def memory(key):
    """Return VmRSS or VmHWM, in MiB."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f'{key}:')) / 1024


async def gets(client, count, **_):
    for number in range(count):
        await client.get(f'seed-{number % 50}')


async def warm(client, **_):
    """Have a hundred connections."""
    await at_once(200, lambda number: client.get(f'seed-{number % 50}'))


async def creates(client, count, prefix, size=100, **_):
    await at_once(count, lambda number: client.create(f'{prefix}-{number}', {'key': os.urandom(size // 2).hex()}))


async def deletes(client, count, prefix, **_):
    await at_once(count, lambda number: client.delete(f'{prefix}-{number}'))


async def at_once(count, act):
    """Act on every number, a hundred at a time."""
    numbers = iter(range(count))

    async def lane():
        for number in numbers:
            await act(number)

    await asyncio.gather(*(lane() for _ in range(100)))


async def lists(client, count, **_):
    assert await client.list() >= count


async def streamed(client, count, **_):
    assert await client.streamed() >= count


async def replay(client, count, since, **_):
    async with contextlib.aclosing(client.events(since)) as events:
        async for _ in events:
            count -= 1
            if not count:
                return


async def latency(client, count, since, prefix, **_):
    """Return how long it took from the create's start until the event was there, in the median."""
    waits, started, seen = [], 0.0, asyncio.Event()

    async def follow():
        async with contextlib.aclosing(client.events(since)) as events:
            async for name in events:
                if name.startswith(prefix):
                    waits.append(time.perf_counter() - started)
                    seen.set()

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.3)
    for number in range(count):
        seen.clear()
        started = time.perf_counter()
        await client.create(f'{prefix}-{number}', {})
        await asyncio.wait_for(seen.wait(), 20)
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    return {'latency': sorted(waits)[len(waits) // 2]}


TASKS = {act.__name__: act for act in (gets, warm, creates, deletes, lists, streamed, replay, latency)}


async def measured(client, order):
    gc.collect()
    Path('/proc/self/clear_refs').write_text('5')  # the high-water mark begins anew
    before, wall, cpu = memory('VmRSS'), time.perf_counter(), time.process_time()
    extra = await TASKS[order.pop('do')](client, **order)
    result = {'wall': time.perf_counter() - wall, 'cpu': time.process_time() - cpu}
    return {**result, 'peak': memory('VmHWM') - before, **(extra or {})}


async def serve(client):
    await client.open()
    await client.get('seed-0')
    loop = asyncio.get_running_loop()
    print(json.dumps({'ready': True}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            answer = await measured(client, json.loads(line))
        except Exception as error:
            answer = {'error': f'{type(error).__name__}: {error}'[:500]}
        print(json.dumps(answer), flush=True)
    await client.close()


async def cold(client):
    await client.open()
    await client.get('seed-0')
    await client.close()


if __name__ == '__main__':
    asyncio.run((cold if sys.argv[3:] == ['cold'] else serve)(subject(sys.argv[1], sys.argv[2])))
