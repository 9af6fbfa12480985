"""The actions of this layer. Each returns its results; `Refused` fails it with a reason."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from charmhelpers.core import hookenv, unitdata
from charms.layer.kubernetes_common import api, files, records

from . import agent, bootstrap, cluster, membership, service, settings, status, unit
from .access import OBJECTS, NoAccess, admin
from .membership import JOINED, LEAVING, LEFT, NONE, Membership

Results = dict[str, str]
Parameters = Mapping[str, Any]
RESOURCE = 'hub-bootstrap-kubeconfig'
_ASKED_S, _PAUSE_S, _LONGEST_PAUSE_S = 60.0, 0.5, 5.0


class Refused(Exception):
    """The action cannot be done; the text says why and what to do."""


def join_hub(parameters: Parameters) -> Results:
    """Begin, or go on with another bootstrap kubeconfig."""
    before = _as_leader()
    if before.state == LEAVING:
        raise Refused('this cluster is still leaving a hub: run leave-hub again')
    reading = settings.read(hookenv.config(), {})
    if reading.faults:
        raise Refused(str(reading.faults[0]))
    try:
        kubeconfig = bootstrap.checked(str(parameters.get('kubeconfig') or '') or _resource())
    except bootstrap.Unusable as error:
        raise Refused(f'the bootstrap kubeconfig cannot be used: {error}') from error
    admin()
    made = records.get(OBJECTS)
    if isinstance(made, dict):  # looked at anew, in case somebody took some of it away
        records.put(OBJECTS, {'cluster': made.get('cluster', '')})
    files.write(agent.BOOTSTRAP, kubeconfig)
    name, digest = reading.settings.cluster_name, membership.digest(kubeconfig)
    membership.write(membership.begun(before, JOINED, name, 'action', digest))
    _run_handlers()
    member = _member()
    if service.is_stopped():
        raise Refused(f"the agent does not run yet, see the unit's status and journalctl -u {agent.NAME}")
    return {'cluster': member.cluster, 'agent-id': member.agent, **_told(_asked(member))}


def leave_hub(_: Parameters) -> Results:
    """Leave: the handlers take everything away, and go on with it where they could not."""
    before = _as_leader()
    if before.state in (NONE, LEFT):
        raise Refused('this cluster has joined no hub')
    membership.write(Membership(LEAVING, before.cluster, before.agent))
    _run_handlers()
    if _member().state == LEAVING:
        raise Refused('not all could be taken away yet: a later hook goes on, see the status')
    return {'message': f'Left. On the hub, delete the managed cluster {before.cluster}.'}


def hub_status(_: Parameters) -> Results:
    """Tell how far the join is."""
    member = _as_leader()
    if member.state != JOINED:
        return {'message': f'This cluster is {member.state}.' if member.state else 'This cluster has joined no hub.'}
    return _told(service.report(member.cluster, member.agent))


def rotate_hub_certificate(parameters: Parameters) -> Results:
    """Have a new certificate issued; the agent goes on with the old one until it is there."""
    member, client = _as_leader(), admin()
    before = service.report(member.cluster, member.agent) if member.state == JOINED else status.Report()
    if not before.certificate_serial:
        raise Refused('there is no certificate to replace: this cluster has joined no hub yet, see hub-status')
    if service.is_stopped():
        raise Refused(f'nothing was changed: the agent does not run, see journalctl -u {agent.NAME}')
    if before.step == 'lost':
        raise Refused(f'nothing was changed: {status.no_certificate(before, before.request)}')
    taken = cluster.take_certificate(client)
    try:
        after = _rotated(member, before, float(parameters.get('timeout') or 120))
    finally:
        cluster.give_back(client, taken)
    return {'message': 'The hub has issued a new certificate.', **_told(after)}


def _rotated(member: Membership, before: status.Report, limit_s: float) -> status.Report:
    """Return the report once there is another certificate. Raises Refused as soon as there will be none."""
    until, pause_s = time.monotonic() + limit_s, _PAUSE_S
    while True:
        time.sleep(max(0.0, min(pause_s, until - time.monotonic())))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)  # each look takes a second of a processor
        report = service.report(member.cluster, member.agent)
        if report.certificate_serial not in ('', before.certificate_serial):
            return report
        is_refused = report.request_state in ('denied', 'unusable') and report.request != before.request
        if is_refused or time.monotonic() >= until:
            why = status.no_certificate(report, before.request)
            raise Refused(f'there is no new certificate: {why}. The old one is good until {before.certificate_ends}')


def _as_leader() -> Membership:
    if not hookenv.is_leader():
        raise Refused(f'run this on the leader: {hookenv.application_name()}/leader')
    return _member()


def _member() -> Membership:
    """Return the membership as it is now, also after other processes of this action changed it."""
    return membership.parsed(hookenv.leader_get(membership.KEY))


def _resource() -> str:
    # not hookenv.resource_get: it lets Juju's words about an absent resource through, as if that were an error
    done = subprocess.run(['resource-get', RESOURCE], capture_output=True, text=True, check=False)
    path = done.stdout.strip()
    text = '' if done.returncode or not path else Path(path).read_text(errors='replace')
    if not text.strip():
        raise Refused(
            'there is no bootstrap kubeconfig: give it as kubeconfig in the file of --params, '
            f'or attach the resource {RESOURCE}'
        )
    return text


def _run_handlers() -> None:
    """Have the handlers bring it about."""
    unitdata.kv().flush()
    environment = {**os.environ, 'JUJU_HOOK_NAME': 'config-changed', 'JUJU_DISPATCH_PATH': 'hooks/config-changed'}
    for name in ('JUJU_ACTION_NAME', 'JUJU_ACTION_UUID', 'JUJU_ACTION_TAG'):
        environment.pop(name, None)
    done = subprocess.run(['hooks/config-changed'], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f'the handlers ended with {done.returncode}: {done.stderr.strip()[-300:]}')


def _asked(member: Membership) -> status.Report:
    """Return the report once the hub has been asked."""
    until = time.monotonic() + _ASKED_S
    while True:
        report = service.report(member.cluster, member.agent)
        if report.step != 'bootstrap' or time.monotonic() > until:
            return report
        time.sleep(_PAUSE_S)


def _told(report: status.Report) -> Results:
    unit.show(report)
    return {**report.results(), 'status': status.line(report, datetime.now(timezone.utc))}


ACTIONS: dict[str, Callable[[Parameters], Results]] = {
    'join-hub': join_hub,
    'leave-hub': leave_hub,
    'hub-status': hub_status,
    'rotate-hub-certificate': rotate_hub_certificate,
}


def main() -> None:
    """Run the action Juju asked for."""
    name = os.environ.get('JUJU_ACTION_NAME') or hookenv.action_name()
    try:
        results = ACTIONS[name](hookenv.action_get() or {})
    except (Refused, NoAccess, api.Error) as error:
        hookenv.action_fail(str(error))
    else:
        hookenv.action_set(results)
