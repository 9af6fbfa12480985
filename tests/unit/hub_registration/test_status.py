"""What the unit says of its hub, as a table."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from charms.layer.hub_registration.status import Report, line, no_certificate

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SINCE = '2025-12-31T22:00:00Z'


@pytest.mark.parametrize(
    ('report', 'says'),
    [
        (Report(), 'asking the hub'),
        (Report('edge-7', 'bootstrap', 'the agent, to ask (there is no tls.key)'), 'asking the hub as edge-7'),
        (Report('edge-7', 'bootstrap', 'the hub: 401'), 'asking the hub as edge-7, which waits for the hub: 401'),
        (
            Report(
                'edge-7', 'bootstrap', 'the agent, to ask (there is no x); --feature-gates=V1beta1CSRAPICompatibility'
            ),
            'asking the hub as edge-7, which is old and needs hub-feature-gates=V1beta1CSRAPICompatibility=true',
        ),
        (Report('edge-7', 'approval', 'x'), 'waiting for approval as edge-7'),
        (
            Report('edge-7', 'approval', 'x', request='edge-7-abc', request_state='denied'),
            'the request edge-7-abc of edge-7 was denied, another follows after a pause, of an hour at most',
        ),
        (
            Report('edge-7', 'signing', 'x', request='edge-7-abc', request_state='unusable', asks_again=SINCE),
            f'the request edge-7-abc of edge-7 was badly signed, another follows at {SINCE}',
        ),
        (Report('edge-7', 'signing', 'x'), 'approved as edge-7, waiting for the certificate'),
        (
            Report('edge-7', 'acceptance', 'x', '2026-01-01T00:50:00Z'),
            'waiting for acceptance as edge-7, certificate expires in 50 min',
        ),
        (
            Report('edge-7', 'joined', '', '2026-01-03T12:00:00Z', lease_age_s=3, available='True'),
            'joined as edge-7, certificate expires in 2 d',
        ),
        (
            Report('edge-7', 'joined', '', '2026-01-03T12:00:00Z', '0A', 'edge-7-abc', 'denied', 3, 'True'),
            'joined as edge-7, renewal denied, certificate expires in 2 d',
        ),
        (
            Report('edge-7', 'joined', 'x', '2026-01-01T12:00:00Z', lease_age_s=3, available='False'),
            'joined as edge-7, not available, certificate expires in 12 h',
        ),
        (
            Report('edge-7', 'lost', 'the hub: gone', '2025-12-31T23:00:00Z', unreachable_since=SINCE),
            f'unreachable since {SINCE}, certificate expired',
        ),
        (Report('edge-7', 'lost', 'managed cluster edge-7'), 'lost: waits for managed cluster edge-7'),
    ],
)
def test_a_report_is_a_line(report: Report, says: str) -> None:
    assert line(report, NOW) == says


def test_a_report_is_read_back_from_what_the_command_prints_and_from_what_is_kept() -> None:
    printed = {'cluster': 'edge-7', 'step': 'joined', 'waits-for': '', 'certificate-ends': 'x', 'lease-age-s': 0}
    report = Report.of({**printed, 'new-in-a-later-version': 1})
    assert (report.waits_for, report.lease_age_s) == ('', 0)
    assert Report.of(report.document()) == report
    assert report.results() == {'cluster': 'edge-7', 'step': 'joined', 'certificate-ends': 'x', 'lease-age-s': '0'}


@pytest.mark.parametrize(
    ('report', 'says'),
    [
        (Report(step='lost', waits_for='the hub: no route'), 'it waits for the hub: no route'),
        (Report(step='joined', request='r-2', request_state='pending'), 'kubectl certificate approve r-2'),
        (Report(step='joined', request='r-2', request_state='approved'), 'the hub has not signed it'),
        (Report(step='joined', request='r-2', request_state='denied'), 'the hub denied the request r-2'),
        (Report(step='joined', request='r-1', request_state='denied'), 'the agent asks again after a pause'),
        (Report(step='joined', request='r-1', request_state='denied', asks_again=SINCE), f'asks again at {SINCE}'),
        (Report(step='joined', request='r-2', request_state='unusable'), 'does not fit its key'),
        (Report(step='joined'), 'the agent has not asked'),
    ],
)
def test_a_rotation_that_did_not_come_about_has_a_reason(report: Report, says: str) -> None:
    assert says in no_certificate(report, 'r-1')
