"""`spoke hub-standin`: a stand-in for a hub, what its administrator does, and how it is made to fail."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, kubeconfig

from .. import _durations, _flags, _hub_standin, _log, _options
from .._hub_standin import _definitions, _faults, _hub, _rights
from .._hub_standin._signer import Signer
from .._process import Signals
from .._running import stopped

_ABOUT = (
    "A stand-in for a hub's controllers, beside any API server; what its administrator does; how it is made to fail."
)
_OF_CLUSTER = ('accept', 'unaccept', 'approve', 'deny')


def main(arguments: Sequence[str]) -> int:
    """Run the stand-in, or one of its verbs; returns the exit code."""
    try:
        told = _parser().parse_intermixed_args(arguments)  # flags may stand between the words
        _check(told)
    except _flags.BadFlag as error:
        sys.stderr.write(f'Error: {error}\n')
        return 2
    _log.to_stderr(told.v)
    try:
        return asyncio.run(_run(told))
    except (kubernetes.Error, OSError, ValueError) as error:
        sys.stderr.write(f'Error: {error}\n')
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = _flags.Parser(prog='spoke hub-standin', words='VERB [WORD ...] ', description=_ABOUT)
    parser.add_argument('verb', choices=('run', 'prepare-spoke', *_OF_CLUSTER, 'fault'))
    parser.add_argument(
        'words', nargs='*', default=[], help='the cluster for accept, unaccept, approve, deny; for fault what is to go '
        f'wrong from now on, nothing for nothing: {", ".join(_faults.NAMES)} (slow=2s, refuse=429, skewed-clock=-5m)'
    )  # fmt: skip
    parser.add_argument('--kubeconfig', required=True, metavar='FILE', help='of an administrator of the API server')
    parser.add_argument('--ca-cert', type=Path, metavar='FILE', help='of the authority for clients (run)')
    parser.add_argument('--ca-key', type=Path, metavar='FILE', help='its key (run)')
    parser.add_argument(
        '--bootstrap-user', default='', metavar='NAME', help='may ask for clusters to be taken in (run)'
    )
    parser.add_argument('--auto-approve', action='store_true', help='accept and approve what that user asks for (run)')
    parser.add_argument(
        '--certificate-life', type=_flags.told(_durations.parse), default=timedelta(hours=1), metavar='DURATION',
        help='of what it signs, where nothing shorter is asked for (run; default 1h0m0s)'
    )  # fmt: skip
    parser.add_argument(
        '--front', default='', metavar='HOST:PORT', help='serve the hub there as well, for agents that are to see its '
        'faults; its certificate is by --ca-cert (run)'
    )  # fmt: skip
    parser.add_argument('-v', type=int, default=0, metavar='LEVEL', help='2: log every detail')
    return parser


def _check(told: argparse.Namespace) -> None:
    """Raises BadFlag."""
    if told.verb == 'run' and not (told.ca_cert and told.ca_key):
        raise _flags.BadFlag('run needs --ca-cert and --ca-key')
    if told.front and not _options.is_address(told.front):
        raise _flags.BadFlag(f'--front: {told.front!r} is no HOST:PORT')
    if told.certificate_life <= timedelta():
        raise _flags.BadFlag('--certificate-life must be greater than zero')
    if told.verb in _OF_CLUSTER and len(told.words) != 1:
        raise _flags.BadFlag(f'{told.verb} needs the name of a cluster')
    if told.verb in ('run', 'prepare-spoke') and told.words:
        raise _flags.BadFlag(f'{told.verb} takes no words: {" ".join(told.words)}')
    if told.verb == 'fault':
        try:
            told.faults = _faults.parse(told.words)
        except ValueError as error:
            raise _flags.BadFlag(str(error)) from error


async def _run(told: argparse.Namespace) -> int:
    verb = told.verb
    async with Client(kubeconfig.load(told.kubeconfig)) as client:
        if verb in ('accept', 'unaccept'):
            await _hub_standin.accept(client, told.words[0], yes=verb == 'accept')
            sys.stdout.write(f'{told.words[0]}: {verb}ed\n')
        elif verb in ('approve', 'deny'):
            names = await (_hub_standin.approve if verb == 'approve' else _hub_standin.deny)(client, told.words[0])
            done = {'approve': 'approved', 'deny': 'denied'}[verb]
            sys.stdout.write(''.join(f'{name}: {done}\n' for name in names) or f'{told.words[0]}: nothing to {verb}\n')
        elif verb == 'prepare-spoke':
            await _hub.install(client, _definitions.OF_SPOKE)
            sys.stdout.write('the spoke knows cluster claims\n')
        elif verb == 'fault':
            await _hub_standin.fault(client, told.faults)
            sys.stdout.write(f'the hub is to fail: {_faults.shown(told.faults) or "not at all"}\n')
        else:
            return await _serve(client, told)
    return 0


async def _serve(client: Client, told: argparse.Namespace) -> int:
    try:
        signer = Signer.from_pem(told.ca_cert.read_bytes(), told.ca_key.read_bytes())
    except ValueError as error:
        raise ValueError(f'{told.ca_cert} and {told.ca_key} are no authority in PEM: {error}') from error
    users = frozenset({told.bootstrap_user}) if told.auto_approve else frozenset[str]()
    settings = _hub_standin.Settings(certificate_life=told.certificate_life, auto_approval_users=users)
    async with contextlib.AsyncExitStack() as stack:
        front = None
        if told.front:
            front = await stack.enter_async_context(_hub_standin.Front(told.front, client.configuration, signer))
            sys.stdout.write(f'the front of the hub is {front.url}\n')
        hub = _hub_standin.HubStandIn(client, signer, settings, front=front)
        await hub.prepare()
        if told.bootstrap_user:
            for resource, body in _rights.bootstrap('spoke-bootstrap', told.bootstrap_user):
                await _hub.make(client, resource, body)
        sys.stdout.write('the hub is ready\n')
        sys.stdout.flush()
        await _until_asked(hub)
    return 0


async def _until_asked(hub: _hub_standin.HubStandIn) -> None:
    with Signals() as signals:
        work: asyncio.Task[None] = asyncio.ensure_future(hub.run())
        asked = asyncio.ensure_future(signals.asked.wait())
        try:
            await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stopped(work, asked)  # type: ignore[arg-type]
    if not work.cancelled() and (error := work.exception()):
        raise error
