from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from spoke import _certificates, _steps, _wire
from spoke._hub_standin._signer import Signer
from spoke._names import Names, Subject, hub_subject
from spoke._steps import Ask, Facts, Forget, Pending, Save, Wait

NOW = datetime(2024, 2, 21, 9, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
NAMES = Names('edge-7', 'b2c4d')


def authority() -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'ca')])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - HOUR).not_valid_after(NOW + 10000 * HOUR)
    return Signer(builder.sign(key, hashes.SHA256()), key)


SIGNER = authority()
KEY, OTHER_KEY = _certificates.new_key(), _certificates.new_key()


def certificate(key: bytes = KEY, life: timedelta = HOUR, at: datetime = NOW, names: Names = NAMES) -> bytes:
    return SIGNER.sign(_certificates.request(key, hub_subject(names)), life, at)


def request(
    key: bytes = KEY,
    *,
    state: str = 'pending',
    signed: bytes = b'',
    user: str = 'bootstrap',
    at: datetime = NOW,
    number: int = 0,
) -> dict[str, object]:
    kinds = {'denied': ['Denied'], 'approved': ['Approved'], 'issued': ['Approved'], 'pending': []}[state]
    conditions = [{'type': kind, 'lastUpdateTime': f'{at:%Y-%m-%dT%H:%M:%SZ}'} for kind in kinds]
    pem = _certificates.request(key, hub_subject(NAMES))
    return {
        'metadata': {'name': f'edge-7-{number}', 'creationTimestamp': f'{at:%Y-%m-%dT%H:%M:%SZ}'},
        'spec': {'request': _wire.encoded(pem), 'username': user},
        'status': {'conditions': conditions, 'certificate': _wire.encoded(signed)},
    }


def facts(**more: object) -> Facts:
    known: dict[str, object] = {
        'now': NOW, 'common_name': NAMES.user, 'is_bootstrap': False, 'secret': {}, 'extra': {}, 'is_extra_fine': None,
        'pending': None, 'requests': [], 'share_left': 0.2, 'denied_backoff': timedelta(minutes=2), 'issued': (),
    }  # fmt: skip
    return Facts(**{**known, **more})  # type: ignore[arg-type]


def test_a_key_is_p256_in_the_form_of_sec_1() -> None:
    assert KEY.startswith(b'-----BEGIN EC PRIVATE KEY-----')
    loaded = serialization.load_pem_private_key(KEY, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    assert loaded.curve.name == 'secp256r1'


names = st.text('abcdefghijklmnop-:.', min_size=1, max_size=80)


@settings(max_examples=30)
@given(names, st.lists(names, max_size=3), st.lists(names, max_size=2))
def test_a_request_says_what_the_subject_says(common: str, organizations: list[str], units: list[str]) -> None:
    pem = _certificates.request(KEY, Subject(common, tuple(organizations), tuple(units), ('a.example',)))
    with _certificates.long_names():
        made = x509.load_pem_x509_csr(pem)
        subject = made.subject
        of = {oid: [each.value for each in subject.get_attributes_for_oid(oid)]
              for oid in (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)}  # fmt: skip
    assert of == {NameOID.ORGANIZATION_NAME: organizations, NameOID.ORGANIZATIONAL_UNIT_NAME: units}
    assert _certificates.name_in_request(pem) == common
    assert made.is_signature_valid
    assert _certificates.key_of_request(pem) == _certificates.public_key(KEY)


def test_a_chain_ends_with_its_first_member_and_belongs_to_the_key_of_its_own() -> None:
    chain = _certificates.chain(certificate() + certificate(OTHER_KEY, 2 * HOUR))
    assert chain.ends == NOW - timedelta(minutes=5) + HOUR
    assert chain.begins == NOW - timedelta(minutes=5)
    assert _certificates.fits(KEY, chain)
    assert not _certificates.fits(OTHER_KEY, chain)
    assert not _certificates.fits(b'garbage', chain)


@pytest.mark.parametrize('pem', [b'', b'garbage', b'-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n', KEY])
def test_what_is_no_certificate_is_refused_without_a_word_of_it(pem: bytes) -> None:
    with pytest.raises(_certificates.Unusable, match=r'^no certificate in PEM$'):
        _certificates.chain(pem)


def test_a_fine_certificate_waits_for_the_moment_when_its_share_of_life_is_left() -> None:
    secret = {'tls.crt': certificate(), 'tls.key': KEY}
    step = _steps.decide(facts(secret=secret))
    assert step == Wait(NOW + timedelta(minutes=55) - 0.2 * HOUR, state='valid')
    later = _steps.decide(facts(secret=secret, now=NOW + timedelta(minutes=44)))
    assert isinstance(later, Ask)
    assert later.event == 'CertificateRotationStarted'


@pytest.mark.parametrize(
    'secret, event',
    [
        ({}, 'NoValidCertificateFound'),
        ({'tls.crt': b'garbage', 'tls.key': KEY}, 'NoValidCertificateFound'),
        ({'tls.crt': certificate(), 'tls.key': OTHER_KEY}, 'NoValidCertificateFound'),
        ({'tls.crt': certificate(at=NOW - 3 * HOUR), 'tls.key': KEY}, 'NoValidCertificateFound'),
        ({'tls.crt': certificate(names=Names('edge-8', 'b2c4d')), 'tls.key': KEY}, 'NoValidCertificateFound'),
        ({'tls.crt': certificate(), 'tls.key': KEY, 'kubeconfig': b'other'}, 'AdditonalSecretDataChanged'),
    ],
    ids=['nothing', 'garbage', 'other-key', 'ended', 'other-name', 'other-kubeconfig'],
)
def test_a_secret_that_is_no_good_is_a_reason_to_ask_at_once(secret: dict[str, bytes], event: str) -> None:
    step = _steps.decide(facts(secret=secret, extra={'kubeconfig': b'right'}))
    assert isinstance(step, Ask)
    assert step.event == event


@pytest.mark.parametrize(
    'found, step',
    [
        ([], Ask), ([request(OTHER_KEY)], Ask), ([request()], Wait), ([request(state='approved')], Wait),
        ([request(state='denied')], Forget), ([request(state='issued', signed=certificate())], Save),
        ([request(state='issued', signed=certificate(OTHER_KEY))], Forget),
        ([request(state='issued', signed=b'garbage')], Forget),
    ],
    ids=['never-sent', 'of-others', 'pending', 'approved', 'denied', 'issued', 'wrong-key', 'garbage'],
)  # fmt: skip
def test_a_pending_request_is_found_again_by_its_key(found: list[dict[str, object]], step: type) -> None:
    assert isinstance(_steps.decide(facts(pending=Pending(KEY), requests=found)), step)


def test_a_pending_request_that_is_no_longer_there_is_forgotten() -> None:
    assert isinstance(_steps.decide(facts(pending=Pending(KEY, 'edge-7-x'))), Forget)


def test_a_bootstrap_does_not_wait_for_a_renewal_that_nobody_approved() -> None:
    left = [request(user=NAMES.user)]
    assert isinstance(_steps.decide(facts(pending=Pending(KEY), requests=left)), Wait)
    assert isinstance(_steps.decide(facts(pending=Pending(KEY), requests=left, is_bootstrap=True)), Forget)


def test_ten_open_requests_stop_it_and_finished_ones_do_not_count() -> None:
    finished = [request(state='issued', signed=certificate(), number=number) for number in range(20)]
    assert isinstance(_steps.decide(facts(requests=finished)), Ask)
    waiting = [request(OTHER_KEY, number=number) for number in range(10)]
    step = _steps.decide(facts(requests=[*finished, *waiting]))
    assert isinstance(step, Wait)
    assert step.state == 'halted'


@pytest.mark.parametrize('denials, minutes', [(1, 2), (2, 4), (3, 8), (6, 60), (12, 60)])
def test_pauses_after_denials_double_up_to_an_hour(denials: int, minutes: int) -> None:
    denied = [request(_certificates.new_key(), state='denied', number=number) for number in range(denials)]
    step = _steps.decide(facts(requests=denied))
    assert isinstance(step, Wait)
    assert (step.state, step.until) == ('denied', NOW + timedelta(minutes=minutes))
    assert isinstance(_steps.decide(facts(requests=denied, now=NOW + timedelta(minutes=minutes))), Ask)


def test_requests_that_were_signed_for_another_key_are_followed_by_pauses_that_double_too() -> None:
    wrong = [
        request(_certificates.new_key(), state='issued', signed=signed, number=number)
        for number, signed in enumerate((certificate(OTHER_KEY), b'garbage'))
    ]
    step = _steps.decide(facts(requests=[*wrong, request(state='issued', signed=certificate())]))
    assert isinstance(step, Wait)
    assert (step.state, step.until) == ('denied', NOW + timedelta(minutes=4))


def test_a_certificate_that_comes_seconds_before_its_end_is_followed_in_time_once() -> None:
    ends = NOW + timedelta(seconds=10)
    late = {'tls.crt': certificate(at=ends - timedelta(minutes=55)), 'tls.key': KEY}
    step = _steps.decide(facts(secret=late, issued=(NOW,)))
    assert step == Wait(NOW + timedelta(seconds=5))
    assert isinstance(_steps.decide(facts(secret=late, issued=(NOW,), now=NOW + timedelta(seconds=5))), Ask)
    again = _steps.decide(facts(secret=late, issued=(NOW - timedelta(seconds=5), NOW)))
    assert again == Wait(NOW + timedelta(minutes=5))


def test_42_a_certificate_that_looks_ended_at_once_is_no_loop_of_requests() -> None:
    ended = {'tls.crt': certificate(at=NOW - 3 * HOUR), 'tls.key': KEY}
    issued = tuple(NOW - timedelta(seconds=number) for number in range(4, 0, -1))
    step = _steps.decide(facts(secret=ended, issued=issued))
    assert isinstance(step, Wait)
    assert step.until and step.until > NOW + timedelta(minutes=5)


def test_42_certificates_that_look_ended_for_hours_are_asked_for_a_few_times_an_hour() -> None:
    ended = {'tls.crt': certificate(at=NOW - 3 * HOUR), 'tls.key': KEY}
    issued: list[datetime] = []
    for minute in range(240):
        now = NOW + timedelta(minutes=minute)
        if isinstance(_steps.decide(facts(secret=ended, issued=tuple(issued[-10:]), now=now)), Ask):
            issued.append(now)
    assert 5 <= sum(moment < NOW + HOUR for moment in issued) <= 10
    assert len(issued) <= 30


def test_no_secret_is_shown_by_what_is_printed() -> None:
    assert 'PRIVATE' not in repr(Pending(KEY)) + str(_steps.decide(facts(pending=Pending(KEY))))
