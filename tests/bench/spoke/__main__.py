"""Print what agents cost: `python -m tests.bench.spoke [--agents 1,50,200]`.

Each number of agents runs in one process of its own (`spoke agent --fleet`), against one hub and one spoke of
stand-ins, with approval by the hub. All share this machine with the stand-ins, whose share is large: times are this
machine's, and memory and connections travel. Go's agent alone, measured on two cores: 65 MiB resident (18 of it its
own), 0.17 CPU seconds a minute at rest, 2 connections, 0.9 s from start to request, 0.6 s from acceptance to Available.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from aioclustermanager.kubernetes import Client, resources
from spoke import _conditions, _hub_standin, _wire
from spoke._hub_standin import _definitions, _hub, _rights

from tests.contract._programs import free_port
from tests.unit.spoke import world as worlds

COLUMNS = ('agents', 'all joined s', 'MiB', 'MiB an agent', 'own MiB', 'CPU s/min', 'sockets', 'late p99 s')


@dataclass(frozen=True)
class Row:
    agents: int
    joined_s: float
    rss_mib: float
    rss_each_mib: float  # beyond the first agent's
    own_mib: float  # not shared with other processes
    cpu_s_a_minute: float
    sockets: int
    late_p99_s: float  # renewals, behind a quarter more than their duration

    def cells(self) -> list[str]:
        return [str(self.agents), *(f'{value:.2f}' for value in list(asdict(self).values())[1:6]), str(self.sockets),
                f'{self.late_p99_s:.2f}']  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.bench.spoke', description=__doc__.partition('\n')[0])
    parser.add_argument('--agents', default='1,50', help='numbers of agents, with commas (default %(default)s)')
    parser.add_argument('--rest', type=float, default=30.0, help='seconds of rest to measure (default %(default)s)')
    parser.add_argument('--json', type=Path, help='also write the figures to this file')
    options = parser.parse_args()
    print(' '.join(f'{name:>13}' for name in COLUMNS))
    rows: list[Row] = []
    for number in map(int, options.agents.split(',')):
        base = rows[0].rss_mib if rows else 0.0
        rows.append(asyncio.run(_measured(number, options.rest, base)))
        print(' '.join(f'{value:>13}' for value in rows[-1].cells()), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + '\n')


async def _measured(number: int, rest_s: float, base_mib: float) -> Row:
    with tempfile.TemporaryDirectory(prefix='spoke-bench') as folder, contextlib.ExitStack() as stack:
        hub_cluster = worlds._started(Path(folder) / 'hub', stack)
        spoke_cluster = worlds._started(Path(folder) / 'spoke', stack)
        async with Client(hub_cluster.configuration()) as hub, Client(spoke_cluster.configuration()) as spoke_client:
            users = frozenset({'bootstrap'})
            settings = _hub_standin.Settings(auto_approval_users=users, look_interval=timedelta(seconds=5))
            stand_in = _hub_standin.HubStandIn(hub, worlds.signer(hub_cluster), settings)
            await stand_in.prepare()
            for resource, body in _rights.bootstrap('spoke-bootstrap', 'bootstrap'):
                await _hub.make(hub, resource, body)
            await _hub.install(spoke_client, _definitions.OF_SPOKE)
            await _hub.make(spoke_client, resources.NAMESPACES, {'metadata': {'name': 'agents'}})
            running = asyncio.ensure_future(stand_in.run())
            try:
                with _fleet(Path(folder), hub_cluster, spoke_cluster, number) as process:
                    return await _figures(hub, process, number, rest_s, base_mib)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


@contextlib.contextmanager
def _fleet(folder: Path, hub: worlds.Cluster, spoke: worlds.Cluster, number: int) -> Iterator[subprocess.Popen[bytes]]:
    bootstrap = hub.kubeconfig(folder / 'bootstrap.kubeconfig', 'bootstrap-token')
    management = spoke.kubeconfig(folder / 'management.kubeconfig')
    defaults = {
        'bootstrap-kubeconfig': str(bootstrap), 'component-namespace': 'agents',
        'hub-kubeconfig-dir': f'{folder}/agents/{{name}}', 'hub-kubeconfig-secret': 'hub-{name}',
    }  # fmt: skip
    clusters: dict[str, object] = {f'edge-{each}': {} for each in range(number)}
    file = folder / 'fleet.yaml'
    file.write_text(json.dumps({'defaults': defaults, 'clusters': clusters}))
    command = [str(Path(sys.executable).parent / 'spoke'), 'agent', f'--fleet={file}', f'--kubeconfig={management}',
               '--disable-leader-election', f'--listen=127.0.0.1:{free_port()}']  # fmt: skip
    with (folder / 'fleet.log').open('wb') as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


async def _figures(hub: Client, process: subprocess.Popen[bytes], number: int, rest_s: float, base_mib: float) -> Row:
    began = time.monotonic()
    while await _joined(hub) < number:
        if process.poll() is not None or time.monotonic() - began > 900:
            raise SystemExit(f'{number} agents did not join: code {process.poll()}')
        await asyncio.sleep(0.2)
    joined_s = time.monotonic() - began
    await asyncio.sleep(5)
    cpu_s, at = _cpu_s(process.pid), time.monotonic()
    await asyncio.sleep(rest_s)
    used = (_cpu_s(process.pid) - cpu_s) / (time.monotonic() - at) * 60
    rss, own = _memory_mib(process.pid)
    each = (rss - base_mib) / (number - 1) if number > 1 and base_mib else rss
    return Row(number, joined_s, rss, each, own, used, _sockets(process.pid), await _lateness(hub))


async def _joined(hub: Client) -> int:
    found = [each async for each in hub.items(_wire.MANAGED_CLUSTERS)]
    return sum(_conditions.is_true(each, _conditions.AVAILABLE) for each in found)


async def _lateness(hub: Client) -> float:
    """Return how far the oldest lease but one in a hundred is behind the latest it should have been renewed."""
    now = time.time()
    leases = [each async for each in hub.items(resources.LEASES, fields={'metadata.name': _wire.LEASE})]
    ages = sorted(now - _wire.moment(each['spec']['renewTime']).timestamp() for each in leases)
    return max(0.0, ages[min(len(ages) - 1, len(ages) * 99 // 100)] - 60 * 1.25)


def _cpu_s(pid: int) -> float:
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def _memory_mib(pid: int) -> tuple[float, float]:
    rows = dict(line.split(':', 1) for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:])
    own = sum(int(rows[key].split()[0]) for key in ('Private_Clean', 'Private_Dirty'))
    return int(rows['Rss'].split()[0]) / 1024, own / 1024


def _sockets(pid: int) -> int:
    return sum(
        str(each.readlink()).startswith('socket:') for each in Path(f'/proc/{pid}/fd').iterdir() if each.is_symlink()
    )


if __name__ == '__main__':
    main()
