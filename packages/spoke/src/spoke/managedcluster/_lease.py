"""Renews the lease by which the hub sees that the cluster is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, resources

from .. import _conditions, _wire
from .._certificates import utc_now
from .._events import Recorder
from .._metrics import Metrics
from .._running import Following, Signal

_log = logging.getLogger(__name__)
_RETRIES = kubernetes.Retries(first_s=1.0, longest_s=10.0)
_SKEW_S = 60.0  # the hub calls clocks out of sync that are further apart


class ManagedClusterLease:
    """`run()` renews at once and then every leaseDurationSeconds or up to a quarter more, while the hub accepts us.

    What failed is tried again earlier (Go's agent waits for the next turn): the gap an outage leaves is little longer.
    """

    def __init__(
        self,
        cluster: str,
        client: Client,
        clusters: Following,
        recorder: Recorder,
        metrics: Metrics,
        note: Callable[[str, str], None],
        *,
        timeout_s: float,
        chance: Callable[[], float],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._cluster, self._client, self._clusters = cluster, client, clusters
        self._recorder, self._metrics, self._note = recorder, metrics, note
        self._timeout_s, self._chance, self._now = timeout_s, chance, now
        self._changed = Signal()
        self._written = ''
        self._error = ''
        self._planned = 0.0  # when the next renewal is due
        self.wanted_s = 0.0  # 0: the lease is not to be renewed

    def look(self, *_: object) -> None:
        """Take in what the hub says of the cluster now."""
        cluster = self._clusters.get(self._cluster)
        accepted = cluster is not None and _conditions.is_true(cluster, _conditions.ACCEPTED)
        wanted_s = _wire.lease_duration_s(cluster) if cluster and accepted else 0.0
        if wanted_s != self.wanted_s:
            self.wanted_s = wanted_s
            self._changed.set()

    async def run(self) -> None:
        self.look()
        renewing, failures = False, 0
        while True:
            self._changed.clear()
            if not self.wanted_s:
                if renewing:
                    self._recorder.event('ManagedClusterLeaseUpdateStoped', f'the lease of {self._cluster} is let go')
                renewing, self._planned = False, 0.0
                await self._changed.wait()
                continue
            if not renewing:
                self._recorder.event('ManagedClusterLeaseUpdateStarted', f'the lease of {self._cluster} is kept')
            renewing = True
            error = await self._try()
            failures = failures + 1 if error else 0
            pause_s = self.wanted_s * (1 + 0.25 * self._chance())
            if error:
                asked_s = error.retry_after_s if isinstance(error, kubernetes.HttpError) else None
                pause_s = min(pause_s, kubernetes.pause_s(_RETRIES, failures - 1, asked_s, self._chance))
            self._planned = asyncio.get_running_loop().time() + pause_s
            await self._changed.wait(pause_s)

    async def _try(self) -> kubernetes.Error | None:
        """Renew; returns what went wrong."""
        try:
            with kubernetes.deadline(min(self._timeout_s, self.wanted_s)), kubernetes.urgent():
                await self.renew()
        except kubernetes.Error as error:
            self._metrics.add('spoke_lease_renewals_total', outcome='failed')
            if str(error) != self._error:
                _log.warning('the lease of %s is not renewed: %s', self._cluster, error)
            self._error = str(error)
            self._note('lease', f'the hub, to renew the lease ({error})')
            return error
        self._error = ''
        self._note('lease', '')
        if self._planned:
            late_s = max(0.0, asyncio.get_running_loop().time() - self._planned)
            self._metrics.observe('spoke_lease_lateness_seconds', late_s)
        return None

    async def renew(self) -> None:
        """Set renewTime, and nothing else. Raises what the hub answers."""
        answer = await self._client.transport.request('GET', resources.LEASES.one(_wire.LEASE, self._cluster))
        lease = answer.json()
        self._compare(lease, answer.header('date'))
        written = _wire.micro_time(self._now())
        lease['spec'] = {**(lease.get('spec') or {}), 'renewTime': written}
        await self._client.replace(resources.LEASES, lease, self._cluster)
        self._written = written
        stamp = self._now().timestamp()
        self._metrics.add('spoke_lease_renewals_total', outcome='renewed')
        self._metrics.set('spoke_lease_last_renewal_timestamp_seconds', stamp)
        self._metrics.set('spoke_hub_last_contact_timestamp_seconds', stamp)

    def _compare(self, lease: dict[str, dict[str, str]], date: str) -> None:
        """Say when somebody else renews our lease, and when the hub's clock is another's."""
        found = (lease.get('spec') or {}).get('renewTime') or ''
        other = self._written and found and _wire.moment(found) != _wire.moment(self._written)
        if other:
            text = f'the lease of {self._cluster} was renewed at {found} by somebody else: is the name used twice?'
            self._recorder.warning('ManagedClusterNameConflict', f'the lease of {self._cluster} has another owner')
            _log.warning(text)
            self._note('name', text)
        else:
            self._note('name', '')
        try:
            hub_now = parsedate_to_datetime(date).astimezone(timezone.utc)
        except (TypeError, ValueError):
            return
        apart_s = (self._now() - hub_now).total_seconds()
        text = (
            f"the clock here is {apart_s:+.0f} s from the hub's: it calls us out of sync"
            if abs(apart_s) > _SKEW_S
            else ''
        )
        self._note('clock', text)
