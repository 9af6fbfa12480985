"""The controllers of the stand-in: each looks at one thing again whenever something changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, Resource, resources

from .. import _certificates, _conditions, _status, _wire
from .._intervals import Intervals
from .._metrics import Metrics
from .._names import CLIENT_SIGNER, CLUSTER_LABEL, PREFIX
from .._running import Controller, Following, together
from . import _definitions, _rights
from ._signer import Signer
from ._verbs import accept, answer

_log = logging.getLogger(__name__)
FINALIZER = 'cluster.open-cluster-management.io/api-resource-cleanup'
_TAINT = 'cluster.open-cluster-management.io'
_REVIEWS = Resource('authorization.k8s.io', 'v1', 'subjectaccessreviews', 'SubjectAccessReview', False)


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
        now: Callable[[], datetime] = _certificates.utc_now,
    ) -> None:  # fmt: skip
        self.client, self.signer, self.now = client, signer, now
        self.settings = settings or Settings()
        self.requests = Following(client, _wire.CSRS, self.settings.intervals)
        self.clusters = Following(client, _wire.MANAGED_CLUSTERS, self.settings.intervals)
        self.leases = Following(client, resources.LEASES, self.settings.intervals, labels={})
        self._denied: set[str] = set()

    async def prepare(self) -> None:
        """Make what a hub has before any cluster comes, and wait until it is served."""
        await install(self.client, _definitions.OF_HUB)
        for role in _rights.common():
            await make(self.client, resources.CLUSTER_ROLES, role)

    async def run(self) -> None:
        controllers = [
            self._controller('clusters', self._all_clusters, (self.clusters, self.leases)),
            self._controller('requests', self._all_requests, (self.requests,)),
        ]
        parts = [following.run() for following in (self.requests, self.clusters, self.leases)]
        await together(*parts, *(controller.run() for controller in controllers))

    def _controller(self, name: str, sync: Callable[[], Any], sources: tuple[Following, ...]) -> Controller:
        interval_s = self.settings.look_interval.total_seconds()
        controller = Controller(name, sync, interval_s, self.settings.intervals, Metrics())
        for source in sources:
            source.listen(controller.wake)
        return controller

    # clusters

    async def _all_clusters(self) -> float | None:
        for cluster in self.clusters.cache.all():
            try:
                await self._cluster(cluster)
            except (kubernetes.Conflict, kubernetes.NotFound) as error:
                _log.debug('%s: %s', cluster['metadata']['name'], error)  # the next look is at what it is by then
        return None

    async def _cluster(self, cluster: Object) -> None:
        meta, spec = cluster['metadata'], cluster.get('spec') or {}
        name, finalizers = meta['name'], meta.get('finalizers') or []
        if meta.get('deletionTimestamp'):
            await self._take_rights(name)
            if FINALIZER in finalizers:
                left = [each for each in finalizers if each != FINALIZER]
                await self.client.patch(_wire.MANAGED_CLUSTERS, name, {'metadata': {'finalizers': left}})
            return
        taints = _taints(cluster, self.now())
        if FINALIZER not in finalizers or taints != (spec.get('taints') or []):
            patch: Object = {'metadata': {'resourceVersion': meta['resourceVersion'],
                                          'finalizers': list(dict.fromkeys([*finalizers, FINALIZER]))},
                             'spec': {'taints': taints}}  # fmt: skip
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

    async def _tell(self, cluster: Object, kind: str, status: str, reason: str, message: str) -> None:
        def edit(read: Object) -> Mapping[str, Any]:
            new = _conditions.condition(kind, status, reason, message)
            return {**(read.get('status') or {}), 'conditions': _conditions.put(_conditions.of(read), new, self.now())}

        await _status.change(self.client, _wire.MANAGED_CLUSTERS, cluster, edit)

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
            spec = {'holderIdentity': _wire.LEASE, 'renewTime': _wire.micro_time(self.now())}
            await make(self.client, resources.LEASES, {'metadata': meta, 'spec': spec}, name)
            return
        renewed = _wire.moment(lease['spec']['renewTime'])
        grace = timedelta(seconds=5 * _wire.lease_duration_s(cluster))
        if renewed + grace < self.now():
            await self._tell(
                cluster, _conditions.AVAILABLE, 'Unknown', 'ManagedClusterLeaseUpdateStopped', 'no renewal'
            )

    # requests

    async def _all_requests(self) -> float | None:
        for request in self.requests.cache.all():
            try:
                await self._request(request)
            except (kubernetes.Conflict, kubernetes.NotFound) as error:
                _log.debug('%s: %s', request['metadata']['name'], error)
        return None

    async def _request(self, request: Object) -> None:
        state = _wire.request_state(request)
        if state == 'pending':
            await self._judge(request)
        elif state == 'approved' and self.settings.signs:
            asked_s = request['spec'].get('expirationSeconds')
            life = min(self.settings.certificate_life, timedelta(seconds=asked_s or 10**9))
            pem = self.signer.sign(_wire.decoded(request['spec']['request']), life, self.now())
            patch = {'status': {'certificate': _wire.encoded(pem)}}
            await self.client.patch(_wire.CSRS, request['metadata']['name'], patch, subresource='status')

    async def _judge(self, request: Object) -> None:
        """Approve a renewal, and a first request where that is set; leave the rest to people."""
        spec, labels = request['spec'], request['metadata'].get('labels') or {}
        cluster, user = labels.get(CLUSTER_LABEL, ''), spec.get('username', '')
        if not cluster or spec.get('signerName') != CLIENT_SIGNER:
            return
        common_name = _certificates.name_in_request(_wire.decoded(spec['request']))
        if not common_name.startswith(f'{PREFIX}{cluster}:'):
            return
        if user == common_name and self.settings.approves_renewals and await self._may_renew(spec):
            await answer(self.client, request, 'Approved', 'AutoApprovedByHubCSRApprovingController')
        elif user in self.settings.auto_approval_users:
            await accept(self.client, cluster)
            await answer(self.client, request, 'Approved', 'AutoApprovedByHubCSRApprovingController')

    async def _may_renew(self, spec: Mapping[str, Any]) -> bool:
        what = {
            'group': 'register.open-cluster-management.io', 'resource': 'managedclusters', 'verb': 'renew',
            'subresource': 'clientcertificates',
        }  # fmt: skip
        body = {'spec': {'user': spec['username'], 'groups': spec.get('groups') or [], 'resourceAttributes': what}}
        answer_: Object = await self.client.create(_REVIEWS, body)
        return bool(answer_['status'].get('allowed'))


def _taints(cluster: Object, now: datetime) -> list[dict[str, Any]]:
    """Return the taints that the conditions ask for, beside those of others."""
    found = list((cluster.get('spec') or {}).get('taints') or [])
    status = (_conditions.find(cluster, _conditions.AVAILABLE) or {}).get('status')
    wanted = {'True': '', 'False': f'{_TAINT}/unavailable'}.get(str(status), f'{_TAINT}/unreachable')
    kept = [
        each for each in found
        if each['key'] == wanted or each['key'] not in (f'{_TAINT}/unavailable', f'{_TAINT}/unreachable')
    ]  # fmt: skip
    if wanted and all(each['key'] != wanted for each in kept):
        kept.append({'key': wanted, 'effect': 'NoSelect', 'timeAdded': f'{now:%Y-%m-%dT%H:%M:%SZ}'})
    return kept


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
