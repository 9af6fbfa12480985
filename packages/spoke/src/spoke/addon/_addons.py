"""Keeps the certificates that add-ons register for, each by a machine of its own."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, resources

from .. import _conditions, _hub_kubeconfig, _names, _status, _wire
from .._events import Recorder
from .._intervals import Intervals
from .._machine import Machine, Memory, Wanted
from .._metrics import Metrics
from .._names import ADDON_LABEL, CLUSTER_LABEL, Names
from .._running import Controller, Following, stopped, together
from .._secrets import Place
from ._lease import AddOnLeases
from ._registrations import Registration, is_ending, wanted

_log = logging.getLogger(__name__)


class _Kept:
    """A registration, its machine's memory, and the task that runs it."""

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self.memory = Memory()
        self.task: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        task, self.task = self.task, None
        if task:
            await stopped(task)


class AddOns:
    """`run()` cares for the add-ons of a cluster with one client of the hub; what it knows outlives the client."""

    def __init__(
        self,
        names: Names,
        management: Client,
        spoke: Client,
        namespace: str,
        kubeconfig: Callable[[], bytes],
        recorder: Recorder,
        metrics: Metrics,
        intervals: Intervals,
        chance: random.Random,
        now: Callable[[], datetime],
    ) -> None:
        self._names, self._management, self._spoke, self._namespace = names, management, spoke, namespace
        self._kubeconfig, self._recorder, self._metrics = kubeconfig, recorder, metrics
        self._intervals, self._chance, self._now = intervals, chance, now
        self._kept: dict[str, _Kept] = {}
        self._is_swept = False

    async def run(self, hub: Client, requests: Following) -> None:
        """Care for the add-ons until cancelled."""
        intervals = self._intervals
        addons = Following(hub, _wire.ADDONS, intervals, self._names.cluster)
        leases = AddOnLeases(
            self._names.cluster, hub, self._spoke, self._management, addons, self._recorder,
            intervals.addon_lease_controller_lease_duration_seconds, self._now,
        )  # fmt: skip

        async def sync() -> float | None:
            return await self._sync(hub, requests, addons)

        registration = self._controller(
            'AddOnRegistrationController', sync, intervals.addon_registration_sync_interval.total_seconds()
        )
        lease = self._controller(
            'ManagedClusterAddOnLeaseController', leases.sync,
            intervals.addon_lease_controller_sync_interval.total_seconds(),
        )  # fmt: skip
        addons.listen(registration.wake)
        try:
            await together(addons.run(), registration.run(), lease.run())
        finally:
            for kept in self._kept.values():
                await kept.stop()

    def _controller(self, name: str, sync: Callable[[], Any], interval_s: float) -> Controller:
        return Controller(name, sync, interval_s, self._intervals, self._metrics)

    async def _sync(self, hub: Client, requests: Following, addons: Following) -> float | None:
        if not addons.ready.is_set():
            return None
        listed = addons.cache.all()
        now = {each.key: each for addon in listed if not is_ending(addon) for each in wanted(addon)}
        ending = {addon['metadata']['name'] for addon in listed if is_ending(addon)}
        for key, kept in list(self._kept.items()):
            if key not in now and kept.registration.addon not in ending:
                await kept.stop()
                await self._delete(kept.registration)
                del self._kept[key]
        if not self._is_swept:
            await self._sweep({each.secret for each in now.values()}, ending)
            self._is_swept = True
        for key, registration in now.items():
            kept = self._kept.setdefault(key, _Kept(registration))
            if kept.task is None or kept.task.done():
                kept.task = asyncio.ensure_future(self._keep(kept, hub, requests, addons))
        return None

    def _client(self, registration: Registration) -> Client:
        return self._management if registration.is_hosted else self._spoke

    async def _delete(self, registration: Registration) -> None:
        """Delete the secret of a registration that is no more, unless another one has it by now."""
        await Place(self._client(registration), registration.namespace, registration.secret).delete()
        await self._pending(registration).delete()
        _log.info('add-on %s: secret %s is deleted', registration.addon, registration.secret)

    async def _sweep(self, wanted_names: set[str], ending: set[str]) -> None:
        """Delete secrets of add-ons that ended while no agent ran."""
        labels = f'{CLUSTER_LABEL}={self._names.cluster},{ADDON_LABEL}'
        for client in dict.fromkeys((self._spoke, self._management)):
            try:
                found = [each async for each in client.items(resources.SECRETS, labels=labels)]
            except kubernetes.Forbidden:
                continue  # only those of some namespaces are ours to see
            for secret in found:
                meta = secret['metadata']
                name, addon = meta['name'], meta['labels'][ADDON_LABEL]
                if name.removesuffix('-pending') not in wanted_names and addon not in ending:
                    await Place(client, meta['namespace'], name).delete()
                    _log.info('add-on %s ended while no agent ran: secret %s is deleted', addon, name)

    def _pending(self, registration: Registration) -> Place:
        return Place(self._management, self._namespace, f'{registration.secret}-pending')

    async def _keep(self, kept: _Kept, hub: Client, requests: Following, addons: Following) -> None:
        """Run the machine of a registration until cancelled."""
        registration = kept.registration
        machine = self._machine(kept, hub, requests, addons)
        title = f'ClientCertController@addon:{registration.addon}:signer:{registration.signer}'
        controller = self._controller(title, machine.sync, self._intervals.controller_resync_interval.total_seconds())
        requests.listen(controller.wake)
        try:
            await controller.run()
        finally:
            requests.forget(controller.wake)

    def _machine(self, kept: _Kept, hub: Client, requests: Following, addons: Following) -> Machine:
        registration, cluster = kept.registration, self._names.cluster
        is_client = registration.signer == _names.CLIENT_SIGNER
        labels = {CLUSTER_LABEL: cluster, ADDON_LABEL: registration.addon}

        async def report(ok: bool, reason: str, message: str) -> None:
            condition = _conditions.condition(_conditions.ROTATED, ok, reason, message)
            await self._report(hub, addons, registration.addon, condition)

        return Machine(
            Wanted(
                title=f'certificate of add-on {registration.addon} by {registration.signer}',
                subject=_names.addon_subject(
                    self._names, registration.addon, registration.signer, dict(registration.subject)
                ),
                generate_name=f'addon-{cluster}-{registration.addon}-',
                labels=labels,
                signer=registration.signer,
                secret_labels=labels,
                kubeconfig=self._kubeconfig if is_client else None,
                is_kubeconfig_fine=_hub_kubeconfig.is_usable if is_client else None,
            ),
            requests,
            Place(self._client(registration), registration.namespace, registration.secret),
            self._pending(registration),
            kept.memory,
            report=report, saved=None, recorder=self._recorder,
            metrics=self._metrics.of(certificate=f'addon:{registration.addon}'), note=lambda _: None,
            intervals=self._intervals, chance=self._chance.random, now=self._now,
        )  # fmt: skip

    async def _report(self, hub: Client, addons: Following, name: str, condition: Mapping[str, Any]) -> None:
        addon = addons.get(name, self._names.cluster)
        if addon is None:
            return

        def edit(read: Object) -> Mapping[str, Any]:
            conditions = _conditions.put(_conditions.of(read), condition, self._now())
            return {**(read.get('status') or {}), 'conditions': conditions}

        await _status.change(hub, _wire.ADDONS, addon, edit)
