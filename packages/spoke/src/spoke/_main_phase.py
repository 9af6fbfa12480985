"""The main phase: with a certificate of its own the agent keeps lease, status and add-ons of its cluster on the hub."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, InvalidConfiguration, Object
from aioclustermanager.kubernetes.informer import Change

from . import _certificates, _conditions, _features, _files, _hub_kubeconfig, _status, _wire
from ._given import Given, NextHub, StartOver, Sync
from ._hub_certificate import HubCertificate
from ._running import Backoff, Following, Signal, together
from .addon import AddOns
from .managedcluster import Doubt, ManagedClusterLease, ManagedClusterStatus

_log = logging.getLogger(__name__)
_LONGEST_RECREATION_S = 600.0  # between two looks whether the hub still knows the cluster
_HUB_LOOK_S = 60.0
_NOTES = ('accept', 'clock', 'hub', 'lease', 'name', 'spoke')  # what is said in this phase only
_DOUBT_LOOK_S = 5.0  # at a spoke that has just begun to look bad


class MainPhase:
    """`run()` lives until cancelled. creating: asks the hub once to take the cluster in."""

    def __init__(self, given: Given, certificate: HubCertificate, creating: Sync) -> None:
        self.given, self._certificate, self._creating = given, certificate, creating
        self._cluster = certificate.names.cluster
        self._health = given.options.health
        self._gone = Signal()  # the hub's ManagedCluster was deleted
        period_s = given.options.cluster_health_check_period.total_seconds()
        self._doubt = Doubt(given.options.cluster_unavailable_after, min(_DOUBT_LOOK_S, period_s))
        self._addons = AddOns(
            certificate.names, given.management, given.spoke.client, given.namespace, certificate.rendered,
            given.recorder, given.metrics, given.intervals, given.chance, given.now,
        )  # fmt: skip

    async def run(self) -> None:
        """Raises StartOver when the certificate has ended and the agent is to begin anew in place."""
        try:
            await together(self.given.spoke.run(), self._watch_expiry(), self._sessions())
        finally:
            for about in _NOTES:
                self._health.note(about, '')  # whoever begins anew waits for something else

    async def _watch_expiry(self) -> None:
        """Turn unhealthy when the certificate in the folder has ended."""
        interval_s = self.given.intervals.client_cert_health_check_interval.total_seconds()
        while True:
            with contextlib.suppress(_certificates.Unusable):
                chain = _certificates.chain(_files.read(self._certificate.folder / 'tls.crt') or b'')
                self.given.metrics.set('spoke_certificate_expiry_timestamp_seconds', chain.ends.timestamp())
                if chain.is_expired(self.given.now()):
                    self._health.certificate.fail(f'the client certificate ended at {chain.ends:%Y-%m-%d %H:%M:%S} UTC')
                    if self.given.in_place:
                        raise StartOver(self._health.certificate.check())
            await asyncio.sleep(interval_s)

    # one session: what runs with one certificate

    async def _sessions(self) -> None:
        """Talk to the hub with the certificate of the folder; begin again with each new one."""
        certificate = self._certificate
        while True:
            certificate.files_changed.clear()
            try:
                client = Client(self.given.reach(_hub_kubeconfig.read(certificate.kubeconfig)))
            except InvalidConfiguration as error:
                _log.warning('the hub cannot be asked: %s', error)
                await asyncio.sleep(self.given.intervals.retry_longest.total_seconds())
                continue
            try:
                async with client:
                    with self.given.connections(client, 'hub'):
                        await together(self._session(client), self._until_files_change())
            finally:
                certificate.controller = None

    async def _until_files_change(self) -> None:
        await self._certificate.files_changed.wait()
        async with self._certificate.acting:  # who wrote them has more to do: to tell the hub, to forget the key
            return

    async def _session(self, hub: Client) -> None:
        given, intervals, certificate = self.given, self.given.intervals, self._certificate
        resource = await self._patient_resource(hub)
        requests = Following(hub, resource, intervals, labels=_wire.labels(self._cluster))
        clusters = Following(hub, _wire.MANAGED_CLUSTERS, intervals, fields={'metadata.name': self._cluster})

        async def report(ok: bool, reason: str, message: str) -> None:
            await self._report(hub, clusters, _conditions.condition(_conditions.ROTATED, ok, reason, message))

        machine = certificate.machine(requests, report)
        certificates = given.controller(
            f'ClientCertController@cluster:{self._cluster}', certificate.one_at_a_time(machine)
        )
        certificate.controller = certificates
        requests.listen(certificates.wake)
        lease = self._lease(hub, clusters)
        status = self._status(hub, clusters)
        period_s = given.options.cluster_health_check_period.total_seconds()
        states = given.controller('ManagedClusterStatusController', status.sync, period_s)
        for listener in (lease.look, states.wake, self._recreate):
            clusters.listen(listener)
        parts = [
            requests.run(),
            clusters.run(),
            certificates.run(),
            lease.run(),
            states.run(),
            self._recreating(clusters),
        ]
        if _features.is_on(given.gates, _features.ADDON_MANAGEMENT):
            parts.append(self._addons.run(hub, requests))
        if given.hub_timeout_s is not None:
            parts.append(self._watch_hub(clusters, given.hub_timeout_s))

        def node_changed(change: Change) -> None:
            if _size(change.old) != _size(change.new) or change.old is change.new:
                states.wake()

        given.spoke.nodes.listen(node_changed)
        if given.spoke.claims:
            given.spoke.claims.listen(states.wake)
        try:
            await together(*parts)
        finally:
            given.spoke.nodes.forget(node_changed)
            if given.spoke.claims:
                given.spoke.claims.forget(states.wake)

    def _lease(self, hub: Client, clusters: Following) -> ManagedClusterLease:
        given = self.given
        return ManagedClusterLease(
            self._cluster, hub, clusters, given.recorder, given.metrics, self._health.note,
            timeout_s=given.intervals.call_timeout.total_seconds(), chance=given.chance.random, now=given.now,
        )  # fmt: skip

    def _status(self, hub: Client, clusters: Following) -> ManagedClusterStatus:
        given = self.given
        return ManagedClusterStatus(
            self._cluster, hub, clusters, given.spoke.client, given.spoke.nodes, given.spoke.claims,
            given.options.max_custom_cluster_claims, given.recorder, given.metrics, self._health.note,
            timeout_s=given.intervals.call_timeout.total_seconds(), now=given.now, doubt=self._doubt,
        )  # fmt: skip

    async def _patient_resource(self, hub: Client) -> kubernetes.Resource:
        backoff = Backoff(self.given.intervals)
        while True:
            try:
                return await self._certificate.request_resource(hub)
            except kubernetes.Error as error:
                await asyncio.sleep(backoff.next_s(error))

    async def _report(self, hub: Client, clusters: Following, condition: dict[str, object]) -> None:
        cluster = clusters.get(self._cluster) or await hub.get(_wire.MANAGED_CLUSTERS, self._cluster)

        def edit(read: Object) -> Mapping[str, object]:
            conditions = _conditions.put(_conditions.of(read), condition, self.given.now())
            return {**(read.get('status') or {}), 'conditions': conditions}

        await _status.change(hub, _wire.MANAGED_CLUSTERS, cluster, edit)

    async def _watch_hub(self, clusters: Following, timeout_s: float) -> None:
        """Turn to the next hub when this one takes no renewal, or takes back that it accepted us."""
        accepted, refused = False, Signal()

        def look(_: Change) -> None:
            nonlocal accepted
            cluster = clusters.get(self._cluster)
            if cluster is not None:
                now = bool((cluster.get('spec') or {}).get('hubAcceptsClient'))
                if accepted and not now:
                    refused.set()
                accepted = now

        clusters.listen(look)
        began = self.given.now()
        while not await refused.wait(min(_HUB_LOOK_S, timeout_s)):
            renewed = self.given.metrics.get('spoke_lease_last_renewal_timestamp_seconds') or 0.0
            silent_s = self.given.now().timestamp() - max(began.timestamp(), renewed)
            cluster = clusters.get(self._cluster)
            missed_s = 2 * _wire.lease_duration_s(cluster) if cluster else 0.0  # a renewal is overdue by then
            if accepted and silent_s > max(timeout_s, missed_s):
                raise NextHub(f'the hub has taken no renewal of the lease for {silent_s:.0f} s')
        raise NextHub('the hub does not accept the cluster any more')

    # a ManagedCluster that is gone

    def _recreate(self, change: Change) -> None:
        if change.old is not None and change.new is None:
            _log.warning('managed cluster %s was deleted on the hub: it is asked for again', self._cluster)
            self._gone.set()

    async def _recreating(self, clusters: Following) -> None:
        """Ask to be taken in again some time after the hub's ManagedCluster was deleted, with growing pauses.

        With it our rights may have gone: a cluster that is not seen may not be there, and asking for it does no harm.
        """
        shortest_s = pause_s = self.given.intervals.recreation_delay.total_seconds()
        while True:
            self._gone.clear()
            if self._is_known(clusters):
                self._health.note('bootstrap', '')
                await self._gone.wait(_LONGEST_RECREATION_S)
                pause_s = shortest_s
            await asyncio.sleep(pause_s)
            if self._is_known(clusters):
                continue
            pause_s = min(2 * pause_s, _LONGEST_RECREATION_S)
            try:
                await self._creating()
            except kubernetes.Error as error:
                _log.warning('managed cluster %s is not created: %s', self._cluster, error)

    def _is_known(self, clusters: Following) -> bool:
        """Tell whether the hub has the cluster: what we saw last counts for as long as it takes our renewals."""
        return clusters.get(self._cluster) is not None and not self._health.notes.get('lease')


def _size(node: Object | None) -> tuple[object, ...]:
    if node is None:
        return ()
    status = node.get('status') or {}
    unschedulable = (node.get('spec') or {}).get('unschedulable')
    return (status.get('capacity'), status.get('allocatable'), unschedulable)
