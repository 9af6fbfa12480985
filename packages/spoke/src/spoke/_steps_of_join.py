"""Which step a join has reached and whom it waits for: read from hub, secret and folder. Decides only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from . import _conditions, _wire

STEPS = ('bootstrap', 'approval', 'signing', 'acceptance', 'joining', 'joined', 'lost')


@dataclass(frozen=True)
class Found:
    """What was found. None where it could not be read."""

    cluster_name: str
    certificate_ends: datetime | None
    fault: str  # of the files in the folder, '' for none
    hub_error: str  # why the hub could not be asked, '' if it could
    cluster: Mapping[str, Any] | None
    requests: Sequence[Mapping[str, Any]]
    lease_renewed: datetime | None
    now: datetime


@dataclass(frozen=True)
class Report:
    cluster: str
    step: str  # of STEPS
    waits_for: str  # '' for nobody
    certificate_ends: str = ''
    lease_age_s: int | None = None
    available: str = ''

    def document(self) -> dict[str, Any]:
        """Return it as a mapping for JSON and YAML."""
        return {key.replace('_', '-'): value for key, value in asdict(self).items()}


def report(found: Found) -> Report:
    """Return the first step that is not done."""
    step, waits_for = _step(found)
    ends = f'{found.certificate_ends:%Y-%m-%dT%H:%M:%SZ}' if found.certificate_ends else ''
    age = int((found.now - found.lease_renewed).total_seconds()) if found.lease_renewed else None
    available = (_conditions.find(found.cluster, _conditions.AVAILABLE) or {}).get('status', '')
    return Report(found.cluster_name, step, waits_for, ends, age, available)


def _step(found: Found) -> tuple[str, str]:
    if found.hub_error:
        return ('lost' if not found.fault else 'bootstrap'), f'the hub: {found.hub_error}'
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
        return 'joining', 'the agent'
    if not _conditions.is_true(found.cluster, _conditions.AVAILABLE):
        return 'joined', (_conditions.find(found.cluster, _conditions.AVAILABLE) or {}).get('message', 'the agent')
    return 'joined', ''


def _before_certificate(found: Found) -> tuple[str, str]:
    newest = max(found.requests, key=lambda each: str(each['metadata'].get('creationTimestamp')), default=None)
    if newest is None:
        return 'bootstrap', f'the agent, to ask for a certificate ({found.fault})'
    name = newest['metadata']['name']
    return {
        'pending': ('approval', f'an administrator of the hub: kubectl certificate approve {name}'),
        'approved': ('signing', f'the signer of the hub, for the request {name}'),
        'denied': ('approval', f'the agent, to ask again: the request {name} was denied'),
        'issued': ('signing', f'the agent, to take its certificate from the request {name}'),
    }[_wire.request_state(newest)]
