"""Tells the hub what the spoke is like: joined, available, how big, of which version, with which claims."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object

from .. import _claims, _conditions, _quantities, _status, _wire
from .._certificates import utc_now
from .._events import Recorder
from .._metrics import Metrics
from .._running import Following

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """What the API server of the spoke said of itself; code 0 for no answer."""

    is_good: bool
    code: int = 200
    text: str = ''


@dataclass
class Doubt:
    """How long the spoke may look bad before it counts as that: Go's agent waits for 20 s from 1.3 on."""

    patience: timedelta
    again_s: float  # until it is looked at again meanwhile
    began: datetime | None = None  # with the first bad look after a good one

    def is_over(self, health: Health, now: datetime) -> bool:
        """Take note of a look; returns whether it counts."""
        self.began = None if health.is_good else self.began or now
        return self.began is None or now - self.began >= self.patience


@dataclass(frozen=True)
class Seen:
    """The spoke as it is now. None for what could not be found out: the hub keeps what it has."""

    health: Health | None  # None: in doubt
    version: str | None = None
    capacity: Mapping[str, str] | None = None
    allocatable: Mapping[str, str] | None = None
    claims: list[dict[str, str]] | None = None


def status(cluster: Object, seen: Seen, now: datetime) -> dict[str, Any]:
    """Return the status of an accepted cluster. Computes only."""
    before: dict[str, Any] = cluster.get('status') or {}
    conditions = _conditions.of(cluster)
    if not _conditions.is_true(cluster, _conditions.JOINED):
        joined = _conditions.condition(_conditions.JOINED, True, 'ManagedClusterJoined', 'the cluster has joined')
        conditions = _conditions.put(conditions, joined, now)
    if seen.health is not None:
        conditions = _conditions.put(conditions, _available(seen.health), now)
    result = {**before, 'conditions': conditions}
    if seen.version is not None:
        result['version'] = {**(before.get('version') or {}), 'kubernetes': seen.version}
    if seen.capacity is not None:
        result['capacity'] = {**(before.get('capacity') or {}), **seen.capacity}  # others may add keys of theirs
    if seen.allocatable is not None:
        result['allocatable'] = dict(seen.allocatable)
    if seen.claims is not None and (seen.claims or 'clusterClaims' in before):
        result['clusterClaims'] = seen.claims
    return result


def _available(health: Health) -> dict[str, Any]:
    if health.is_good:
        return _conditions.condition(
            _conditions.AVAILABLE, True, 'ManagedClusterAvailable', 'the API server of the cluster is healthy'
        )
    why = f'the API server of the cluster is not healthy, status code {health.code}: {health.text}'
    return _conditions.condition(_conditions.AVAILABLE, False, 'ManagedClusterKubeAPIServerUnavailable', why[:1024])


def sizes(nodes: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return capacity (of all nodes) and allocatable (of those that take pods). Raises ValueError."""
    listed = sorted(nodes, key=lambda node: str(node['metadata']['name']))
    capacity = _quantities.total(((node.get('status') or {}).get('capacity') or {}) for node in listed)
    free = [node for node in listed if not (node.get('spec') or {}).get('unschedulable')]
    return capacity, _quantities.total(((node.get('status') or {}).get('allocatable') or {}) for node in free)


async def look(client: Client, timeout_s: float) -> Health:
    """Ask the API server how it is: /livez, and /healthz where there is none or it is not for us."""
    try:
        return await _look(client, '/livez', timeout_s)
    except (kubernetes.NotFound, kubernetes.Forbidden):
        pass
    try:
        return await _look(client, '/healthz', timeout_s)
    except kubernetes.HttpError as error:
        return Health(False, error.status, error.message)


async def _look(client: Client, path: str, timeout_s: float) -> Health:
    try:
        answer = await client.transport.request(
            'GET', path, accept='*/*', timeout_s=timeout_s, repeat=kubernetes.Repeat.NEVER
        )
    except (kubernetes.NotFound, kubernetes.Forbidden):
        raise
    except kubernetes.HttpError as error:
        return Health(False, error.status, error.message)
    except kubernetes.Error as error:
        return Health(False, 0, str(error))
    return Health(answer.status == 200, answer.status, '' if answer.status == 200 else 'not 200')


class ManagedClusterStatus:
    """`sync()` looks at the spoke once and tells the hub what differs."""

    def __init__(
        self,
        cluster: str,
        hub: Client,
        clusters: Following,
        spoke: Client,
        nodes: Following,
        claims: Following | None,
        most_claims: int,
        recorder: Recorder,
        metrics: Metrics,
        note: Callable[[str, str], None],
        *,
        timeout_s: float,
        doubt: Doubt,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._cluster, self._hub, self._clusters = cluster, hub, clusters
        self._spoke, self._nodes, self._claims, self._most_claims = spoke, nodes, claims, most_claims
        self._recorder, self._metrics, self._note = recorder, metrics, note
        self._timeout_s, self._now, self._doubt = timeout_s, now, doubt

    async def sync(self) -> float | None:
        self._note_hub()
        if not self._clusters.ready.is_set() or any(
            each and not each.ready.is_set() and each.error is None for each in (self._nodes, self._claims)
        ):
            return None  # the first lists wake us
        cluster = self._clusters.get(self._cluster)
        if cluster is None:
            self._note('accept', f'managed cluster {self._cluster}, which is not on the hub')
            return None
        if not _conditions.is_true(cluster, _conditions.ACCEPTED):
            self._note('accept', f'acceptance of the cluster (spec.hubAcceptsClient of managedcluster {self._cluster})')
            self._recorder.event('ManagedClusterIsNotAccepted', f'managed cluster {self._cluster} is not accepted')
            self._metrics.set('spoke_joined', 0)
            return None
        self._note('accept', '')
        health = await look(self._spoke, self._timeout_s)
        counts = self._doubt.is_over(health, self._now())
        seen = replace(await self._seen(health), health=health if counts else None)
        if await _status.change(self._hub, _wire.MANAGED_CLUSTERS, cluster, self._edit(seen)):
            _log.debug('the hub knows the status of %s', self._cluster)
        self._metrics.set('spoke_joined', 1)
        return None if counts else self._doubt.again_s

    def _note_hub(self) -> None:
        """Say why the hub does not tell us of the cluster: before it is accepted an agent may not even ask."""
        error = None if self._clusters.ready.is_set() else self._clusters.error
        refused = isinstance(error, kubernetes.Forbidden)
        if error:
            self._note(
                'accept', f'acceptance of the cluster, without which it may nothing ({error})' if refused else ''
            )
        self._note('hub', f'the hub ({error})' if error and not refused else '')

    def _edit(self, seen: Seen) -> Callable[[Object], Mapping[str, Any]]:
        return lambda cluster: status(cluster, seen, self._now())

    async def _seen(self, health: Health) -> Seen:
        self._metrics.set('spoke_available', float(health.is_good))
        claims = self._exposed()
        if not health.is_good:
            self._note('spoke', f'the API server of the spoke (status code {health.code}: {health.text})')
            return Seen(health, claims=claims)
        self._note('spoke', '')
        self._metrics.set('spoke_spoke_last_contact_timestamp_seconds', self._now().timestamp())
        if not self._nodes.ready.is_set():
            return Seen(health, await self._version(), claims=claims)
        try:
            capacity, allocatable = sizes(self._nodes.cache.all())
        except ValueError as error:
            _log.warning('the size of the cluster is not told: %s', error)
            return Seen(health, await self._version(), claims=claims)
        return Seen(health, await self._version(), capacity, allocatable, claims)

    async def _version(self) -> str | None:
        try:
            answer = await self._spoke.transport.request('GET', '/version', timeout_s=self._timeout_s)
            return str(answer.json()['gitVersion'])
        except (kubernetes.Error, ValueError, KeyError) as error:
            _log.warning('the version of the spoke is not told: %s', error)
            return None

    def _exposed(self) -> list[dict[str, str]] | None:
        """Return the claims for the hub; None where they are not watched, or not read yet."""
        if self._claims is None or not self._claims.ready.is_set():
            return None
        found = _claims.exposed(self._claims.cache.all(), self._most_claims)
        self._metrics.set('spoke_claims_cut', found.cut)
        if found.cut:
            text = f'{found.cut} claims are more than --max-custom-cluster-claims={self._most_claims} lets through'
            self._recorder.event('CustomClusterClaimsTruncated', text)
        return found.claims
