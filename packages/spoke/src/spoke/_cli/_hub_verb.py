"""`spoke hub-standin`: a stand-in for a hub, and what its administrator does."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, kubeconfig

from .. import _durations, _flags, _hub_standin
from .._hub_standin import _definitions, _hub, _rights
from .._hub_standin._signer import Signer
from .._process import Signals
from .._running import stopped
from . import log_to_stderr


def main(arguments: Sequence[str]) -> int:
    """Run the stand-in, or one of its verbs; returns the exit code."""
    parser = _flags.Parser(prog='spoke hub-standin', description=__doc__)
    parser.add_argument('verb', choices=('run', 'prepare-spoke', 'accept', 'unaccept', 'approve', 'deny'))
    parser.add_argument('cluster', nargs='?', default='', help='for accept, unaccept, approve, deny')
    parser.add_argument('--kubeconfig', required=True, help='of an administrator of the API server')
    parser.add_argument('--ca-cert', type=Path, help='of the authority for clients (run)')
    parser.add_argument('--ca-key', type=Path, help='its key (run)')
    parser.add_argument('--bootstrap-user', default='', help='may ask for clusters to be taken in (run)')
    parser.add_argument('--auto-approve', action='store_true', help='accept and approve what that user asks for (run)')
    parser.add_argument('--certificate-life', type=_durations.parse, default=timedelta(hours=1))
    parser.add_argument('-v', type=int, default=0)
    try:
        told = parser.parse_args(arguments)
        if told.verb == 'run' and not (told.ca_cert and told.ca_key):
            raise _flags.BadFlag('run needs --ca-cert and --ca-key')
        if told.verb in ('accept', 'unaccept', 'approve', 'deny') and not told.cluster:
            raise _flags.BadFlag(f'{told.verb} needs the name of a cluster')
    except _flags.BadFlag as error:
        sys.stderr.write(f'Error: {error}\n')
        return 2
    log_to_stderr(told.v)
    try:
        return asyncio.run(_run(told))
    except (kubernetes.Error, OSError, ValueError) as error:
        sys.stderr.write(f'Error: {error}\n')
        return 1


async def _run(told: object) -> int:
    verb, cluster = getattr(told, 'verb'), getattr(told, 'cluster')  # noqa: B009  (a Namespace has no types)
    async with Client(kubeconfig.load(getattr(told, 'kubeconfig'))) as client:  # noqa: B009
        if verb in ('accept', 'unaccept'):
            await _hub_standin.accept(client, cluster, yes=verb == 'accept')
            sys.stdout.write(f'{cluster}: {verb}ed\n')
        elif verb in ('approve', 'deny'):
            names = await (_hub_standin.approve if verb == 'approve' else _hub_standin.deny)(client, cluster)
            sys.stdout.write(''.join(f'{name}: {verb}d\n' for name in names) or f'{cluster}: nothing to {verb}\n')
        elif verb == 'prepare-spoke':
            await _hub.install(client, _definitions.OF_SPOKE)
            sys.stdout.write('the spoke knows cluster claims\n')
        else:
            return await _serve(client, told)
    return 0


async def _serve(client: Client, told: object) -> int:
    options = vars(told)
    signer = Signer.from_pem(options['ca_cert'].read_bytes(), options['ca_key'].read_bytes())
    users = frozenset({options['bootstrap_user']}) if options['auto_approve'] else frozenset[str]()
    settings = _hub_standin.Settings(certificate_life=options['certificate_life'], auto_approval_users=users)
    hub = _hub_standin.HubStandIn(client, signer, settings)
    await hub.prepare()
    if options['bootstrap_user']:
        for resource, body in _rights.bootstrap('spoke-bootstrap', options['bootstrap_user']):
            await _hub.make(client, resource, body)
    sys.stdout.write('the hub is ready\n')
    sys.stdout.flush()
    with Signals() as signals:
        work = asyncio.ensure_future(hub.run())
        asked = asyncio.ensure_future(signals.asked.wait())
        try:
            await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stopped(work, asked)  # type: ignore[arg-type]
    return 0
