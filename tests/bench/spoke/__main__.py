"""Print what agents cost: `python -m tests.bench.spoke [--agents 1,50,200]`.

Each number of agents runs in one process of its own (`spoke agent --fleet`) against one hub, with approval by the
hub, in Detached mode: management and all spokes are one further API server, at which each agent has its own address and
credential, and so its own client and connections, as if it were a server for each. Both are stand-ins, or real
ones with SPOKE_HUB=real. All share this machine: times are this machine's; memory, CPU seconds, connections travel.

Go's agent alone, measured on two cores: 65 MiB resident (18 of it its own), 0.17 CPU seconds a minute at rest,
2 connections, 0.9 s from start to request, 0.6 s from acceptance to Available, 1.3 s from a restart to the lease.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import math
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, resources
from aioclustermanager.kubernetes.informer import Change
from spoke import _conditions, _hub_standin, _wire
from spoke._hub_standin import _definitions, _hub, _rights
from spoke._running import Following

from tests.bench.spoke.hub import LargeHub
from tests.contract._programs import free_port
from tests.unit.spoke import world as worlds

_PATIENCE_S = 1800.0
_PERIOD_S = 75.0  # the longest of a lease that is to be renewed each minute
_AFTER = 2  # renewals after the restart of the hub that are looked at


@dataclass
class Row:
    """The figures of one number of agents."""

    agents: int
    to_request_s: float = 0.0  # from the start of the process to the first request at the hub
    joined_s: float = 0.0  # until all are available
    cpu_to_join_s: float = 0.0  # of the process
    rss_mib: float = 0.0
    own_mib: float = 0.0  # not shared with other processes
    each_mib: float = 0.0  # a further agent's
    cpu_s_a_minute: float = 0.0  # at rest
    sockets: int = 0  # at rest
    late_p99_s: float = 0.0  # renewals, at most
    late_most_s: float = 0.0  # the bound that none passes
    to_lease_s: float = 0.0  # from a restart of the process until all leases are renewed
    recovered_s: float = 0.0  # after a restart of the hub's API server, until all watch it again
    outage_s: float = 0.0  # how long it was away, as seen from here
    beyond_p99_s: float = 0.0  # what the gaps in leases over that restart are longer than outage and longest period
    beyond_most_s: float = 0.0


TITLES = {
    'agents': 'agents', 'to_request_s': 'first CSR s', 'joined_s': 'all joined s', 'cpu_to_join_s': 'CPU s to join',
    'rss_mib': 'MiB', 'own_mib': 'own MiB', 'each_mib': 'MiB an agent', 'cpu_s_a_minute': 'CPU s/min',
    'sockets': 'sockets', 'late_p99_s': 'late p99 s <', 'late_most_s': 'late all s <', 'to_lease_s': 'restart s',
    'recovered_s': 'recovered s', 'outage_s': 'outage s', 'beyond_p99_s': 'gap p99 + s', 'beyond_most_s': 'gap all + s',
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.bench.spoke', description=__doc__.partition('\n')[0])
    parser.add_argument('--agents', default='1,50', help='numbers of agents, with commas (default %(default)s)')
    parser.add_argument('--rest', type=float, default=60.0, help='seconds of rest to measure (default %(default)s)')
    parser.add_argument('--restarts', action='store_true', help='also restart the process and the hub')
    parser.add_argument('--json', type=Path, help='also write the figures to this file')
    options = parser.parse_args()
    rows: list[Row] = []
    for number in map(int, options.agents.split(',')):
        rows.append(asyncio.run(_measured(number, options.rest, rows[0] if rows else None, restarts=options.restarts)))
        _print(rows[-1])
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + '\n')


def _print(row: Row) -> None:
    for key, title in TITLES.items():
        value = getattr(row, key)
        sys.stdout.write(f'{title:>14} {value}\n' if isinstance(value, int) else f'{title:>14} {value:.2f}\n')
    sys.stdout.write('\n')
    sys.stdout.flush()


# the clusters


def _token(number: int) -> str:
    return f'spoke-token-{number}'


async def _measured(number: int, rest_s: float, first: Row | None, *, restarts: bool) -> Row:
    tokens = ''.join(f'{_token(each)},spoke-{each},spoke-{each},"system:masters"\n' for each in range(number))
    with tempfile.TemporaryDirectory(prefix='spoke-bench') as folder, contextlib.ExitStack() as stack:
        is_real = os.environ.get('SPOKE_HUB') == 'real'
        given, worlds.TOKENS = worlds.TOKENS, worlds.TOKENS + tokens
        stack.callback(setattr, worlds, 'TOKENS', given)
        hub_cluster = worlds._started(Path(folder) / 'hub', stack, is_real=is_real)
        spoke_cluster = worlds._started(Path(folder) / 'spoke', stack, is_real=is_real, listen='0.0.0.0')  # noqa: S104  (an address each)
        async with Client(hub_cluster.configuration()) as hub, Client(spoke_cluster.configuration()) as spoke_client:
            settings = _hub_standin.Settings(
                auto_approval_users=frozenset({'bootstrap'}), look_interval=timedelta(hours=1)
            )
            stand_in = LargeHub(hub, worlds.signer(hub_cluster), settings)
            await stand_in.prepare()
            for resource, body in _rights.bootstrap('spoke-bootstrap', 'bootstrap'):
                await _hub.make(hub, resource, body)
            await _hub.install(spoke_client, _definitions.OF_SPOKE)
            await _hub.make(spoke_client, resources.NAMESPACES, {'metadata': {'name': 'agents'}})
            running = asyncio.ensure_future(stand_in.run())
            try:
                fleet = Fleet(Path(folder), hub_cluster, spoke_cluster, number)
                renewals = Renewals(stand_in.leases)
                return await _figures(hub, fleet, renewals, rest_s, first, restarts=restarts)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


def _address(server: str, number: int) -> str:
    """Return an address of its own of a server that listens on all."""
    return f'https://127.1.{number // 250}.{number % 250 + 1}:{server.rpartition(":")[2]}'


class Fleet:
    """The process with the agents."""

    def __init__(self, folder: Path, hub: worlds.Cluster, spoke: worlds.Cluster, number: int) -> None:
        self.folder, self.hub, self.number, self.port = folder, hub, number, free_port()
        self._management = spoke.kubeconfig(folder / 'management.kubeconfig')
        bootstrap = hub.kubeconfig(folder / 'bootstrap.kubeconfig', 'bootstrap-token')
        (folder / 'spokes').mkdir()
        for each in range(number):
            where = {'server': _address(spoke.server, each), 'tls-server-name': 'localhost'}
            spoke.kubeconfig(folder / 'spokes' / f'edge-{each}', _token(each), **where)
        defaults = {
            'bootstrap-kubeconfig': str(bootstrap), 'component-namespace': 'agents',
            'hub-kubeconfig-dir': f'{folder}/agents/{{name}}', 'hub-kubeconfig-secret': 'hub-{name}',
            'spoke-kubeconfig': f'{folder}/spokes/{{name}}',
        }  # fmt: skip
        clusters: dict[str, object] = {f'edge-{each}': {} for each in range(number)}
        (folder / 'fleet.yaml').write_text(json.dumps({'defaults': defaults, 'clusters': clusters}))
        (folder / 'open.yaml').write_text('{authentication: {disabled: true}, authorization: {disabled: true}}')

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [str(Path(sys.executable).parent / 'spoke'), 'agent', f'--fleet={self.folder}/fleet.yaml',
                   f'--kubeconfig={self._management}', '--disable-leader-election',
                   f'--config={self.folder}/open.yaml', f'--listen=127.0.0.1:{self.port}']  # fmt: skip
        with (self.folder / 'fleet.log').open('ab') as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                yield process
            finally:
                process.terminate()
                process.wait(60)

    async def metrics(self) -> str:
        """Return what the process tells Prometheus."""
        return await asyncio.to_thread(self._metrics)

    def _metrics(self) -> str:
        context = ssl._create_unverified_context()  # noqa: S323  (a certificate it made itself)
        with urllib.request.urlopen(f'https://127.0.0.1:{self.port}/metrics', timeout=60, context=context) as answer:
            return str(answer.read().decode())


# the figures


class Renewals:
    """When each lease was renewed, as the agents wrote it."""

    def __init__(self, leases: Following) -> None:
        self._leases = leases
        self._moments: dict[str, list[float]] = {}
        leases.listen(self._changed)

    def _changed(self, change: Change) -> None:
        if change.new and change.new['metadata']['name'] == _wire.LEASE:
            moment = _wire.moment(change.new['spec']['renewTime']).timestamp()
            moments = self._moments.setdefault(change.new['metadata']['namespace'], [])
            if not moments or moment > moments[-1]:
                moments.append(moment)

    def since(self, stamp: float) -> list[list[float]]:
        """Return of each lease the last renewal before that moment, and all after it."""
        return [
            [*[each for each in moments if each <= stamp][-1:], *[each for each in moments if each > stamp]]
            for moments in self._moments.values()
        ]


async def _figures(
    hub: Client, fleet: Fleet, renewals: Renewals, rest_s: float, first: Row | None, *, restarts: bool
) -> Row:
    row = Row(fleet.number)
    with fleet.running() as process:
        began = time.monotonic()
        row.to_request_s = await _until(process, began, lambda: _at_least(hub, _wire.CSRS, 1))
        row.joined_s = await _until(process, began, lambda: _joined(hub, row.agents))
        row.cpu_to_join_s = _cpu_s(process.pid)
        await asyncio.sleep(60)  # idle connections are closed then
        cpu_s, at = _cpu_s(process.pid), time.monotonic()
        before = _late(await fleet.metrics())
        await asyncio.sleep(rest_s)
        row.cpu_s_a_minute = (_cpu_s(process.pid) - cpu_s) / (time.monotonic() - at) * 60
        row.rss_mib, row.own_mib = _memory_mib(process.pid)
        row.sockets = _sockets(process.pid)
        row.each_mib = (row.rss_mib - first.rss_mib) / (row.agents - 1) if first else row.rss_mib
        after = _late(await fleet.metrics())
        row.late_p99_s, row.late_most_s = _bounds({key: after[key] - before.get(key, 0.0) for key in after})
    if restarts:
        stamp = time.time()
        with fleet.running() as process:
            _print(row)  # what there is so far: the rest takes minutes
            row.to_lease_s = await _until(process, time.monotonic(), lambda: _renewed(hub, row.agents, stamp))
            await asyncio.sleep(10)
            await _restart_hub(hub, fleet, renewals, process, row)
    return row


async def _restart_hub(
    hub: Client, fleet: Fleet, renewals: Renewals, process: subprocess.Popen[bytes], row: Row
) -> None:
    """Kill the hub's API server, and start it again as it was."""
    watching = 0.95 * _watches(await fleet.metrics())
    pid = _server_pid(fleet.hub.server)
    words = Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')[:-1]
    environment = dict(item.split(b'=', 1) for item in Path(f'/proc/{pid}/environ').read_bytes().split(b'\0') if item)
    stamp = time.time()
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(5)
    with (fleet.folder / 'hub-again.log').open('wb') as log:
        again = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    try:
        began = time.monotonic()

        async def watched() -> bool:
            return _watches(await fleet.metrics()) >= watching

        async def answers() -> bool:
            return (await hub.transport.request('GET', '/readyz')).status == 200

        async def renewed_twice() -> bool:
            return all(len(each) > _AFTER for each in renewals.since(stamp))

        await _until(process, began, answers)
        row.outage_s = time.time() - stamp
        row.recovered_s = await _until(process, began, watched, 1.0)
        await _until(process, began, renewed_twice, 1.0)
        row.beyond_p99_s, row.beyond_most_s = _beyond(renewals.since(stamp), row.outage_s)
    finally:
        again.kill()  # it would wait a minute for its watches
        again.wait()


def _beyond(renewals: list[list[float]], outage_s: float) -> tuple[float, float]:
    """Return by how much gaps are longer than an outage and the longest period: of 99 of 100 leases, and of all."""
    gaps = sorted(max(b - a for a, b in itertools.pairwise(moments[: _AFTER + 1])) for moments in renewals)
    longest_s = _PERIOD_S + outage_s
    return gaps[math.ceil(0.99 * len(gaps)) - 1] - longest_s, gaps[-1] - longest_s


async def _until(
    process: subprocess.Popen[bytes], began: float, holds: Callable[[], Awaitable[bool]], pause_s: float = 0.1
) -> float:
    """Return the seconds since it began until it holds."""
    while True:
        with contextlib.suppress(kubernetes.Error, OSError):
            if await holds():
                return time.monotonic() - began
        if process.poll() is not None or time.monotonic() - began > _PATIENCE_S:
            raise SystemExit(f'the agents did not come to that: code {process.poll()}')
        await asyncio.sleep(pause_s)


async def _at_least(hub: Client, resource: kubernetes.Resource, number: int) -> bool:
    return len((await hub.list(resource, limit=number))['items'] or []) >= number


async def _joined(hub: Client, number: int) -> bool:
    if not await _at_least(hub, _wire.MANAGED_CLUSTERS, number):
        await asyncio.sleep(1)
        return False
    found = [each async for each in hub.items(_wire.MANAGED_CLUSTERS)]
    joined = sum(_conditions.is_true(each, _conditions.AVAILABLE) for each in found)
    if joined < number > 20:
        await asyncio.sleep(2)  # a look costs the hub something too
    return joined == number


async def _renewals(hub: Client) -> dict[str, float]:
    leases = [each async for each in hub.items(resources.LEASES, fields={'metadata.name': _wire.LEASE})]
    return {each['metadata']['namespace']: _wire.moment(each['spec']['renewTime']).timestamp() for each in leases}


async def _renewed(hub: Client, number: int, since: float) -> bool:
    return sum(moment > since for moment in (await _renewals(hub)).values()) >= number


def _late(text: str) -> dict[float, float]:
    """Return the histogram of how late renewals were: upper bound to count."""
    rows = re.findall(r'^spoke_lease_lateness_seconds_bucket\{le="([^"]+)"\} (\S+)$', text, re.MULTILINE)
    return {float(bound): float(count) for bound, count in rows}


def _bounds(late: dict[float, float]) -> tuple[float, float]:
    """Return the bounds that 99 of 100, and all, keep."""
    total = late.get(float('inf'), 0.0)
    return tuple(min((b for b, n in late.items() if n >= share * total), default=0.0) for share in (0.99, 1.0))  # type: ignore[return-value]


def _watches(text: str) -> float:
    rows = re.findall(r'^spoke_open_connections\{[^}]*to="hub"[^}]*\} (\S+)$', text, re.MULTILINE)
    return sum(min(3.0, float(each)) for each in rows)


def _server_pid(server: str) -> int:
    flag = f'--secure-port={server.rpartition(":")[2]}'.encode()
    return next(int(each.parent.name) for each in Path('/proc').glob('[0-9]*/cmdline') if flag in _content(each))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b''


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
