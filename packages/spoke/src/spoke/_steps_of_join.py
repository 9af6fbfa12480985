"""Which step a join has reached and whom it waits for: read from hub, secret and folder. Decides only."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import InvalidConfiguration

from . import _certificates, _conditions, _features, _steps, _wire
from ._certificates import Chain
from ._names import ADDON_LABEL

STEPS = ('bootstrap', 'approval', 'signing', 'acceptance', 'joining', 'joined', 'lost')


@dataclass(frozen=True)
class Found:
    """What was found. None where it could not be read."""

    cluster_name: str
    certificate: Chain | None
    fault: str  # of the files in the folder, '' for none
    start_waits_for: str  # what the agent is to be given first, '' for nothing
    hub_waits_for: str  # where the hub could not be asked: whom that waits for, '' if it could
    cluster: Mapping[str, Any] | None
    requests: Sequence[Mapping[str, Any]]  # with the cluster's label
    is_v1beta1: bool  # whether the hub serves requests as v1beta1 only
    lease_renewed: datetime | None
    denied_backoff: timedelta
    now: datetime


@dataclass(frozen=True)
class Report:
    cluster: str
    step: str  # of STEPS
    waits_for: str  # '' for nobody
    certificate_ends: str = ''
    certificate_serial: str = ''
    request: str = ''  # the last one for this certificate, unless that was answered with it
    request_state: str = ''  # pending, approved, denied, or unusable: signed for another key
    asks_again: str = ''  # when the agent does, after one that was denied or unusable
    lease_age_s: int | None = None
    available: str = ''

    def document(self) -> dict[str, Any]:
        """Return it as a mapping for JSON and YAML."""
        return {key.replace('_', '-'): value for key, value in asdict(self).items()}


def report(found: Found) -> Report:
    """Return the first step that is not done."""
    step, waits_for = _step(found)
    ends = f'{found.certificate.ends:%Y-%m-%dT%H:%M:%SZ}' if found.certificate else ''
    serial = found.certificate.serial if found.certificate else ''
    last = _last(found)
    request = ('', '', '') if last.state == 'issued' else (last.name, last.state, last.asks_again)
    age = int((found.now - found.lease_renewed).total_seconds()) if found.lease_renewed else None
    available = (_conditions.find(found.cluster, _conditions.AVAILABLE) or {}).get('status', '')
    return Report(found.cluster_name, step, waits_for, ends, serial, *request, age, available)


def whom(error: Exception, path: Path) -> str:
    """Return whom it waits for when the hub could not be asked with the kubeconfig in `path`."""
    if isinstance(error, kubernetes.Unauthorized):
        return f'another credential in {path}, which the hub does not know: {error}'
    if isinstance(error, kubernetes.Forbidden):
        return f'an administrator of the hub, to let the user of {path} ask: {error}'
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return f"the right certificate authority in {path}, which does not trust the hub's certificate: {error}"
    if isinstance(error, InvalidConfiguration):
        return f'a kubeconfig that can be used: {error}'
    return f'the hub: {error}'


def _step(found: Found) -> tuple[str, str]:
    if found.fault and found.start_waits_for:
        return 'bootstrap', found.start_waits_for
    if found.hub_waits_for:
        return ('lost' if not found.fault else 'bootstrap'), found.hub_waits_for
    if found.fault:
        return _before_certificate(found)
    if found.cluster is None:
        return 'lost', f'managed cluster {found.cluster_name}, which is not on the hub'
    if not _conditions.is_true(found.cluster, _conditions.ACCEPTED):
        return (
            'acceptance',
            f'an administrator of the hub, to set hubAcceptsClient of managedcluster {found.cluster_name}',
        )
    if not _conditions.is_true(found.cluster, _conditions.JOINED):
        return 'joining', found.start_waits_for or 'the agent'
    if not _conditions.is_true(found.cluster, _conditions.AVAILABLE):
        available = _conditions.find(found.cluster, _conditions.AVAILABLE) or {}
        return 'joined', found.start_waits_for or available.get('message', 'the agent')
    return 'joined', ''


def _before_certificate(found: Found) -> tuple[str, str]:
    last = _last(found)
    old = f'; the hub knows v1beta1 of them only: --feature-gates={_features.V1BETA1_CSR}=true'
    again = f'the agent, to ask again{f" at {last.asks_again}" if last.asks_again else ""}'
    return {
        '': ('bootstrap', f'the agent, to ask for a certificate ({found.fault}){old if found.is_v1beta1 else ""}'),
        'pending': ('approval', f'an administrator of the hub: kubectl certificate approve {last.name}'),
        'approved': ('signing', f'the signer of the hub, for the request {last.name}'),
        'denied': ('approval', f'{again}: the request {last.name} was denied'),
        'unusable': ('signing', f'{again}: what the signer put into the request {last.name} does not fit its key'),
        'issued': ('signing', f'the agent, to take its certificate from the request {last.name}'),
    }[last.state]


@dataclass(frozen=True)
class _Last:
    """The last request for this certificate, not an add-on's."""

    name: str = ''
    state: str = ''
    asks_again: str = ''


def _last(found: Found) -> _Last:
    ours = [each for each in found.requests if not (each['metadata'].get('labels') or {}).get(ADDON_LABEL)]
    newest = max(ours, key=lambda each: str(each['metadata'].get('creationTimestamp')), default=None)
    if newest is None:
        return _Last()
    state = 'unusable' if _steps.is_missigned(newest) else _wire.request_state(newest)
    again = _asks_again(found, newest) if state in ('denied', 'unusable') else ''
    return _Last(newest['metadata']['name'], state, again)


def _asks_again(found: Found, last: Mapping[str, Any]) -> str:
    """Return when the agent asks again, as it finds it itself; '' where it cannot be known."""
    try:
        name = _certificates.name_in_request(_wire.decoded(last['spec'].get('request')))
    except _certificates.Unusable:
        return ''
    due = _steps.after_denials(found.requests, name, found.denied_backoff, found.now)
    return f'{due:%Y-%m-%dT%H:%M:%SZ}' if due else ''
