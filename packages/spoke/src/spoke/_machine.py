"""The machine that keeps one certificate: asks, waits, saves, rotates. It acts as `_steps` decides."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Object, Resource

from . import _certificates, _steps, _wire
from ._events import Recorder
from ._intervals import Intervals
from ._metrics import Metrics
from ._names import Subject
from ._running import Following
from ._secrets import Place, Secret
from ._steps import Ask, Forget, Pending, Save, Wait

_log = logging.getLogger(__name__)
Report = Callable[[bool, str, str], Awaitable[None]]  # ok, reason, message: the condition on the hub

UPDATED, FAILED = 'ClientCertificateUpdated', 'ClientCertificateUpdateFailed'
_PENDING_KEYS = ('cluster-name', 'agent-name')


@dataclass(frozen=True)
class Wanted:
    """A certificate and the secret that holds it."""

    title: str  # for logs
    subject: Subject
    generate_name: str
    labels: Mapping[str, str]
    signer: str
    expiration_s: int = 0
    secret_labels: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, bytes] = field(default_factory=dict)  # besides certificate, key and kubeconfig
    kubeconfig: Callable[[], bytes] | None = None  # raises InvalidConfiguration
    is_kubeconfig_fine: Callable[[bytes], bool] | None = None


@dataclass
class Memory:
    """What outlives the machine: the next one of the same certificate goes on where this one ended."""

    pending: Pending | None = None
    is_read: bool = False  # whether the pending key of an earlier process has been looked for
    is_leftover: bool = False  # whether the pending secret is still there, and of no use
    is_doubtful: bool = False  # whether the hub may have a request that we have not seen
    issued: tuple[datetime, ...] = ()
    share_left: float = 0.0
    owed: tuple[bool, str, str] | None = None  # the condition that the hub has not been told yet
    said: str = ''  # what the log was last told to be waited for


class Machine:
    """Call `sync()` when something changed and when the time that it returned is over."""

    def __init__(
        self,
        wanted: Wanted,
        requests: Following,
        secret: Place,
        pending: Place,
        memory: Memory,
        *,
        report: Report | None,
        saved: Callable[[Mapping[str, bytes]], Awaitable[None]] | None,
        recorder: Recorder,
        metrics: Metrics,
        note: Callable[[str], None],
        intervals: Intervals,
        chance: Callable[[], float],
        now: Callable[[], datetime] = _certificates.utc_now,
    ) -> None:
        self.wanted = wanted
        self._requests, self._secret, self._pending = requests, secret, pending
        self._memory = memory
        self._report, self._saved = report, saved
        self._recorder, self._metrics, self._note = recorder, metrics, note
        self._intervals, self._chance, self._now = intervals, chance, now
        if not memory.share_left:
            memory.share_left = 0.20 + 0.05 * chance()

    async def sync(self) -> float | None:
        """Take the next steps; returns the seconds until there may be another, None for nothing known."""
        if not self._requests.ready.is_set():
            return None  # its first list wakes us
        await self._tell_owed()
        if self._memory.is_leftover:
            await self._clean()
        secret = await self._secret.read()
        await self._recall(secret)
        while True:
            step = _steps.decide(await self._facts(secret))
            if isinstance(step, Wait):
                return await self._wait(step)
            if isinstance(step, Save):
                await self._save(secret, step)
                secret = await self._secret.read()
            elif isinstance(step, Forget):
                await self._forget(step)
            else:
                await self._ask(step)
                return self._intervals.controller_resync_interval.total_seconds()  # the watch tells what comes of it

    # knowing

    async def _facts(self, secret: Secret) -> _steps.Facts:
        memory = self._memory
        extra = dict(self.wanted.kept)
        if self.wanted.kubeconfig and 'tls.crt' in secret.data and not memory.pending:
            extra['kubeconfig'] = self.wanted.kubeconfig()
        return _steps.Facts(
            now=self._now(),
            common_name=self.wanted.subject.common_name,
            is_bootstrap=self._report is None,
            secret=secret.data,
            extra=extra,
            is_extra_fine=self.wanted.is_kubeconfig_fine,
            pending=memory.pending,
            requests=await self._known_requests(),
            share_left=memory.share_left,
            denied_backoff=self._intervals.denied_request_backoff,
            issued=memory.issued,
        )

    async def _known_requests(self) -> list[Object]:
        """Return the requests of our labels; where the cache may be behind, the hub is asked."""
        cached = [each for each in self._requests.cache.all() if self.is_ours(each)]
        pending = self._memory.pending
        if not pending or _steps.of_key(cached, pending.key):
            return cached
        if not (pending.name or self._memory.is_doubtful):
            return cached
        found: list[Object] = []
        async for each in self._requests.client.items(self._requests.resource, labels=dict(self.wanted.labels)):
            if self.is_ours(each):
                found.append(each)
        self._memory.is_doubtful = False
        return found

    def is_ours(self, request: Object) -> bool:
        """Tell whether a request has our labels, and no add-on's if we are none."""
        labels = request['metadata'].get('labels') or {}
        mine = {**dict.fromkeys(_OPTIONAL_LABELS), **self.wanted.labels}
        if any(labels.get(key) != value for key, value in mine.items()):
            return False
        return not _is_of_addon(mine) or request['spec'].get('signerName') == self.wanted.signer

    async def _recall(self, secret: Secret) -> None:
        """Take up what an earlier process left half done."""
        memory = self._memory
        if memory.is_read:
            return
        kept = await self._pending.read()
        key = kept.data.get('tls.key')
        if key and kept.data.get('common-name', b'').decode('utf-8', 'replace') == self.wanted.subject.common_name:
            if key == secret.data.get('tls.key'):  # it was saved; only forgetting was left to do
                await self._pending.delete()
            else:
                try:
                    _certificates.public_key(key)
                    memory.pending, memory.is_doubtful = Pending(key), True
                    _log.info('%s: goes on with the key of an earlier start', self.wanted.title)
                except _certificates.Unusable:
                    await self._pending.delete()
        memory.is_read = True

    # doing

    async def _wait(self, step: Wait) -> float | None:
        self._note(step.note)
        if step.note and step.note != self._memory.said:
            _log.info('%s waits: %s', self.wanted.title, step.note)
        self._memory.said = step.note
        self._metrics.set('spoke_certificate_requests_halted', float(step.state == 'halted'))
        if step.state == 'halted':
            await self._tell(False, FAILED, step.note)
            self._recorder.warning('ClientCertificateCreationHalted', step.note)
        longest = self._intervals.controller_resync_interval.total_seconds()
        if step.until is None:
            return longest
        return min(longest, max(0.01, (step.until - self._now()).total_seconds()))

    async def _ask(self, step: Ask) -> None:
        wanted, memory = self.wanted, self._memory
        if memory.pending is None:
            if step.event:
                self._recorder.event(step.event, f'{wanted.title}: {step.why}')
            memory.pending = await self._new_key()
        pem = _certificates.request(memory.pending.key, wanted.subject)
        resource: Resource = self._requests.resource
        body = _wire.signing_request(
            resource, wanted.generate_name, wanted.labels, wanted.signer, pem, wanted.expiration_s
        )
        memory.is_doubtful = True  # until there is an answer
        made = await self._requests.client.create(resource, body)
        memory.is_doubtful = False
        name = made['metadata']['name']
        memory.pending = replace(memory.pending, name=name)
        self._metrics.add('spoke_certificate_requests_total', outcome='created')
        self._recorder.event('CSRCreated', f'{wanted.title}: made the request {name}, for {step.why}')
        _log.info('%s: made the request %s, for %s', wanted.title, name, step.why)

    async def _new_key(self) -> Pending:
        """Make a key, and keep it where the next process finds it before anybody hears of it."""
        key = _certificates.new_key()
        before = await self._pending.read()
        data = {'tls.key': key, 'common-name': self.wanted.subject.common_name.encode()}
        data |= {name: value for name, value in self.wanted.kept.items() if name in _PENDING_KEYS}
        await self._pending.save(before, data, self.wanted.labels)
        return Pending(key)

    async def _forget(self, step: Forget) -> None:
        _log.warning('%s: %s', self.wanted.title, step.why)
        self._metrics.add('spoke_certificate_requests_total', outcome=step.outcome)
        if step.outcome == 'denied':
            self._recorder.warning('CSRDenied', f'{self.wanted.title}: {step.why}')
        await self._drop_key()
        self._memory.pending = None
        await self._tell(False, FAILED, step.why)

    async def _drop_key(self) -> None:
        """Forget the pending key, and keep the names that were made for it."""
        before = await self._pending.read()
        names = {key: value for key, value in before.data.items() if key in _PENDING_KEYS}
        if names:
            await self._pending.save(before, names)
        elif before.resource_version:
            await self._pending.delete()

    async def _save(self, before: Secret, step: Save) -> None:
        wanted, memory, pending = self.wanted, self._memory, self._memory.pending
        if pending is None:
            return
        try:
            data = {**wanted.kept, 'tls.crt': step.certificate, 'tls.key': pending.key}
            if wanted.kubeconfig:
                data['kubeconfig'] = wanted.kubeconfig()
            await self._secret.save(before, data, wanted.secret_labels)
        except (kubernetes.Error, OSError) as error:
            await self._tell(False, FAILED, f'cannot save the certificate: {error}')
            raise
        memory.pending, memory.is_leftover = None, True
        memory.issued = (*memory.issued[-9:], self._now())
        memory.share_left = 0.20 + 0.05 * self._chance()
        span = f'{step.chain.begins:%Y-%m-%dT%H:%M:%SZ} to {step.chain.ends:%Y-%m-%dT%H:%M:%SZ}'
        memory.owed = (True, UPDATED, f'the certificate is valid from {span}')
        self._metrics.add('spoke_certificate_requests_total', outcome='issued')
        self._recorder.event('ClientCertificateCreated', f'{wanted.title}: has a certificate, valid from {span}')
        _log.info('%s: has a certificate, valid from %s', wanted.title, span)
        await self._clean()
        await self._tell_owed()
        if self._saved:
            await self._saved(data)

    async def _clean(self) -> None:
        await self._pending.delete()
        self._memory.is_leftover = False

    async def _tell(self, ok: bool, reason: str, message: str) -> None:
        self._memory.owed = (ok, reason, message)
        await self._tell_owed()

    async def _tell_owed(self) -> None:
        """Tell the hub the condition; a hub that does not listen now is told later."""
        if self._report is None or self._memory.owed is None:
            return
        try:
            await self._report(*self._memory.owed)
        except kubernetes.Error as error:
            _log.info('%s: the hub does not take the condition yet: %s', self.wanted.title, error)
            return
        self._memory.owed = None


_OPTIONAL_LABELS = ('open-cluster-management.io/addon-name',)


def _is_of_addon(labels: Mapping[str, Any]) -> bool:
    return any(labels.get(key) for key in _OPTIONAL_LABELS)
