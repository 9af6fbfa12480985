"""Which step a join has reached, as a table: what the hub has and what lies in the folder, to what is said."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from spoke import _certificates, _conditions, _names, _steps, _steps_of_join, _wire
from spoke._certificates import Chain

from tests.unit.spoke.test_certificates import authority

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
CERTIFICATE = Chain(('x',), NOW, NOW + timedelta(hours=1), b'', '0A1B')
NONE_YET = 'there is no tls.key'
SUBJECT = _names.hub_subject(_names.Names('edge-7', 'b2c4d'))
PEM = _wire.encoded(_certificates.request(_certificates.new_key(), SUBJECT))
BACKOFF = timedelta(minutes=2)


def request(name: str, second: int = 0, *conditions: str, certificate: str = '', addon: str = '') -> dict[str, Any]:
    labels = {_names.ADDON_LABEL: addon} if addon else {}
    meta = {'name': name, 'labels': labels, 'creationTimestamp': f'2025-12-31T00:00:{second:02}Z'}
    status = {'conditions': [{'type': each} for each in conditions], 'certificate': certificate}
    return {'metadata': meta, 'spec': {'request': PEM}, 'status': status}


def cluster(*true: str) -> dict[str, Any]:
    return {'status': {'conditions': [{'type': each, 'status': 'True'} for each in true]}}


def reported(**found: Any) -> _steps_of_join.Report:
    nothing: dict[str, Any] = {
        'cluster_name': 'edge-7', 'certificate': None, 'fault': '', 'start_waits_for': '', 'hub_waits_for': '',
        'cluster': None,
        'requests': [], 'is_v1beta1': False, 'lease_renewed': None, 'denied_backoff': BACKOFF, 'now': NOW,
    }  # fmt: skip
    return _steps_of_join.report(_steps_of_join.Found(**{**nothing, **found}))


ASKED, APPROVED, DENIED = request('r-1', 1), request('r-1', 1, 'Approved'), request('r-1', 1, 'Denied')
SIGNED = _wire.encoded(authority().sign(_wire.decoded(PEM), timedelta(hours=1), NOW))
ISSUED = request('r-1', 1, 'Approved', certificate=SIGNED)
SPOILT = request('r-1', 1, 'Approved', certificate='eA==')


@pytest.mark.parametrize(
    ('requests', 'step', 'waits_for', 'last'),
    [
        ([], 'bootstrap', f'the agent, to ask for a certificate ({NONE_YET})', ('', '')),
        ([ASKED], 'approval', 'an administrator of the hub: kubectl certificate approve r-1', ('r-1', 'pending')),
        ([APPROVED], 'signing', 'the signer of the hub, for the request r-1', ('r-1', 'approved')),
        (
            [DENIED],
            'approval',
            'the agent, to ask again at 2025-12-31T00:02:01Z: the request r-1 was denied',
            ('r-1', 'denied'),
        ),
        (
            [SPOILT],
            'signing',
            'the agent, to ask again at 2025-12-31T00:02:01Z: what the signer put into the request r-1 does not fit its'
            ' key',
            ('r-1', 'unusable'),
        ),
        ([ISSUED], 'signing', 'the agent, to take its certificate from the request r-1', ('', '')),
        (
            [request('r-0'), DENIED],
            'approval',
            'the agent, to ask again at 2025-12-31T00:02:01Z: the request r-1 was denied',
            ('r-1', 'denied'),
        ),
        (
            [APPROVED, request('addon-r-2', 2, addon='logs')],
            'signing',
            'the signer of the hub, for the request r-1',
            ('r-1', 'approved'),
        ),
    ],
    ids=['none', 'pending', 'approved', 'denied', 'badly signed', 'issued', 'of two the newer', "not an add-on's"],
)
def test_before_there_is_a_certificate_the_last_request_tells_the_step(
    requests: list[dict[str, Any]], step: str, waits_for: str, last: tuple[str, str]
) -> None:
    report = reported(fault=NONE_YET, requests=requests)
    assert (report.step, report.waits_for, (report.request, report.request_state)) == (step, waits_for, last)


@pytest.mark.parametrize('denials', [1, 2, 7, 30])
def test_it_says_when_the_agent_asks_again_as_the_agent_finds_it(denials: int) -> None:
    requests = [request(f'r-{number}', number, 'Denied') for number in range(denials)]
    now = datetime(2025, 12, 31, 0, 1, tzinfo=timezone.utc)
    facts = _steps.Facts(
        now=now, common_name=SUBJECT.common_name, is_bootstrap=True, secret={}, extra={}, is_extra_fine=None,
        pending=None, requests=requests, share_left=0.2, denied_backoff=BACKOFF, issued=(),
    )  # fmt: skip
    agent = _steps.decide(facts)
    assert isinstance(agent, _steps.Wait) and agent.until
    report = reported(fault=NONE_YET, requests=requests, now=now)
    assert report.asks_again == f'{agent.until:%Y-%m-%dT%H:%M:%SZ}'
    assert report.document()['asks-again'] == report.asks_again


def test_nothing_is_asked_again_while_an_answer_may_come() -> None:
    for last in (request('r-9', 9), request('r-9', 9, 'Approved'), request('r-9', 9, 'Approved', certificate=SIGNED)):
        assert reported(fault=NONE_YET, requests=[DENIED, last]).asks_again == ''


def test_of_a_denied_request_that_is_none_nobody_knows_when_it_is_asked_again() -> None:
    report = reported(fault=NONE_YET, requests=[{**DENIED, 'spec': {'request': 'eA=='}}])
    assert (report.waits_for, report.asks_again) == ('the agent, to ask again: the request r-1 was denied', '')


def test_an_agent_that_asks_a_hub_of_old_for_nothing_is_told_the_gate() -> None:
    report = reported(fault=NONE_YET, is_v1beta1=True)
    assert '--feature-gates=V1beta1CSRAPICompatibility=true' in report.waits_for
    asked = reported(fault=NONE_YET, is_v1beta1=True, requests=[ASKED])
    assert (asked.step, 'feature' in asked.waits_for) == ('approval', False)


def test_an_agent_that_cannot_start_is_waited_for_in_vain_until_it_can() -> None:
    report = reported(fault=NONE_YET, start_waits_for='another spoke-kubeconfig', hub_waits_for='the hub')
    assert (report.step, report.waits_for) == ('bootstrap', 'another spoke-kubeconfig')
    joining = reported(cluster=cluster(_conditions.ACCEPTED), start_waits_for='another kubeconfig')
    assert (joining.step, joining.waits_for) == ('joining', 'another kubeconfig')
    lost = reported(cluster=cluster(*ALL[:2]), start_waits_for='another kubeconfig')
    assert (lost.step, lost.waits_for) == ('joined', 'another kubeconfig')
    assert reported(cluster=cluster(*ALL), start_waits_for='another kubeconfig').waits_for == ''


ALL = (_conditions.ACCEPTED, _conditions.JOINED, _conditions.AVAILABLE)


@pytest.mark.parametrize(('true', 'step'), [(ALL[:0], 'acceptance'), (ALL[:1], 'joining'), (ALL[:2], 'joined')])
def test_with_a_certificate_the_conditions_tell_the_step(true: tuple[str, ...], step: str) -> None:
    report = reported(certificate=CERTIFICATE, cluster=cluster(*true))
    assert report.step == step and report.waits_for


def test_one_that_has_joined_tells_its_certificate_and_how_a_renewal_stands() -> None:
    report = reported(certificate=CERTIFICATE, cluster=cluster(*ALL), requests=[ISSUED, request('r-2', 2, 'Denied')])
    assert (report.step, report.waits_for) == ('joined', '')
    assert (report.certificate_ends, report.certificate_serial) == ('2026-01-01T01:00:00Z', '0A1B')
    assert (report.request, report.request_state, report.asks_again) == ('r-2', 'denied', '2025-12-31T00:02:02Z')
    assert reported(certificate=CERTIFICATE, cluster=cluster(*ALL), requests=[ISSUED]).request == ''


def test_a_hub_that_is_away_is_lost_only_to_whom_it_knew() -> None:
    assert reported(certificate=CERTIFICATE, hub_waits_for='the hub: no route').step == 'lost'
    assert reported(fault=NONE_YET, hub_waits_for='the hub: no route').step == 'bootstrap'
    gone = reported(certificate=CERTIFICATE)
    assert (gone.step, 'is not on the hub' in gone.waits_for) == ('lost', True)
