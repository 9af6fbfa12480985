"""One life of an agent: from what it finds at its start until it ends or has to start over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, resources
from aioclustermanager.kubernetes.informer import Change

from . import _features, _files, _hub_kubeconfig, _names, _validity, _wire
from ._bootstrap import Bootstrap
from ._given import Given, NextHub, StartOver, Sync
from ._health import Health
from ._hub_certificate import HubCertificate
from ._main_phase import MainPhase
from ._names import Names, Sources
from ._options import InvalidOptions
from ._running import Backoff, Controller, Following, Signal, Trouble, together
from ._secrets import decoded
from .managedcluster import ManagedClusterCreating

_log = logging.getLogger(__name__)
Result = TypeVar('Result')


class Agent:
    """`run()` lives until it is cancelled. Raises InvalidOptions, and StartOver if it is `in_place`."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.health: Health = given.options.health
        self.phase = 'starting'
        self._bootstrap = Bootstrap(Path(given.options.bootstrap_kubeconfig), given.reach)
        self._certificate = HubCertificate(given, self._bootstrap)
        self._asking = asyncio.Lock()  # held while the bootstrap client is in use: closing it would break its calls off
        self._creating: Controller | None = None
        self._silent_since: float | None = None  # the hub, while we bootstrap
        self._trouble = Trouble('the bootstrap kubeconfig works')

    @property
    def names(self) -> Names:
        return self._certificate.names

    # start

    async def run(self) -> None:
        try:
            await self._patiently(self._first_dump, 'management')
            self.given.options.validate()
            self._certificate.names = await self._patiently(self._chosen_names, 'management')
            if faults := _names.faults(self.names):
                raise InvalidOptions(faults)
            _log.info('agent %s of cluster %s', self.names.agent, self.names.cluster)
            self._creating = self.given.controller(
                'ManagedClusterCreatingController', self._made_creating(self._note_needed)
            )
            with self.given.metrics.live('spoke_open_connections', self._bootstrap.connections, to='bootstrap'):
                await together(
                    self._creating.run(),
                    self._watch_bootstrap_secret(),
                    self._watch_hub_secret(),
                    self._live(),
                )
        finally:
            await self._bootstrap.close()

    async def _patiently(self, what: Callable[[], Awaitable[Result]], whom: str) -> Result:
        """Do something until the cluster it needs answers, and the folder can be written."""
        backoff, trouble = Backoff(self.given.intervals), Trouble(f'{whom} answers')
        while True:
            try:
                result = await what()
            except kubernetes.Error as error:
                trouble.tell(f'{whom} does not answer as it should yet: {error}')
                self.health.note(whom, f'the {whom} cluster ({error})')
                await asyncio.sleep(backoff.next_s(error))
            except OSError as error:
                trouble.tell(f'cannot begin yet: {error}')
                await asyncio.sleep(backoff.next_s())
            else:
                trouble.end()
                self.health.note(whom, '')
                return result

    async def _first_dump(self) -> None:
        """Put the hub secret into the folder, for a pod that has a new one."""
        found = await self._certificate.secret.read()
        if found.data and _hub_kubeconfig.is_usable(found.data.get('kubeconfig', b'')):
            self._certificate.mirror(found.data)

    async def _chosen_names(self) -> Names:
        common, chance, folder = self.given.common, self.given.chance, self._certificate.folder
        if common.spoke_cluster_name and common.agent_id:
            return Names(common.spoke_cluster_name, common.agent_id)
        kept = (await self._certificate.pending.read()).data
        certificate = _validity.certificate_names(folder)
        files = [
            (_files.read(folder / name) or b'').decode('utf-8', 'replace') for name in ('cluster-name', 'agent-name')
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
        pending = self._certificate.pending
        before = await pending.read()
        data = {**before.data, 'cluster-name': names.cluster.encode(), 'agent-name': names.agent.encode()}
        await pending.save(before, data)

    # parts that run for the whole life

    def _note_bootstrap(self, text: str) -> None:
        self.health.note('bootstrap', text)

    def _note_needed(self, text: str) -> None:
        """With a certificate nobody waits for the bootstrap credential."""
        if self.phase != 'main':
            self._note_bootstrap(text)

    def _made_creating(self, note: Callable[[str], None]) -> Sync:
        options = self.given.options
        creating = ManagedClusterCreating(
            self.names.cluster, options.cluster_annotations, options.spoke_external_server_urls, self.given.spoke_ca,
            self._bootstrap.client, self.given.recorder, note,
        )  # fmt: skip
        interval = self.given.intervals.creating_controller_sync_interval.total_seconds()
        interval *= 1 + self.given.chance.random()

        async def sync() -> float | None:
            async with self._asking:
                is_allowed = await creating.sync()
                if self.phase == 'main':
                    await self._bootstrap.close()
            return interval if is_allowed or self.phase == 'main' else None  # rights may come, and we wait for them

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

    async def _watch_bootstrap_file(self) -> None:
        """Begin anew in place when the bootstrap file, or the authorities it names, lead to another hub."""
        while not self.given.in_place:
            await asyncio.Event().wait()
        certificate, before = self._certificate, self._bootstrap.stamp()
        while True:
            await asyncio.sleep(self.given.intervals.terminate_on_files_interval.total_seconds())
            now = self._bootstrap.stamp()
            if now != before and (why := _validity.other_hub(certificate.kubeconfig, self._bootstrap.path)):
                raise StartOver(why)
            before = now

    def _following_secret(self, name: str) -> Following:
        given = self.given
        return Following(
            given.management, resources.SECRETS, given.intervals, given.namespace, fields={'metadata.name': name}
        )

    async def _watch_hub_secret(self) -> None:
        """Keep the folder as the hub secret is, unless that is broken; wake who mends it."""
        certificate = self._certificate
        following = self._following_secret(certificate.secret.name)

        async def sync() -> float | None:
            found = decoded(following.get(certificate.secret.name, certificate.secret.namespace))
            if found.data and _validity.is_consistent(dict(found.data), self.names):
                certificate.mirror(found.data)
            return None

        controller = self.given.controller('HubKubeconfigSecretController', sync)

        def changed(_: Change) -> None:
            controller.wake()
            certificate.wake()

        following.listen(changed)
        await together(following.run(), controller.run())

    # bootstrap, then the main phase

    async def _live(self) -> None:
        certificate = self._certificate
        if why := certificate.fault():
            _log.info('bootstraps: %s', why)
            await self._patiently(certificate.secret.delete, 'management')
            self.phase = 'bootstrap'
            while certificate.fault():
                await self._bootstrap_session()
        self.phase = 'main'
        self.health.note('bootstrap', '')
        if not self._asking.locked():
            await self._bootstrap.close()  # it is rarely needed from here on, and made anew then
        self.given.recorder.event('HubClientConfigReady', f'{certificate.kubeconfig} is ready')
        recreating = self._made_creating(self._note_bootstrap)
        await together(MainPhase(self.given, certificate, recreating).run(), self._watch_bootstrap_file())

    async def _bootstrap_session(self) -> None:
        """Ask for a certificate with the bootstrap file as it is now; ends when that changes or there is one."""
        poll_s = self.given.intervals.bootstrap_poll_interval.total_seconds()
        certificate = self._certificate
        if self._creating and self._bootstrap.is_changed():
            self._creating.cured()  # another credential may do what the last one might not
        try:
            client = self._bootstrap.client()
            resource = await certificate.request_resource(client)
        except kubernetes.Error as error:
            self._cannot_bootstrap(error)
            await asyncio.sleep(poll_s)
            self._give_up_silent_hub(error)
            return
        labels = _wire.labels(self.names.cluster)
        requests = Following(client, resource, self.given.intervals, labels=labels, quiet=True)
        controller = self.given.controller(
            f'BootstrapClientCertController@cluster:{self.names.cluster}',
            certificate.one_at_a_time(certificate.machine(requests, report=None)),
        )
        requests.listen(controller.wake)
        certificate.controller = controller
        try:
            await together(requests.run(), controller.run(), self._until_ready(requests, client, poll_s))
        finally:
            certificate.controller = None
            await self._bootstrap.close_old()

    async def _until_ready(self, requests: Following, client: Client, poll_s: float) -> None:
        """Return when the files are valid, or the bootstrap kubeconfig is another."""
        certificate, failed = self._certificate, False
        while certificate.fault() and self._bootstrap.is_current(client):
            if requests.error:
                self._cannot_bootstrap(requests.error)
                self._give_up_silent_hub(requests.error)
                failed = True
            elif requests.ready.is_set():
                if failed and self._creating:
                    self._creating.cured()  # as this is
                failed = False
                self._silent_since = None
                self._trouble.end()
            certificate.files_changed.clear()
            await certificate.files_changed.wait(poll_s)
        async with certificate.acting:
            return

    def _cannot_bootstrap(self, error: kubernetes.Error) -> None:
        text = f'a bootstrap kubeconfig that works ({error})'
        if isinstance(error, kubernetes.NotFound):  # of a list: the hub has no such kind, and no credential helps
            gate = f'--feature-gates={_features.V1BETA1_CSR}=true'
            text = f'a hub that serves {_wire.CSRS.api_version} ({error}); for one with v1beta1 only, start with {gate}'
        self._trouble.tell(f'cannot bootstrap yet, waits for {text}')
        self.health.note('bootstrap', text)

    def _give_up_silent_hub(self, error: kubernetes.Error) -> None:
        """Turn to the next hub, if there is one and this has been silent for long."""
        began, now = self._silent_since, asyncio.get_running_loop().time()
        if not isinstance(error, kubernetes.ConnectionFailed | kubernetes.DeadlineExceeded):
            self._silent_since = None
        elif began is None:
            self._silent_since = now
        elif self.given.hub_timeout_s is not None and now - began > self.given.hub_timeout_s:
            raise NextHub(f'the hub has been silent for {now - began:.0f} s')
