"""The certificate by which the hub knows us: its files, its secret, and the machine that keeps it.

Both phases of an agent work on it, one after the other, and what it remembers outlives them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, InvalidConfiguration, discovery

from . import _bootstrap, _features, _files, _hub_kubeconfig, _names, _validity, _wire
from ._bootstrap import Bootstrap
from ._given import Given, Sync
from ._machine import Machine, Memory, Report, Wanted
from ._names import Names
from ._running import Controller, Following, Signal
from ._secrets import Place


class HubCertificate:
    """Files, secret and memory of one agent's certificate for its hub."""

    def __init__(self, given: Given, bootstrap: Bootstrap) -> None:
        self.given = given
        self.names = Names('', '')  # until they are chosen
        self.folder = Path(given.common.hub_kubeconfig_dir)
        self.kubeconfig = given.common.hub_kubeconfig_file
        self.secret = Place(given.management, given.namespace, given.options.hub_kubeconfig_secret)
        self.pending = Place(given.management, given.namespace, f'{given.options.hub_kubeconfig_secret}-pending')
        self.files_changed = Signal()
        self.acting = asyncio.Lock()  # held while a certificate is asked for or saved
        self.controller: Controller | None = None  # that runs the machine now
        self._bootstrap = bootstrap
        self._memory = Memory()

    def fault(self) -> str:
        """Return why the hub's kubeconfig cannot be used, '' if it can."""
        return _validity.fault(self.folder, self.kubeconfig, self._bootstrap.path, self.names, self.given.now())

    def mirror(self, data: Mapping[str, bytes]) -> None:
        """Let the files be as the secret is. Raises OSError."""
        note = self.given.options.health.note
        try:
            changed = _files.mirror(self.folder, data)
        except OSError as error:
            note('files', f'a folder {self.folder} that can be written ({error})')
            raise
        note('files', '')
        for name in changed:
            self.given.recorder.event('FileUpdated', f'{self.folder / name} is as the secret {self.secret.name} says')
        if {'tls.crt', 'tls.key', 'kubeconfig'} & set(changed):
            self.files_changed.set()

    def wake(self) -> None:
        """Let the machine look again."""
        if self.controller:
            self.controller.wake()

    async def request_resource(self, client: Client) -> kubernetes.Resource:
        """Return the version of certificate requests that the hub serves, where we are told to look."""
        if not _features.is_on(self.given.gates, _features.V1BETA1_CSR):
            return _wire.CSRS
        found = await discovery.resources(client, group=_wire.CSRS.group)
        served = {each.resource.version for each in found if each.resource.plural == _wire.CSRS.plural}
        return _wire.CSRS_V1BETA1 if 'v1' not in served and 'v1beta1' in served else _wire.CSRS

    def machine(self, requests: Following, report: Report | None) -> Machine:
        """Return the machine. report: tells the hub the condition; None while we are nobody there: it bootstraps."""
        given, names = self.given, self.names
        wanted = Wanted(
            title=f'hub certificate of {names.cluster}',
            subject=_names.hub_subject(names),
            generate_name=f'{names.cluster}-',
            labels=_wire.labels(names.cluster),
            signer=_names.CLIENT_SIGNER,
            expiration_s=given.options.client_cert_expiration_seconds,
            kept={'cluster-name': names.cluster.encode(), 'agent-name': names.agent.encode()},
            kubeconfig=self.rendered if report else self._first_rendered,
            is_kubeconfig_fine=_hub_kubeconfig.is_usable,
        )
        return Machine(
            wanted, requests, self.secret, self.pending, self._memory,
            report=report, saved=self._saved, recorder=given.recorder, metrics=given.metrics.of(certificate='hub'),
            note=lambda text: given.options.health.note('certificate', text), intervals=given.intervals,
            chance=given.chance.random, now=given.now,
        )  # fmt: skip

    def one_at_a_time(self, machine: Machine) -> Sync:
        """Return the machine's `sync`, which nobody breaks off who waits for `acting`."""

        async def sync() -> float | None:
            async with self.acting:
                return await machine.sync()

        return sync

    def rendered(self) -> bytes:
        """Return the kubeconfig for a secret: that of the folder goes on, if it leads anywhere."""
        with contextlib.suppress(InvalidConfiguration):
            return _hub_kubeconfig.rendered(_bootstrap.hub(self.kubeconfig))
        return self._first_rendered()

    def _first_rendered(self) -> bytes:
        return _hub_kubeconfig.rendered(_bootstrap.hub(self._bootstrap.path))

    async def _saved(self, data: Mapping[str, bytes]) -> None:
        self.mirror(data)
