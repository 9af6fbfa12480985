"""Leader election on a Lease, as client-go does it: one of several processes works, the others wait."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, resources

from . import _wire
from ._certificates import utc_now
from ._intervals import Intervals
from ._running import Backoff, Trouble

_log = logging.getLogger(__name__)
LOCK = 'registration-agent-lock'
_JITTER = 1.2  # a waiting process looks again after 1 to 2.2 retry periods
_FAILING = Intervals(retry_first=timedelta(seconds=1), retry_longest=timedelta(seconds=10))


@dataclass(frozen=True)
class Times:
    lease: timedelta
    renew: timedelta  # how long renewing may fail before we stop
    retry: timedelta


class Leader:
    """`acquire()` waits for its turn, `hold()` keeps the lease and returns when it is lost, `release()` lets it go."""

    def __init__(
        self, client: Client, namespace: str, identity: str, times: Times,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._client, self._namespace, self._identity, self._times = client, namespace, identity, times
        self._monotonic = monotonic
        self._seen: tuple[object, ...] = ()
        self._seen_at = 0.0
        self._error: kubernetes.Error | None = None  # of the last try
        self._trouble = Trouble('the lease of the leader can be had')
        self.is_leading = False

    async def acquire(self) -> None:
        """Wait for our turn; while nobody can have it, ask sooner than Go's agent: its namespace may be made late."""
        retry_s, failing = self._times.retry.total_seconds(), Backoff(_FAILING)
        while not await self._try():
            pause_s = retry_s * (1 + random.random() * _JITTER)  # noqa: S311
            if self._error:
                pause_s = min(pause_s, failing.next_s(self._error))
            else:
                failing.reset()
            await asyncio.sleep(pause_s)
        _log.info('leads as %s', self._identity)

    async def hold(self) -> None:
        renewed = self._monotonic()
        while self._monotonic() - renewed < self._times.renew.total_seconds():
            await asyncio.sleep(self._times.retry.total_seconds())
            if await self._try():
                renewed = self._monotonic()
            elif not self.is_leading:
                break
        self.is_leading = False
        _log.warning('no longer leads')

    async def release(self) -> None:
        """Let the next one in at once. What goes wrong only makes it wait."""
        if not self.is_leading:
            return
        self.is_leading = False
        try:
            with kubernetes.deadline(5):
                lease = await self._client.get(resources.LEASES, LOCK, self._namespace)
                if (lease.get('spec') or {}).get('holderIdentity') == self._identity:
                    now = _wire.micro_time(utc_now())
                    spec = {**lease['spec'], 'holderIdentity': '', 'leaseDurationSeconds': 1, 'renewTime': now}
                    await self._client.replace(resources.LEASES, {**lease, 'spec': {**spec, 'acquireTime': now}})
        except kubernetes.Error as error:
            _log.warning('the lease of the leader is not released: %s', error)

    async def _try(self) -> bool:
        """Take or renew the lease; returns whether it is ours now."""
        self._error = None
        try:
            with kubernetes.deadline(self._times.retry.total_seconds() + 5):
                self.is_leading = await self._taken()
        except kubernetes.Conflict:
            self.is_leading = False
        except kubernetes.Error as error:
            self._trouble.tell(f'the lease of the leader cannot be had: {error}')
            self._error = error
            return False
        self._trouble.end()
        return self.is_leading

    async def _taken(self) -> bool:
        now = _wire.micro_time(utc_now())
        ours: Object = {
            'holderIdentity': self._identity, 'leaseDurationSeconds': int(self._times.lease.total_seconds()) or 1,
            'renewTime': now,
        }  # fmt: skip
        lease = await self._client.find(resources.LEASES, LOCK, self._namespace)
        if lease is None:
            body = {'metadata': {'name': LOCK}, 'spec': {**ours, 'acquireTime': now, 'leaseTransitions': 0}}
            await self._client.create(resources.LEASES, body, self._namespace)
            return True
        spec = lease.get('spec') or {}
        holder = spec.get('holderIdentity') or ''
        if holder not in ('', self._identity) and not self._is_over(spec):
            return False
        if holder != self._identity:
            ours |= {'acquireTime': now, 'leaseTransitions': int(spec.get('leaseTransitions') or 0) + 1}
        await self._client.replace(resources.LEASES, {**lease, 'spec': {**spec, **ours}}, self._namespace)
        return True

    def _is_over(self, spec: Object) -> bool:
        """Tell whether the holder has been silent for its lease, by our clock: its own may be wrong."""
        record = (spec.get('holderIdentity'), spec.get('renewTime'), spec.get('leaseTransitions'))
        if record != self._seen:
            self._seen, self._seen_at = record, self._monotonic()
        return self._monotonic() - self._seen_at > float(spec.get('leaseDurationSeconds') or 0)
