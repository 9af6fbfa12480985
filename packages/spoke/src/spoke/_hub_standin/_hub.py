"""The controllers of the stand-in: each looks at one thing again whenever something changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, Resource, resources

from .. import _certificates, _conditions, _status, _wire
from .._intervals import Intervals
from .._metrics import Metrics
from .._names import CLUSTER_LABEL, Subject
from .._running import Controller, Following, Signal, together
from . import _definitions, _faults, _objects, _rights
from ._faults import Faults
from ._front import Front
from ._signer import Signer
from ._verbs import FAULTS, NAMESPACE, accept, answer

_log = logging.getLogger(__name__)
FINALIZER = 'cluster.open-cluster-management.io/api-resource-cleanup'
_REVIEWS = Resource('authorization.k8s.io', 'v1', 'subjectaccessreviews', 'SubjectAccessReview', False)
_STOPPED = 'ManagedClusterLeaseUpdateStopped'


@dataclass(frozen=True)
class Settings:
    """How the stand-in behaves."""

    certificate_life: timedelta = timedelta(hours=1)
    auto_approval_users: frozenset[str] = frozenset()
    signs: bool = True  # False: approved requests get no certificate
    approves_renewals: bool = True
    look_interval: timedelta = timedelta(seconds=1)
    intervals: Intervals = field(default_factory=Intervals)


class HubStandIn:
    """`prepare()` makes the definitions, then `run()` until cancelled."""

    def __init__(
        self, client: Client, signer: Signer, settings: Settings | None = None,
        clock: Callable[[], datetime] = _certificates.utc_now, front: Front | None = None,
    ) -> None:  # fmt: skip
        """front: where agents see the faults of the hub."""
        self.client, self.signer, self._clock, self._front = client, signer, clock, front
        self.settings = settings or Settings()
        self.faults = Faults()
        intervals = self.settings.intervals
        self.requests = Following(client, _wire.CSRS, intervals)
        self.clusters = Following(client, _wire.MANAGED_CLUSTERS, intervals)
        self.leases = Following(client, resources.LEASES, intervals, fields={'metadata.name': _wire.LEASE})
        self.addons = Following(client, _wire.ADDONS, intervals)
        self.orders = Following(client, resources.CONFIG_MAPS, intervals, NAMESPACE, fields={'metadata.name': FAULTS})
        self._seen: dict[str, str] = {}  # cluster to renewTime
        self._stopped: dict[str, datetime] = {}  # cluster to when its lease was last found old
        self._ordered = Signal()

    def now(self) -> datetime:
        return self._clock() + self.faults.skewed_clock

    async def prepare(self) -> None:
        """Make what a hub has before any cluster comes, and wait until it is served."""
        await install(self.client, _definitions.OF_HUB)
        for role in _rights.common():
            await make(self.client, resources.CLUSTER_ROLES, role)

    async def run(self) -> None:
        clusters = self._controller('clusters', self.clusters, self._cluster, self.leases, self.addons)
        requests = self._controller('requests', self.requests, self._request)
        self.orders.listen(self._ordered.set)
        self._ordered.set()
        followed = (self.requests, self.clusters, self.leases, self.addons, self.orders)
        await together(
            *(each.run() for each in followed), clusters.run(), requests.run(), self._obey((clusters, requests))
        )

    def _controller(
        self, name: str, things: Following, look: Callable[[Object], Awaitable[None]], *sources: Following
    ) -> Controller:
        async def sync() -> float | None:
            for thing in things.cache.all():
                try:
                    await look(thing)
                except (kubernetes.Conflict, kubernetes.NotFound) as error:
                    _log.debug('%s: %s', thing['metadata']['name'], error)  # the next look is at what it is by then
            return None

        interval_s = self.settings.look_interval.total_seconds()
        controller = Controller(name, sync, interval_s, self.settings.intervals, Metrics())
        for source in (things, *sources):
            source.listen(controller.wake)
        return controller

    async def _obey(self, controllers: tuple[Controller, ...]) -> None:
        """Fail as the ConfigMap says."""
        while True:
            await self._ordered.wait()
            self._ordered.clear()
            found = self.orders.get(FAULTS, NAMESPACE) or {}
            try:
                self.faults = _faults.parse(str((found.get('data') or {}).get('faults') or '').split())
            except ValueError as error:
                _log.warning('the faults in the ConfigMap %s are not to be read: %s', FAULTS, error)
                continue
            if self._front:
                await self._front.use(self.faults)
            for controller in controllers:
                controller.wake()

    # clusters

    async def _cluster(self, cluster: Object) -> None:
        meta, spec = cluster['metadata'], cluster.get('spec') or {}
        name, finalizers = meta['name'], meta.get('finalizers') or []
        if meta.get('deletionTimestamp'):
            await self._take_rights(name)
            if FINALIZER in finalizers:
                left = [each for each in finalizers if each != FINALIZER]
                await self.client.patch(_wire.MANAGED_CLUSTERS, name, {'metadata': {'finalizers': left}})
            return
        taints = _objects.taints(cluster, self.now())
        labels = _objects.features(cluster, self._addons_of(name))
        if FINALIZER not in finalizers or taints != (spec.get('taints') or []) or labels:
            patch: Object = {'metadata': {'resourceVersion': meta['resourceVersion'],
                                          'finalizers': list(dict.fromkeys([*finalizers, FINALIZER]))},
                             'spec': {'taints': taints}}  # fmt: skip
            patch['metadata'] |= {'labels': labels} if labels else {}
            await self.client.patch(_wire.MANAGED_CLUSTERS, name, patch)
            return  # and look again at what it is now
        condition = _conditions.find(cluster, _conditions.ACCEPTED)
        if spec.get('hubAcceptsClient'):
            if not condition or condition['status'] != 'True':
                await self._give_rights(name)
                await self._tell(cluster, _conditions.ACCEPTED, 'True', 'HubClusterAdminAccepted', 'accepted')
                return
            await self._lease(cluster)
        elif condition and condition['status'] == 'True':
            await self._take_rights(name)
            await self._tell(cluster, _conditions.ACCEPTED, 'False', 'HubClusterAdminDenied', 'no longer accepted')

    def _addons_of(self, cluster: str) -> list[Object]:
        return [each for each in self.addons.cache.all() if each['metadata']['namespace'] == cluster]

    async def _tell(
        self, thing: Object, kind: str, status: str, reason: str, message: str,
        resource: Resource = _wire.MANAGED_CLUSTERS,
    ) -> None:  # fmt: skip
        """Put a condition into the status of an object, unless it says so already."""

        def edit(read: Object) -> Mapping[str, Any]:
            new = _conditions.condition(kind, status, reason, message)
            return {**(read.get('status') or {}), 'conditions': _conditions.put(_conditions.of(read), new, self.now())}

        await _status.change(self.client, resource, thing, edit)

    async def _give_rights(self, name: str) -> None:
        await make(self.client, resources.NAMESPACES, {'metadata': {'name': name, 'labels': {CLUSTER_LABEL: name}}})
        for resource, namespace, body in _rights.of_cluster(name):
            await make(self.client, resource, body, namespace)

    async def _take_rights(self, name: str) -> None:
        for resource, namespace, body in _rights.of_cluster(name):
            try:
                await self.client.delete(resource, body['metadata']['name'], namespace)
            except kubernetes.NotFound:
                continue

    async def _lease(self, cluster: Object) -> None:
        """Make the lease, and judge by it whether the agent lives and whether its clock is right."""
        name = cluster['metadata']['name']
        lease = self.leases.get(_wire.LEASE, name)
        if lease is None:
            meta = {'name': _wire.LEASE, 'labels': {CLUSTER_LABEL: name}}
            text = _wire.micro_time(self.now())
            self._seen[name] = text
            spec = {'holderIdentity': _wire.LEASE, 'renewTime': text}
            await make(self.client, resources.LEASES, {'metadata': meta, 'spec': spec}, name)
            return
        text = lease['spec']['renewTime']
        renewed, before = _wire.moment(text), self._seen.get(name)
        self._seen[name] = text
        if before not in (None, text):
            told = _objects.clock(renewed, self.now())
            await self._tell(cluster, told['type'], told['status'], told['reason'], told['message'])
        grace, now = timedelta(seconds=5 * _wire.lease_duration_s(cluster)), self.now()
        if renewed + grace < now and now - self._stopped.get(name, renewed) > grace:  # as seldom as a hub looks
            self._stopped[name] = now
            await self._tell(cluster, _conditions.AVAILABLE, 'Unknown', _STOPPED, 'no renewal')
            for addon in self._addons_of(name):
                await self._tell(
                    addon, _conditions.ADDON_AVAILABLE, 'Unknown', _STOPPED, 'no renewal of the cluster', _wire.ADDONS
                )

    # requests

    async def _request(self, request: Object) -> None:
        state = _wire.request_state(request)
        if state == 'pending':
            await self._judge(request)
        elif state == 'approved' and self.settings.signs and not self.faults.no_signing:
            asked_s = request['spec'].get('expirationSeconds')
            life = min(self.settings.certificate_life, timedelta(seconds=asked_s or 10**9))
            pem = self.signer.sign(_wire.decoded(request['spec']['request']), life, self.now())
            if self.faults.wrong_certificate:
                pem = self.signer.sign(_of_another_key(request), life, self.now())
            patch = {'status': {'certificate': _wire.encoded(pem)}}
            await self.client.patch(_wire.CSRS, request['metadata']['name'], patch, subresource='status')

    async def _judge(self, request: Object) -> None:
        """Approve a renewal, and a first request where that is set; leave the rest to people."""
        cluster, common_name = _objects.cluster_of_request(request)
        spec = request['spec']
        user = spec.get('username', '')
        if not cluster:
            return
        if user == common_name and self.settings.approves_renewals and await self._may_renew(spec):
            await self._approve(request)
        elif user in self.settings.auto_approval_users:
            await accept(self.client, cluster)
            await self._approve(request)

    async def _approve(self, request: Object) -> None:
        await answer(self.client, request, 'Approved', 'AutoApprovedByHubCSRApprovingController', self.now())

    async def _may_renew(self, spec: Mapping[str, Any]) -> bool:
        what = {
            'group': 'register.open-cluster-management.io', 'resource': 'managedclusters', 'verb': 'renew',
            'subresource': 'clientcertificates',
        }  # fmt: skip
        body = {'spec': {'user': spec['username'], 'groups': spec.get('groups') or [], 'resourceAttributes': what}}
        answer_: Object = await self.client.create(_REVIEWS, body)
        return bool(answer_['status'].get('allowed'))


def _of_another_key(request: Object) -> bytes:
    """Return a request for the same name, with a key that nobody has."""
    common_name = _certificates.name_in_request(_wire.decoded(request['spec']['request']))
    return _certificates.request(_certificates.new_key(), Subject(common_name))


async def make(client: Client, resource: Resource, body: Object, namespace: str = '') -> None:
    """Create an object; one that is there is as good."""
    try:
        await client.create(resource, body, namespace)
    except kubernetes.AlreadyExists:
        return


async def install(client: Client, definitions: tuple[Object, ...]) -> None:
    """Make definitions and wait until what they define is served."""
    for definition in definitions:
        await make(client, resources.CUSTOM_RESOURCE_DEFINITIONS, definition)
    for definition in definitions:
        spec = definition['spec']
        path = f'/apis/{spec["group"]}/{spec["versions"][0]["name"]}/{spec["names"]["plural"]}?limit=1'
        while True:
            try:
                await client.transport.request('GET', path)
                break
            except kubernetes.NotFound:
                await asyncio.sleep(0.05)
