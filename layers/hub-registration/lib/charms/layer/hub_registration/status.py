"""What the unit says of its hub. Computing only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

RENEWAL = {
    'pending': 'waits for approval',
    'approved': 'waits for the signer',
    'denied': 'denied',
    'unusable': 'badly signed',
}
OLD_HUB = 'V1beta1CSRAPICompatibility'  # the gate for hubs before Kubernetes 1.19
STAMP = '%Y-%m-%dT%H:%M:%SZ'


@dataclass(frozen=True)
class Report:
    """What `spoke status` says, and since when the hub has not answered."""

    cluster: str = ''
    step: str = ''  # bootstrap, approval, signing, acceptance, joining, joined, lost; '' before the first look
    waits_for: str = ''
    certificate_ends: str = ''
    certificate_serial: str = ''
    request: str = ''  # the last one, unless it was answered with the certificate
    request_state: str = ''  # pending, approved, denied, unusable (signed for another key)
    lease_age_s: int | None = None
    available: str = ''
    asks_again: str = ''  # when the agent does, after a request that was denied or badly signed
    unreachable_since: str = ''

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Report:
        """Return the report that a document of either spelling holds."""
        known = cls.__dataclass_fields__
        given = {key.replace('-', '_'): value for key, value in document.items()}
        return cls(**{key: value for key, value in given.items() if key in known})

    def document(self) -> dict[str, Any]:
        return asdict(self)

    def results(self) -> dict[str, str]:
        """Return it as an action's results."""
        shown = {key.replace('_', '-'): value for key, value in asdict(self).items()}
        return {key: str(value) for key, value in shown.items() if value not in ('', None)}


def line(report: Report, now: datetime) -> str:
    """Return what follows in the unit's status."""
    if report.unreachable_since:
        return f'unreachable since {report.unreachable_since}{_ends(report, now)}'
    said = {
        '': 'asking the hub',
        'bootstrap': f'asking the hub as {report.cluster}',
        'approval': f'waiting for approval as {report.cluster}',
        'signing': f'approved as {report.cluster}, waiting for the certificate',
        'acceptance': f'waiting for acceptance as {report.cluster}',
        'joining': f'joining as {report.cluster}',
        'joined': f'joined as {report.cluster}',
        'lost': f'lost: waits for {report.waits_for[:120]}',
    }
    text = said.get(report.step, report.step)
    if report.step in ('approval', 'signing') and report.request_state in ('denied', 'unusable'):
        how = RENEWAL[report.request_state]
        text = f'the request {report.request} of {report.cluster} was {how}, another follows{_when(report)}'
    if report.step == 'bootstrap' and OLD_HUB in report.waits_for:
        text += f', which is old and needs hub-feature-gates={OLD_HUB}=true'
    elif report.step == 'bootstrap' and report.waits_for and not report.waits_for.startswith('the agent'):
        text += f', which waits for {report.waits_for[:120]}'
    if report.step == 'joined' and report.available not in ('', 'True'):
        text += ', not available'
    if report.certificate_ends and report.request_state:
        text += f', renewal {RENEWAL.get(report.request_state, report.request_state)}'
    return text + _ends(report, now)


def no_certificate(report: Report, asked_before: str) -> str:
    """Return why there is no new certificate yet. asked_before: the request that was the last one before."""
    request = report.request
    if report.step == 'lost':
        return f'it waits for {report.waits_for}'
    if report.request_state == 'denied' and request == asked_before:
        return f'the request {request} was denied, and the agent asks again{_when(report)}'
    return {
        'pending': f'the request {request} waits for approval: kubectl certificate approve {request}, on the hub',
        'approved': f'the request {request} is approved, but the hub has not signed it',
        'denied': f'the hub denied the request {request}',
        'unusable': f'what the hub put into the request {request} does not fit its key',
    }.get(report.request_state, 'the agent has not asked, see its log')


def _when(report: Report) -> str:
    return f' at {report.asks_again}' if report.asks_again else ' after a pause, of an hour at most'


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime(STAMP)


def _ends(report: Report, now: datetime) -> str:
    if not report.certificate_ends:
        return ''
    try:
        ends = datetime.strptime(report.certificate_ends, STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return ''
    left_s = (ends - now).total_seconds()
    if left_s <= 0:
        return ', certificate expired'
    for unit, seconds in (('d', 86400), ('h', 3600), ('min', 60)):
        if left_s >= 2 * seconds or unit == 'min':  # coarse, or each look would be a new status
            return f', certificate expires in {int(left_s // seconds)} {unit}'
    return ''
