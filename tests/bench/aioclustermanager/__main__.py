"""Compare Kubernetes clients for asyncio: `python -m tests.bench.aioclustermanager [--rounds N] [--json FILE]`.

All clients do the same things in turns, in an order drawn anew for each round. Shown are medians of the ratios to the
floor (a bare loop of aiohttp and orjson) of the same round: 1.00 is the floor, higher is better. CPU is the client's.
Absolute times are this machine's; the ratios travel.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.bench.aioclustermanager import clusters, workers

Samples = dict[str, dict[str, list[dict[str, Any]]]]  # task: client: rounds


def main() -> None:
    parser = argparse.ArgumentParser(
        prog='python -m tests.bench.aioclustermanager', description=__doc__.partition('\n')[0]
    )
    parser.add_argument('--rounds', type=int, default=9, help='how often each is measured (default %(default)s)')
    parser.add_argument('--objects', type=int, default=5000, help='length of the list (default %(default)s)')
    parser.add_argument('--clients', default=','.join(workers.PUBLIC), help='public ones (default %(default)s)')
    parser.add_argument('--tasks', default=','.join(TASKS), help='default %(default)s')
    parser.add_argument('--stand-ins', action='store_true', help='not the real kube-apiserver, even where it is')
    parser.add_argument('--json', type=Path, help='also write all samples to this file')
    options = parser.parse_args()
    names = [workers.FLOOR, workers.OURS, *filter(None, options.clients.split(','))]
    with clusters.running(stand_ins=options.stand_ins) as server:
        with workers.running(names, seeded(server)) as subjects:
            samples = measure(server, subjects, options)
        print(f'{server.kind}, {options.rounds} rounds, medians of ratios to the floor (higher is better)')
    show(samples, names)
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1) + '\n')


def seeded(server: clusters.Server) -> Path:
    """Make the objects that gets read."""
    for number in range(50):
        server.http.post(server.maps, {'metadata': {'name': f'seed-{number}'}, 'data': {'key': 'x' * 100}})
    return server.access


def cold(server: clusters.Server, worker: workers.Worker, tag: str) -> dict[str, Any]:
    return worker.cold()


def gets(server: clusters.Server, worker: workers.Worker, tag: str) -> dict[str, Any]:
    return worker.do('gets', count=300)


def writes(server: clusters.Server, worker: workers.Worker, tag: str) -> dict[str, Any]:
    worker.do('warm')  # clients keep idle connections for different times, and a round takes long
    made = worker.do('creates', count=400, prefix=tag)
    gone = worker.do('deletes', count=400, prefix=tag)
    return {'creates': made, 'deletes': gone}


def latency(server: clusters.Server, worker: workers.Worker, tag: str) -> dict[str, Any]:
    result = worker.do('latency', count=20, since=server.version(), prefix=f'l-{tag}')
    worker.do('deletes', count=20, prefix=f'l-{tag}')
    return {'wall': result['latency']} if 'latency' in result else result


PEAKS = 3
TASKS = {
    'cold': cold,
    'gets': gets,
    'writes': writes,
    'latency': latency,
    'replay': None,
    'lists': None,
    'streamed': None,
}


def measure(server: clusters.Server, subjects: list[workers.Worker], options: argparse.Namespace) -> Samples:
    samples: Samples = defaultdict(lambda: defaultdict(list))
    tasks = options.tasks.split(',')
    for name, act in TASKS.items():
        if act and name in tasks:
            for number, worker in turns(subjects, options.rounds):
                found = act(server, worker, f'{worker.name.replace("_", "-")}-{number}')
                for part, result in found.items() if name == 'writes' else [(name, found)]:
                    samples[part][worker.name].append(result)
    if 'replay' in tasks:
        replays(server, subjects, options, samples)
    if {'lists', 'streamed'} & set(tasks):
        lists(server, subjects, options, samples)
    return samples


def turns(subjects: list[workers.Worker], rounds: int) -> list[tuple[int, workers.Worker]]:
    """Return who is measured when: everybody in each round, in an order drawn anew. Round 0 warms up."""
    order = []
    for number in range(rounds + 1):
        order += [(number, worker) for worker in random.sample(subjects, len(subjects))]
    return order


def replays(server: clusters.Server, subjects: list[workers.Worker], options: Any, samples: Samples) -> None:
    since, count = server.version(), 4000
    maker = next(worker for worker in subjects if worker.name == workers.OURS)
    for number in range(count // 800):
        maker.do('creates', count=400, prefix=f'replay-{number}')
        maker.do('deletes', count=400, prefix=f'replay-{number}')
    for _, worker in turns(subjects, options.rounds):
        samples['replay'][worker.name].append(worker.do('replay', count=count, since=since))


def lists(server: clusters.Server, subjects: list[workers.Worker], options: Any, samples: Samples) -> None:
    maker = next(worker for worker in subjects if worker.name == workers.OURS)
    made = maker.do('creates', count=options.objects, prefix='listed', size=1100)
    if 'error' in made:
        raise RuntimeError(made['error'])
    names = set(options.tasks.split(','))
    for number, worker in turns(subjects, options.rounds):
        if 'lists' in names:
            samples['list'][worker.name].append(worker.do('lists', count=options.objects))
            if number < PEAKS:
                samples['list, peak'][worker.name].append(alone(worker, server, 'lists', options))
        if 'streamed' in names and worker.name == workers.OURS:
            samples['streamed list'][worker.name].append(worker.do('streamed', count=options.objects))
            if number < PEAKS:
                samples['streamed list, peak'][worker.name].append(alone(worker, server, 'streamed', options))


def alone(worker: workers.Worker, server: clusters.Server, what: str, options: Any) -> dict[str, Any]:
    """Measure memory in a fresh process: one that has listed before has room that it gave back to nobody."""
    with workers.running([worker.name], server.access) as (fresh,):
        return {'peak': fresh.do(what, count=options.objects)['peak']}


def show(samples: Samples, names: list[str]) -> None:
    print(f'{"":24}' + ''.join(f'{workers.LABELS.get(name, name):>20}' for name in names))
    for task, found in samples.items():
        if 'peak' in task:
            peaks = [[one['peak'] for one in found.get(name, [])] for name in names]
            row(task, [f'{statistics.median(each):.1f} MiB' if each else '' for each in peaks])
            continue
        for key in ('cpu', 'wall'):
            row(f'{task}, {key}', [cell(found, name, key) for name in names])
    for task, found in samples.items():
        for name, rounds in found.items():
            if errors := {one['error'] for one in rounds if 'error' in one}:
                print(f'{task}, {workers.LABELS.get(name, name)}: {"; ".join(sorted(errors))[:160]}')


def row(title: str, cells: list[str]) -> None:
    if any(cells):
        print(f'{title:24}' + ''.join(f'{text or "-":>20}' for text in cells))


def cell(found: dict[str, list[dict[str, Any]]], name: str, key: str) -> str:
    """Return the ratio to the floor; beside the floor itself, and where it has none, the time."""
    rounds = found.get(name, [])[1:]
    mine = [one.get(key) for one in rounds]
    if not mine or None in mine:
        return ''
    floor = [one.get(key) for one in found.get(workers.FLOOR, [])[1:]]
    if name == workers.FLOOR or not floor:
        return f'{statistics.median(mine) * 1000:.1f} ms'
    return f'{statistics.median(base / own for base, own in zip(floor, mine, strict=True)):.2f}'


if __name__ == '__main__':
    sys.exit(main())
