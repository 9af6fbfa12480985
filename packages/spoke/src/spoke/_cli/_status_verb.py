"""`spoke status`: which step the join has reached, and whom it waits for."""

from __future__ import annotations

import asyncio
import collections
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, InvalidConfiguration, Object, Resource, resources

from .. import (
    _certificates,
    _durations,
    _files,
    _flags,
    _fleet,
    _fleet_file,
    _hub_kubeconfig,
    _intervals,
    _names,
    _steps_of_join,
    _validity,
    _wire,
)
from .._options import AgentOptions, InvalidOptions, ProcessOptions, SpokeAgentOptions

_ABOUT = 'Tells which step a join has reached, and whom it waits for. Takes all flags of the agent.'
_PATIENCE_S = 10.0
_SILENCE_S = 10.0
_LOOK_S = 0.5
_AT_ONCE = 16


def main(arguments: Sequence[str]) -> int:
    """Print the report; returns 0 when the cluster has joined and is available (or has reached the step of
    `--for`), 1 when not, 2 for a bad flag."""
    options, common, process = SpokeAgentOptions(), AgentOptions(), ProcessOptions()
    parser = _flags.Parser(prog='spoke status', description=_ABOUT)
    for each in (options, common, process):
        each.add_flags(parser)
    parser.add_argument('--for', dest='step', choices=_steps_of_join.STEPS, help='wait until this step is reached')
    parser.add_argument(
        '--timeout',
        type=_flags.told(_durations.parse),
        default=timedelta(minutes=1),
        metavar='VALUE',
        help='how long to wait (default 1m0s)',
    )
    parser.add_argument('--format', choices=('text', 'json', 'yaml'), default='text')
    parser.add_argument(
        '--fleet', type=Path, metavar='PATH', help='file or folder that describes many agents: report on each'
    )
    try:
        told = parser.parse_args(arguments)
        if told.fleet:
            if faults := _fleet.faults_of_flags(parser.given, options, common):
                raise InvalidOptions(faults)
            return _of_fleet(told.fleet, told.step, told.timeout.total_seconds(), told.format)
        if faults := _names.faults_of_flags(common.spoke_cluster_name, common.agent_id):
            raise InvalidOptions(faults)
    except (_flags.BadFlag, InvalidOptions) as error:
        sys.stderr.write(f'Error: {error}\n')
        return 2
    looking = _reported(options, common, _Hubs(), told.step, told.timeout.total_seconds(), process.kubeconfig)
    report = asyncio.run(looking)
    sys.stdout.write(_shown(report, told.format))
    return 0 if _is_reached(report, told.step or 'joined') else 1


def _of_fleet(path: Path, step: str | None, timeout_s: float, form: str) -> int:
    """Print a line for each cluster; returns as for one, when all are there. Raises InvalidOptions."""
    members = _fleet.planned(path).members
    reports = asyncio.run(_reported_of_all(list(members.values()), step, timeout_s))
    if form == 'text':
        width = max(map(len, reports), default=0) + 2
        rows = [f'{name:{width}}{each.step:12}{each.waits_for}'.rstrip() for name, each in reports.items()]
        steps = collections.Counter(each.step for each in reports.values())
        rows.append(
            f'{len(reports)} clusters: {", ".join(f"{steps[each]} {each}" for each in sorted(steps)) or "none"}'
        )
        sys.stdout.write('\n'.join([*rows, '']))
    else:
        documents = {name: each.document() for name, each in reports.items()}
        sys.stdout.write(json.dumps(documents) + '\n' if form == 'json' else yaml.safe_dump(documents, sort_keys=False))
    return 0 if all(_is_reached(each, step or 'joined') for each in reports.values()) else 1


async def _reported_of_all(
    members: Sequence[_fleet_file.Member], step: str | None, timeout_s: float
) -> dict[str, _steps_of_join.Report]:
    hubs = _Hubs()

    async def one(member: _fleet_file.Member) -> _steps_of_join.Report:
        common, options, _, management = member.options()
        return await _reported(options, common, hubs, step, timeout_s, management)

    reports = await asyncio.gather(*map(one, members))
    return {member.name: report for member, report in zip(members, reports, strict=True)}


def _is_reached(report: _steps_of_join.Report, step: str) -> bool:
    return report.step == step and not (step == 'joined' and report.waits_for)


class _Hubs:
    """Turns to ask a hub; one that let a cluster wait in vain is not asked for the others at once."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(_AT_ONCE)
        self.looking = 0  # how many clusters are waited for
        self._silent: dict[str, tuple[float, str]] = {}

    def pause_s(self) -> float:
        """Return how long to wait before the next look at a cluster: the more there are, the longer."""
        return _LOOK_S * max(1.0, self.looking / _AT_ONCE)

    def silence(self, server: str) -> str:
        """Return what is waited for where a hub was silent a moment ago, '' where it may be asked."""
        until, why = self._silent.get(server, (0.0, ''))
        return why if time.monotonic() < until else ''

    def waited(self, server: str, seconds: float, why: str) -> None:
        """Take note of a hub that could not be asked, after so long."""
        if seconds > _PATIENCE_S / 2:
            self._silent[server] = (time.monotonic() + _SILENCE_S, why)


async def _reported(
    options: SpokeAgentOptions, common: AgentOptions, hubs: _Hubs, step: str | None, timeout_s: float, management: str
) -> _steps_of_join.Report:
    """Return the report, of the moment when the step was reached if one is waited for."""
    until = time.monotonic() + timeout_s
    hubs.looking += 1
    while True:
        async with hubs.turns:
            report = _steps_of_join.report(await _found(options, common, hubs, management))
        left_s = until - time.monotonic()
        if step is None or _is_reached(report, step) or left_s <= 0:
            hubs.looking -= 1
            return report
        await asyncio.sleep(min(left_s, hubs.pause_s()))


def _shown(report: _steps_of_join.Report, form: str) -> str:
    document = report.document()
    if form == 'json':
        return json.dumps(document) + '\n'
    if form == 'yaml':
        return yaml.safe_dump(document, sort_keys=False)
    rows = {key: value for key, value in document.items() if value not in ('', None)}
    width = max(map(len, rows)) + 2
    return ''.join(f'{key + ":":{width}}{value}\n' for key, value in rows.items())


async def _found(
    options: SpokeAgentOptions, common: AgentOptions, hubs: _Hubs, management: str
) -> _steps_of_join.Found:
    folder, bootstrap = Path(common.hub_kubeconfig_dir), Path(options.bootstrap_kubeconfig)
    told = _validity.certificate_names(folder)
    files = [(_files.read(folder / name) or b'').decode('utf-8', 'replace') for name in ('cluster-name', 'agent-name')]
    flags = (common.spoke_cluster_name, common.agent_id)
    inside = (told.cluster, told.agent) if told else ('', '')
    names = _names.Names(*(_names.chosen(_names.Sources(*each), '') for each in zip(flags, inside, files, strict=True)))
    now = _certificates.utc_now()
    if not common.agent_id and not names.agent:
        names = _names.Names(names.cluster, 'unknown')
    fault = _validity.fault(folder, common.hub_kubeconfig_file, bootstrap, names, now)
    path = bootstrap if fault else common.hub_kubeconfig_file
    asked = await _asked(path, names.cluster, hubs, is_bootstrap=bool(fault))
    return _steps_of_join.Found(
        cluster_name=names.cluster, certificate=_certificate(folder), fault=fault,
        start_waits_for=_start_waits_for({'spoke-kubeconfig': common.spoke_kubeconfig, 'kubeconfig': management}),
        denied_backoff=_intervals.current().denied_request_backoff, now=now, **asked,
    )  # fmt: skip


def _start_waits_for(files: Mapping[str, str]) -> str:
    """Return what an agent has to be given before it can start; '' where what these options name can be used."""
    for option, path in files.items():
        try:
            if path:
                _hub_kubeconfig.read(Path(path))
        except InvalidConfiguration as error:
            return f'another {option}, without which no agent starts: {error}'
    return ''


def _certificate(folder: Path) -> _certificates.Chain | None:
    try:
        return _certificates.chain(_files.read(folder / 'tls.crt') or b'')
    except _certificates.Unusable:
        return None


async def _asked(path: Path, cluster: str, hubs: _Hubs, *, is_bootstrap: bool) -> dict[str, Any]:
    """Ask the hub, as whom the agent asks it now."""
    nothing: dict[str, Any] = {
        'cluster': None, 'requests': [], 'is_v1beta1': False, 'lease_renewed': None, 'hub_waits_for': ''
    }  # fmt: skip
    if not cluster:
        return {**nothing, 'hub_waits_for': 'the name of the cluster: --spoke-cluster-name, or files of an agent'}
    try:
        configuration = _hub_kubeconfig.read(path)
    except InvalidConfiguration as error:
        return {**nothing, 'hub_waits_for': _steps_of_join.whom(error, path)}
    if silence := hubs.silence(configuration.server):
        return {**nothing, 'hub_waits_for': silence}
    began = time.monotonic()
    try:
        async with Client(configuration) as client:
            with kubernetes.deadline(_PATIENCE_S):
                return {**nothing, **await _read(client, cluster, is_bootstrap=is_bootstrap)}
    except (kubernetes.Error, InvalidConfiguration) as error:
        why = _steps_of_join.whom(error, path)
        hubs.waited(configuration.server, time.monotonic() - began, why)
        return {**nothing, 'hub_waits_for': why}


async def _read(client: Client, cluster: str, *, is_bootstrap: bool) -> dict[str, Any]:
    try:
        requests = await _requests(client, cluster)
        if is_bootstrap:
            return requests
        found: Object | None = await client.find(_wire.MANAGED_CLUSTERS, cluster)
        lease = await client.find(resources.LEASES, _wire.LEASE, cluster)
    except kubernetes.Forbidden:
        if is_bootstrap:
            raise
        return {'cluster': {'metadata': {'name': cluster}}}  # before it is accepted, an agent may nothing
    renewed = ((lease or {}).get('spec') or {}).get('renewTime')
    return {**requests, 'cluster': found, 'lease_renewed': _wire.moment(renewed) if renewed else None}


async def _requests(client: Client, cluster: str) -> dict[str, Any]:
    """Return the requests with the cluster's label, in the version that the hub serves."""

    async def listed(resource: Resource) -> list[Object]:
        return [each async for each in client.items(resource, labels=_wire.labels(cluster))]

    try:
        return {'requests': await listed(_wire.CSRS), 'is_v1beta1': False}
    except kubernetes.NotFound:
        return {'requests': await listed(_wire.CSRS_V1BETA1), 'is_v1beta1': True}
