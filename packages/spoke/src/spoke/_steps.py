"""What a certificate needs next: decided from what is known of it. Computes only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import _certificates, _wire
from ._certificates import Chain, Unusable

MOST_REQUESTS = 10  # unfinished ones of a cluster (of an add-on) on the hub: more are a fault of somebody's
_LONGEST_BACKOFF = timedelta(hours=1)
_MANY_ISSUES = 4
_NO_CERTIFICATE = 'NoValidCertificateFound'
_ROTATION = 'CertificateRotationStarted'
_OTHER_DATA = 'AdditonalSecretDataChanged'  # as Go's agent spells it


@dataclass(frozen=True)
class Pending:
    """A key whose certificate is asked for. `name` is the request's, '' while nobody has seen it on the hub."""

    key: bytes
    name: str = ''

    def __repr__(self) -> str:
        return f'Pending(name={self.name!r})'


@dataclass(frozen=True)
class Facts:
    now: datetime
    common_name: str
    is_bootstrap: bool  # whether we ask with the bootstrap credential
    secret: Mapping[str, bytes]
    extra: Mapping[str, bytes]  # what the secret has to hold besides certificate and key
    is_extra_fine: Callable[[bytes], bool] | None  # for a kubeconfig: is what is there good enough? None: compare
    pending: Pending | None
    requests: Sequence[Mapping[str, Any]]  # of this certificate's labels, as the hub has them
    share_left: float  # of its life, when a certificate is rotated
    denied_backoff: timedelta
    issued: Sequence[datetime]  # when this process got its last certificates


@dataclass(frozen=True)
class Wait:
    """Nothing to do until then (None: until something happens); `note` says what is waited for."""

    until: datetime | None
    note: str = ''
    state: str = 'waiting'  # or: valid, approval, signing, denied, halted


@dataclass(frozen=True)
class Ask:
    """Send a request; `event` is the reason of the event that says why, '' for one that is sent again."""

    event: str
    why: str


@dataclass(frozen=True)
class Save:
    certificate: bytes
    chain: Chain


@dataclass(frozen=True)
class Forget:
    """The pending request leads nowhere."""

    why: str
    outcome: str


Step = Wait | Ask | Save | Forget


def decide(facts: Facts) -> Step:
    """Return the next step."""
    if facts.pending:
        return _with_pending(facts, facts.pending)
    return _without(facts)


def of_key(requests: Sequence[Mapping[str, Any]], key: bytes) -> Mapping[str, Any] | None:
    """Return the newest request that was made with a key."""
    try:
        public = _certificates.public_key(key)
    except Unusable:
        return None
    found = [each for each in requests if _requested_key(each) == public]
    return max(found, key=lambda each: str(each['metadata'].get('creationTimestamp')), default=None)


def _requested_key(request: Mapping[str, Any]) -> bytes:
    try:
        return _certificates.key_of_request(_wire.decoded(request['spec'].get('request')))
    except Unusable:
        return b''


def _with_pending(facts: Facts, pending: Pending) -> Step:
    request = of_key(facts.requests, pending.key)
    if request is None:
        if pending.name:
            return Forget(f'the request {pending.name} is no longer on the hub', 'removed')
        return Ask('', 'the request was not sent yet')
    name, state = request['metadata']['name'], _wire.request_state(request)
    if state == 'denied':
        return Forget(f'the request {name} was denied', 'denied')
    if state == 'pending' and facts.is_bootstrap and request['spec'].get('username') == facts.common_name:
        # the hub approves renewals by itself: one that it left open until the certificate ended leads nowhere
        return Forget(f'the request {name} was made with a certificate that has ended', 'left')
    if state == 'pending':
        return Wait(
            None, f'approval of the request {name} (kubectl certificate approve {name}, on the hub)', 'approval'
        )
    if state == 'approved':
        return Wait(None, f'the signer: the request {name} is approved, but has no certificate yet', 'signing')
    certificate = _wire.decoded(request['status']['certificate'])
    try:
        chain = _certificates.chain(certificate)
    except Unusable as error:
        return Forget(f'what the signer put into the request {name} is {error}', 'unusable')
    if not _certificates.fits(pending.key, chain):
        return Forget(f'the certificate in the request {name} is for another key', 'unusable')
    return Save(certificate, chain)


def _without(facts: Facts) -> Step:
    why, due = _reason(facts), facts.now
    if isinstance(why, datetime):
        if why > facts.now:
            return Wait(why, state='valid')
        ask = Ask(_ROTATION, f'the certificate has no more than {facts.share_left:.0%} of its life left')
    else:
        ask = why
    open_requests = [each for each in facts.requests if _wire.request_state(each) in ('pending', 'approved')]
    if len(open_requests) >= MOST_REQUESTS:
        note = f'{len(open_requests)} requests of this kind wait on the hub: none is added until there are fewer'
        return Wait(None, note, 'halted')
    denied_until = after_denials(facts.requests, facts.common_name, facts.denied_backoff, facts.now) or facts.now
    due = max(due, denied_until, _after_issues(facts, ask.event))
    if due > facts.now and due == denied_until:
        return Wait(due, f'the last request was denied or badly signed: the next one at {due:%H:%M:%S} UTC', 'denied')
    if due > facts.now:
        return Wait(due)
    return ask


def after_denials(
    requests: Sequence[Mapping[str, Any]], common_name: str, backoff: timedelta, now: datetime
) -> datetime | None:
    """Return when a request may follow those that were denied, or signed for another key: the pauses double.

    None where none of that name was.
    """
    moments = sorted(
        _wire.answered_at(each)
        for each in requests
        if (_wire.request_state(each) == 'denied' or is_missigned(each)) and _is_ours(each, common_name)
    )
    if not moments:
        return None
    pause = backoff * 2.0 ** min(len(moments) - 1, 20)
    return min(moments[-1], now) + min(pause, _LONGEST_BACKOFF)


def is_missigned(request: Mapping[str, Any]) -> bool:
    """Tell whether the signer answered with what is no certificate for the key of the request."""
    if _wire.request_state(request) != 'issued':
        return False
    try:
        return _certificates.chain(_wire.decoded(request['status']['certificate'])).public_key != _requested_key(
            request
        )
    except Unusable:
        return True


def _is_ours(request: Mapping[str, Any], common_name: str) -> bool:
    try:
        return _certificates.name_in_request(_wire.decoded(request['spec'].get('request'))) == common_name
    except Unusable:
        return False


def _after_issues(facts: Facts, event: str) -> datetime:
    """Return when a request may follow those that were answered: never a loop, whatever clocks and writers do."""
    if not facts.issued:
        return facts.now
    pause = timedelta()
    with contextlib.suppress(Unusable):
        chain = _certificates.chain(facts.secret.get('tls.crt', b''))
        if event == _ROTATION:  # one that came late must be followed before it ends
            left = (chain.ends - facts.issued[-1]) / 2
            is_first = sum(facts.now - moment < chain.life for moment in facts.issued) < 2
            least = timedelta() if is_first else chain.life / 10  # whose successor comes late as well is in no hurry
            pause = min(max(least, min(chain.life / 5, left)), timedelta(minutes=5))
    next_one = facts.issued[-1] + pause
    recent = [moment for moment in facts.issued if facts.now - moment < _LONGEST_BACKOFF]
    if event != _ROTATION and len(recent) >= _MANY_ISSUES:  # clocks differ, or somebody spoils the secret all the time
        growing = facts.denied_backoff * 2.0 ** (len(recent) - _MANY_ISSUES + 2)
        next_one = recent[-1] + min(growing, _LONGEST_BACKOFF)
    return next_one


def _reason(facts: Facts) -> Ask | datetime:
    """Return why a certificate is needed at once, or when it will be."""
    try:
        chain = _certificates.chain(facts.secret.get('tls.crt', b''))
    except Unusable:
        return Ask(_NO_CERTIFICATE, 'the secret holds no certificate')
    if chain.is_expired(facts.now):
        return Ask(_NO_CERTIFICATE, f'the certificate ended at {chain.ends:%Y-%m-%d %H:%M:%S} UTC')
    if facts.common_name not in chain.common_names:
        return Ask(_NO_CERTIFICATE, f'the certificate is for {", ".join(chain.common_names)}')
    if not _certificates.fits(facts.secret.get('tls.key', b''), chain):
        return Ask(_NO_CERTIFICATE, 'the key in the secret is not that of the certificate')
    for name, value in facts.extra.items():
        found = facts.secret.get(name)
        if found == value:
            continue
        if found is None or facts.is_extra_fine is None or name != 'kubeconfig' or not facts.is_extra_fine(found):
            return Ask(_OTHER_DATA, f'the secret does not hold the right {name}')
    return _certificates.rotation_moment(chain, facts.share_left)
