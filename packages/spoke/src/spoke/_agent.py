"""One life of an agent: from what it finds at its start until it ends or has to start over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, InvalidConfiguration, Object, discovery, resources
from aioclustermanager.kubernetes.informer import Change

from . import (
    _bootstrap,
    _certificates,
    _conditions,
    _features,
    _files,
    _hub_kubeconfig,
    _names,
    _status,
    _validity,
    _wire,
)
from ._bootstrap import Bootstrap
from ._events import Recorder
from ._health import Health
from ._intervals import Intervals
from ._machine import Machine, Memory, Report, Wanted
from ._metrics import Metrics
from ._names import Names, Sources
from ._options import AgentOptions, InvalidOptions, SpokeAgentOptions
from ._running import Backoff, Controller, Following, Signal, together
from ._secrets import Place, decoded
from .addon import AddOns
from .managedcluster import ManagedClusterCreating, ManagedClusterLease, ManagedClusterStatus

_log = logging.getLogger(__name__)
USER_AGENT = 'registration-agent'
Result = TypeVar('Result')
Sync = Callable[[], Awaitable['float | None']]


class StartOver(Exception):
    """What the agent stands on is gone: it has to begin anew. The text says why."""


@dataclass
class SpokeSide:
    """The cluster that joins: its client, and caches of it that whoever made them may share."""

    client: Client
    nodes: Following
    claims: Following | None

    async def run(self) -> None:
        """Keep the caches for as long as this runs."""
        await together(*(each.run() for each in (self.nodes, self.claims) if each))


@dataclass(frozen=True)
class Given:
    """All that one life is given."""

    common: AgentOptions
    options: SpokeAgentOptions
    gates: Mapping[str, bool]
    intervals: Intervals
    management: Client
    spoke: SpokeSide
    spoke_ca: bytes  # for the URLs; b'' without
    namespace: str  # of our secrets
    recorder: Recorder
    metrics: Metrics
    chance: random.Random = field(default_factory=random.SystemRandom)
    now: Callable[[], datetime] = _certificates.utc_now
    in_place: bool = False  # start over by ourselves where Go's agent waits to be killed


class Agent:
    """`run()` lives until it is cancelled. Raises InvalidOptions, and StartOver if it is `in_place`."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.health: Health = given.options.health
        self.folder = Path(given.common.hub_kubeconfig_dir)
        self.kubeconfig = given.common.hub_kubeconfig_file
        self.names = Names('', '')
        self.phase = 'starting'
        self._memory = Memory()
        self._secret = Place(given.management, given.namespace, given.options.hub_kubeconfig_secret)
        self._pending = Place(given.management, given.namespace, f'{given.options.hub_kubeconfig_secret}-pending')
        self._bootstrap = Bootstrap(Path(given.options.bootstrap_kubeconfig), USER_AGENT)
        self._files_changed = Signal()
        self._asking = asyncio.Lock()  # held while the bootstrap client is in use: closing it would break its calls off
        self._acting = asyncio.Lock()  # held while a certificate is asked for or saved
        self._addons: AddOns | None = None
        self._creating: Controller | None = None

    # start

    async def run(self) -> None:
        try:
            await self._patiently(self._first_dump, 'management')
            self.given.options.validate()
            self.names = await self._patiently(self._chosen_names, 'management')
            if faults := _names.faults(self.names):
                raise InvalidOptions(faults)
            _log.info('agent %s of cluster %s', self.names.agent, self.names.cluster)
            self._creating = self._controller('ManagedClusterCreatingController', self._made_creating())
            await together(
                self._creating.run(),
                self._watch_bootstrap_secret(),
                self._watch_hub_secret(),
                self._live(),
            )
        finally:
            await self._bootstrap.close()

    async def _patiently(self, what: Callable[[], Awaitable[Result]], whom: str) -> Result:
        """Do something until the cluster it needs answers."""
        backoff = Backoff(self.given.intervals)
        while True:
            try:
                result = await what()
            except kubernetes.Error as error:
                _log.warning('%s does not answer as it should yet: %s', whom, error)
                self.health.note(whom, f'the {whom} cluster ({error})')
                await asyncio.sleep(backoff.next_s(error))
            else:
                self.health.note(whom, '')
                return result

    async def _first_dump(self) -> None:
        """Put the hub secret into the folder, for a pod that has a new one."""
        found = await self._secret.read()
        if found.data and _hub_kubeconfig.is_usable(found.data.get('kubeconfig', b'')):
            self._mirror(found.data)

    async def _chosen_names(self) -> Names:
        common, chance = self.given.common, self.given.chance
        if common.spoke_cluster_name and common.agent_id:
            return Names(common.spoke_cluster_name, common.agent_id)
        kept = (await self._pending.read()).data
        certificate = _validity.certificate_names(self.folder)
        files = [
            (_files.read(self.folder / name) or b'').decode('utf-8', 'replace')
            for name in ('cluster-name', 'agent-name')
        ]
        pending = [kept.get(name, b'').decode('utf-8', 'replace') for name in ('cluster-name', 'agent-name')]
        in_certificate = (certificate.cluster, certificate.agent) if certificate else ('', '')
        for what, told, written in zip(('cluster', 'agent'), in_certificate, files, strict=True):
            if told and written.strip() and told != written.strip():
                _log.warning(
                    'the %s is %s in the certificate and %s in its file: the certificate counts', what, told, written
                )
        new = (_names.new_cluster(chance), _names.new_agent(chance))
        flags = (common.spoke_cluster_name, common.agent_id)
        cluster, agent = (
            _names.chosen(Sources(*each[:4]), each[4])
            for each in zip(flags, in_certificate, files, pending, new, strict=True)
        )
        names = Names(cluster, agent)
        if new[0] == cluster or new[1] == agent:
            await self._keep(names)
        return names

    async def _keep(self, names: Names) -> None:
        """Keep generated names where the next start finds them, before anybody hears of them."""
        before = await self._pending.read()
        data = {**before.data, 'cluster-name': names.cluster.encode(), 'agent-name': names.agent.encode()}
        await self._pending.save(before, data)

    def _controller(self, name: str, sync: Sync, interval_s: float | None = None) -> Controller:
        intervals = self.given.intervals
        interval_s = intervals.controller_resync_interval.total_seconds() if interval_s is None else interval_s
        return Controller(name, sync, interval_s, intervals, self.given.metrics)

    # parts that run for the whole life

    def _made_creating(self) -> Sync:
        options = self.given.options
        creating = ManagedClusterCreating(
            self.names.cluster, options.cluster_annotations, options.spoke_external_server_urls, self.given.spoke_ca,
            self._bootstrap.client, self.given.recorder, lambda text: self.health.note('bootstrap', text),
        )  # fmt: skip
        interval = self.given.intervals.creating_controller_sync_interval.total_seconds()
        interval *= 1 + self.given.chance.random()

        async def sync() -> float | None:
            async with self._asking:
                await creating.sync()
                if self.phase == 'main':
                    await self._bootstrap.close()
            return interval

        return sync

    async def _watch_bootstrap_secret(self) -> None:
        """Turn unhealthy when the bootstrap secret changes: what we began with is no longer what there is."""
        name = self.given.options.bootstrap_kubeconfig_secret
        following = self._following_secret(name)
        changed = Signal()

        def look(change: Change) -> None:
            if change.old is None or change.old is change.new:
                return
            what = 'was deleted' if change.new is None else 'has changed'
            if change.new is None or (change.old.get('data') or {}) != (change.new.get('data') or {}):
                self.health.bootstrap.fail(f'the secret {self.given.namespace}/{name} {what}')
                changed.set()

        following.listen(look)
        await together(following.run(), self._start_over_when(changed, self.health.bootstrap.check))

    async def _start_over_when(self, event: Signal, why: Callable[[], str]) -> None:
        await event.wait()
        if self.given.in_place:
            raise StartOver(why())
        await asyncio.Event().wait()

    def _following_secret(self, name: str) -> Following:
        given = self.given
        return Following(
            given.management, resources.SECRETS, given.intervals, given.namespace, fields={'metadata.name': name}
        )

    async def _watch_hub_secret(self) -> None:
        """Keep the folder as the hub secret is, unless that is broken; wake who mends it."""
        following = self._following_secret(self._secret.name)

        async def sync() -> float | None:
            found = decoded(following.get(self._secret.name, self._secret.namespace))
            if found.data and _validity.is_consistent(dict(found.data), self.names):
                self._mirror(found.data)
            return None

        controller = self._controller('HubKubeconfigSecretController', sync)

        def changed(_: Change) -> None:
            controller.wake()
            if self._certificate:
                self._certificate.wake()

        following.listen(changed)
        await together(following.run(), controller.run())

    _certificate: Controller | None = None

    def _mirror(self, data: Mapping[str, bytes]) -> None:
        changed = _files.mirror(self.folder, data)
        for name in changed:
            self.given.recorder.event('FileUpdated', f'{self.folder / name} is as the secret {self._secret.name} says')
        if {'tls.crt', 'tls.key', 'kubeconfig'} & set(changed):
            self._files_changed.set()

    # bootstrap, then the main phase

    def fault(self) -> str:
        """Return why the hub's kubeconfig cannot be used, '' if it can."""
        return _validity.fault(self.folder, self.kubeconfig, self._bootstrap.path, self.names, self.given.now())

    async def _live(self) -> None:
        if why := self.fault():
            _log.info('bootstraps: %s', why)
            await self._patiently(self._secret.delete, 'management')
            self.phase = 'bootstrap'
            while self.fault():
                await self._bootstrap_session()
        self.health.note('bootstrap', '')
        if not self._asking.locked():
            await self._bootstrap.close()  # it is rarely needed from here on, and made anew then
        self.given.recorder.event('HubClientConfigReady', f'{self.kubeconfig} is ready')
        self.phase = 'main'
        await together(self.given.spoke.run(), self._watch_expiry(), self._sessions())

    async def _bootstrap_session(self) -> None:
        """Ask for a certificate with the bootstrap file as it is now; ends when that changes or there is one."""
        poll_s = self.given.intervals.bootstrap_poll_interval.total_seconds()
        if self._creating and self._bootstrap.is_changed():
            self._creating.wake()  # another credential may do what the last one might not
        try:
            client = self._bootstrap.client()
            resource = await self._request_resource(client)
        except kubernetes.Error as error:
            self._cannot_bootstrap(error)
            await asyncio.sleep(poll_s)
            return
        requests = Following(client, resource, self.given.intervals, labels=_wire.labels(self.names.cluster))
        machine = self._machine(requests, report=None)
        controller = self._controller(
            f'BootstrapClientCertController@cluster:{self.names.cluster}', self._alone(machine)
        )
        requests.listen(controller.wake)
        self._certificate = controller
        try:
            await together(requests.run(), controller.run(), self._until_ready(requests, poll_s))
        finally:
            self._certificate = None
            await self._bootstrap.close_old()

    async def _until_ready(self, requests: Following, poll_s: float) -> None:
        """Return when the files are valid, or the bootstrap credential is worth another try."""
        denied_s = 0.0
        while self.fault() and not self._bootstrap.is_changed():
            if requests.error:
                self._cannot_bootstrap(requests.error)
                denied_s += poll_s
                if denied_s >= 5 * poll_s:  # files that the kubeconfig names may be other ones by now
                    self._bootstrap.renew()
                    return
            self._files_changed.clear()
            await self._files_changed.wait(poll_s)
        async with self._acting:
            return

    def _cannot_bootstrap(self, error: kubernetes.Error) -> None:
        text = f'a bootstrap kubeconfig that works ({error})'
        if self.health.notes.get('bootstrap') != text:
            _log.warning('cannot bootstrap: %s', error)
        self.health.note('bootstrap', text)

    async def _request_resource(self, client: Client) -> kubernetes.Resource:
        """Return the version of certificate requests that the hub serves, where we are told to look."""
        if not _features.is_on(self.given.gates, _features.V1BETA1_CSR):
            return _wire.CSRS
        found = await discovery.resources(client, group=_wire.CSRS.group)
        served = {each.resource.version for each in found if each.resource.plural == _wire.CSRS.plural}
        return _wire.CSRS_V1BETA1 if 'v1' not in served and 'v1beta1' in served else _wire.CSRS

    def _machine(self, requests: Following, report: Report | None) -> Machine:
        given, names = self.given, self.names
        wanted = Wanted(
            title=f'hub certificate of {names.cluster}',
            subject=_names.hub_subject(names),
            generate_name=f'{names.cluster}-',
            labels=_wire.labels(names.cluster),
            signer=_names.CLIENT_SIGNER,
            expiration_s=given.options.client_cert_expiration_seconds,
            kept={'cluster-name': names.cluster.encode(), 'agent-name': names.agent.encode()},
            kubeconfig=self._hub_kubeconfig,
            is_kubeconfig_fine=_hub_kubeconfig.is_usable,
        )
        return Machine(
            wanted, requests, self._secret, self._pending, self._memory,
            report=report, saved=self._saved, recorder=given.recorder, metrics=given.metrics.of(certificate='hub'),
            note=lambda text: self.health.note('certificate', text), intervals=given.intervals,
            chance=given.chance.random, now=given.now,
        )  # fmt: skip

    def _hub_kubeconfig(self) -> bytes:
        """Return the kubeconfig for the secret: in the main phase that of the folder goes on."""
        if self.phase == 'main':
            with contextlib.suppress(InvalidConfiguration):
                return _hub_kubeconfig.rendered(_bootstrap.hub(self.kubeconfig))
        return _hub_kubeconfig.rendered(_bootstrap.hub(self._bootstrap.path))

    async def _saved(self, data: Mapping[str, bytes]) -> None:
        self._mirror(data)

    # the main phase

    async def _sessions(self) -> None:
        """Talk to the hub with the certificate of the folder; begin again with each new one."""
        while True:
            self._files_changed.clear()
            try:
                client = Client(replace(_hub_kubeconfig.read(self.kubeconfig), user_agent=USER_AGENT))
            except InvalidConfiguration as error:
                _log.warning('the hub cannot be asked: %s', error)
                await asyncio.sleep(self.given.intervals.retry_longest.total_seconds())
                continue
            try:
                async with client:
                    await together(self._session(client), self._until_files_change())
            finally:
                self._certificate = None

    async def _until_files_change(self) -> None:
        await self._files_changed.wait()
        async with self._acting:  # who wrote them has more to do: to tell the hub, to forget the key
            return

    def _alone(self, machine: Machine) -> Sync:
        async def sync() -> float | None:
            async with self._acting:
                return await machine.sync()

        return sync

    async def _session(self, hub: Client) -> None:
        given, names, intervals = self.given, self.names, self.given.intervals
        resource = await self._patient_resource(hub)
        requests = Following(hub, resource, intervals, labels=_wire.labels(names.cluster))
        clusters = Following(hub, _wire.MANAGED_CLUSTERS, intervals, fields={'metadata.name': names.cluster})

        async def report(ok: bool, reason: str, message: str) -> None:
            await self._report(hub, clusters, _conditions.condition(_conditions.ROTATED, ok, reason, message))

        machine = self._machine(requests, report)
        certificate = self._controller(f'ClientCertController@cluster:{names.cluster}', self._alone(machine))
        self._certificate = certificate
        requests.listen(certificate.wake)
        lease = ManagedClusterLease(
            names.cluster, hub, clusters, given.recorder, given.metrics, self.health.note,
            timeout_s=intervals.call_timeout.total_seconds(), chance=given.chance.random, now=given.now,
        )  # fmt: skip
        status = ManagedClusterStatus(
            names.cluster, hub, clusters, given.spoke.client, given.spoke.nodes, given.spoke.claims,
            given.options.max_custom_cluster_claims, given.recorder, given.metrics, self.health.note,
            timeout_s=intervals.call_timeout.total_seconds(), now=given.now,
        )  # fmt: skip
        period_s = given.options.cluster_health_check_period.total_seconds()
        states = self._controller('ManagedClusterStatusController', status.sync, period_s)
        clusters.listen(lease.look)
        clusters.listen(states.wake)
        clusters.listen(self._recreate)
        parts = [requests.run(), clusters.run(), certificate.run(), lease.run(), states.run(), self._recreating()]
        if _features.is_on(given.gates, _features.ADDON_MANAGEMENT):
            parts.append(self._made_addons().run(hub, requests))

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

    async def _patient_resource(self, hub: Client) -> kubernetes.Resource:
        backoff = Backoff(self.given.intervals)
        while True:
            try:
                return await self._request_resource(hub)
            except kubernetes.Error as error:
                await asyncio.sleep(backoff.next_s(error))

    async def _report(self, hub: Client, clusters: Following, condition: dict[str, object]) -> None:
        name = self.names.cluster
        cluster = clusters.get(name) or await hub.get(_wire.MANAGED_CLUSTERS, name)

        def edit(read: Object) -> Mapping[str, object]:
            conditions = _conditions.put(_conditions.of(read), condition, self.given.now())
            return {**(read.get('status') or {}), 'conditions': conditions}

        await _status.change(hub, _wire.MANAGED_CLUSTERS, cluster, edit)

    _gone: Signal | None = None

    def _recreate(self, change: Change) -> None:
        if self._gone and change.old is not None and change.new is None:
            self._gone.set()

    async def _recreating(self) -> None:
        """Ask to be taken in again some time after the hub's ManagedCluster was deleted."""
        self._gone = Signal()
        creating = self._made_creating()
        while True:
            await self._gone.wait()
            self._gone.clear()
            delay_s = self.given.intervals.recreation_delay.total_seconds()
            _log.warning(
                'managed cluster %s was deleted on the hub: it is asked for again in %.0f s',
                self.names.cluster,
                delay_s,
            )
            await asyncio.sleep(delay_s)
            try:
                await creating()
            except kubernetes.Error as error:
                _log.warning('managed cluster %s is not created: %s', self.names.cluster, error)
                self._gone.set()

    async def _watch_expiry(self) -> None:
        """Turn unhealthy when the certificate in the folder has ended."""
        interval_s = self.given.intervals.client_cert_health_check_interval.total_seconds()
        while True:
            with contextlib.suppress(_certificates.Unusable):
                chain = _certificates.chain(_files.read(self.folder / 'tls.crt') or b'')
                self.given.metrics.set('spoke_certificate_expiry_timestamp_seconds', chain.ends.timestamp())
                if chain.is_expired(self.given.now()):
                    self.health.certificate.fail(f'the client certificate ended at {chain.ends:%Y-%m-%d %H:%M:%S} UTC')
                    if self.given.in_place:
                        raise StartOver(self.health.certificate.check())
            await asyncio.sleep(interval_s)

    def _made_addons(self) -> AddOns:
        given = self.given
        if self._addons is None:
            self._addons = AddOns(
                self.names, given.management, given.spoke.client, given.namespace, self._hub_kubeconfig,
                given.recorder, given.metrics, given.intervals, given.chance, given.now,
            )  # fmt: skip
        return self._addons


def _size(node: Object | None) -> tuple[object, ...]:
    if node is None:
        return ()
    status = node.get('status') or {}
    unschedulable = (node.get('spec') or {}).get('unschedulable')
    return (status.get('capacity'), status.get('allocatable'), unschedulable)
