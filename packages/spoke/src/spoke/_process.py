"""The process around an agent: signals, leader election, health, exit codes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import resource
import signal
import socket
import uuid
from asyncio import sslproto
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Configuration, InvalidConfiguration, Shared, in_cluster, kubeconfig

from . import _files, _intervals, _options
from ._config import ControllerContext, SpokeAgentConfig
from ._fleet import Fleet
from ._gate import Gate
from ._given import reach
from ._leader import Leader, Times
from ._metrics import Metrics
from ._options import InvalidOptions, ProcessOptions
from ._running import stopped
from ._server import Server

_log = logging.getLogger(__name__)
_ACCOUNT = Path('/var/run/secrets/kubernetes.io/serviceaccount/namespace')
_GRACE_S = 10.0
_MOST_LOOKUPS = 32  # at once
FAILED, NO_CLUSTER = 1, 255  # as the Go agent ends


@dataclass(frozen=True)
class ServingConfig:
    """What the file of --config says."""

    listen: str = ''
    pair: tuple[Path, Path] | None = None
    is_open: bool = False  # /metrics without authentication

    @classmethod
    def read(cls, path: Path) -> ServingConfig:
        """Raises InvalidConfiguration, naming file and key."""
        try:
            document: Any = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise InvalidConfiguration(f'--config: cannot read {path}: {error}') from error
        if not isinstance(document, dict):
            raise InvalidConfiguration(f'--config: {path} is no mapping')
        serving, found = document.get('servingInfo') or {}, {}
        for key in ('authentication', 'authorization', 'servingInfo'):
            found[key] = document.get(key) or {}
            if not isinstance(found[key], dict):
                raise InvalidConfiguration(f'--config: {key} in {path} is no mapping')
        address = str(serving.get('bindAddress') or '')
        if address and not _options.is_address(address):
            raise InvalidConfiguration(f'--config: bindAddress in {path}: {address!r} is no HOST:PORT')
        files = (str(serving.get('certFile') or ''), str(serving.get('keyFile') or ''))
        pair = (Path(files[0]), Path(files[1])) if all(files) else None
        is_open = bool(found['authentication'].get('disabled')) and bool(found['authorization'].get('disabled'))
        return cls(address, pair, is_open)


class Signals:
    """TERM and INT: the first asks for an end, the second does not wait for it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def __enter__(self) -> Signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)

    def _heard(self) -> None:
        if self.asked.is_set():
            os._exit(FAILED)
        self.asked.set()


class Work(Protocol):
    """What a process is for."""

    def checks(self) -> Mapping[str, Callable[[], str]]: ...

    def waiting(self) -> list[str]: ...

    async def run(self, context: ControllerContext) -> None: ...


@dataclass(frozen=True)
class OneAgent:
    config: SpokeAgentConfig

    def checks(self) -> Mapping[str, Callable[[], str]]:
        return {check.name: check.check for check in self.config.options.get_health_checkers()}

    def waiting(self) -> list[str]:
        return sorted(self.config.options.health.notes)

    async def run(self, context: ControllerContext) -> None:
        await self.config.run_spoke_agent(context)


@dataclass
class ManyAgents:
    path: Path
    fleet: Fleet | None = None  # once it runs

    def checks(self) -> Mapping[str, Callable[[], str]]:
        """Return none: agents of a fleet begin anew in place where a process of one waits to be killed."""
        return {}

    def waiting(self) -> list[str]:
        return self.fleet.waiting() if self.fleet else []

    async def run(self, context: ControllerContext) -> None:
        threads = concurrent.futures.ThreadPoolExecutor(_MOST_LOOKUPS, 'lookup')
        asyncio.get_running_loop().set_default_executor(threads)  # names that nobody answers for hold up few others
        self.fleet = Fleet(self.path, context.kube_config, context.metrics, namespace=context.namespace)
        await self.fleet.run()


@dataclass
class Process:
    """One `spoke agent`: `run()` returns its exit code."""

    options: ProcessOptions
    work: Work
    metrics: Metrics = field(default_factory=Metrics)
    server: Server | None = None

    async def run(self) -> int:
        with Signals() as signals:
            try:
                management = self._management()
                serving = ServingConfig.read(Path(self.options.config)) if self.options.config else ServingConfig()
                namespace = self._namespace()
                shared = Shared()  # with the one agent: a fleet has its own, where it waits for turns
                client = Client(reach(management, shared))
            except InvalidConfiguration as error:
                _log.error('cannot start: %s', error)
                return NO_CLUSTER
            try:
                async with client:
                    return await self._serving(client, management, shared, serving, namespace, signals)
            except OSError as error:
                _log.error('cannot listen on %s: %s', serving.listen or self.options.listen, error)
                return FAILED
            finally:
                await shared.close()

    def _management(self) -> Configuration:
        if self.options.kubeconfig:
            return kubeconfig.load(self.options.kubeconfig)
        return in_cluster.load()

    def _namespace(self) -> str:
        """Return the namespace of the lease and of events. Raises InvalidConfiguration."""
        found = self.options.namespace or (_files.read(_ACCOUNT) or b'').decode().strip()
        if not found and not self.options.disable_leader_election:
            why = 'no namespace for the lease of the leader: not in a pod, and no --namespace'
            raise InvalidConfiguration(f'{why} (or --disable-leader-election)')
        return found

    async def _serving(
        self,
        client: Client,
        management: Configuration,
        shared: Shared,
        serving: ServingConfig,
        namespace: str,
        signals: Signals,
    ) -> int:
        listen = serving.listen or self.options.listen
        gate = Gate(client, is_open=serving.is_open)
        async with Server(
            listen, self.work.checks(), self.metrics.text, gate, serving.pair, self.work.waiting
        ) as self.server:
            _log.info('health is served on port %d', self.server.port)
            context = ControllerContext(
                management, namespace, metrics=self.metrics, is_embedded=self.options.restart_in_place, shared=shared
            )
            if self.options.disable_leader_election:
                return await self._until_signal(self._work(context, NO_CLUSTER), signals)
            times = Times(
                self.options.leader_election_lease_duration,
                self.options.leader_election_renew_deadline,
                self.options.leader_election_retry_period,
            )
            leader = Leader(client, namespace, f'{socket.gethostname()}_{uuid.uuid4()}', times)
            try:
                return await self._until_signal(self._as_leader(leader, context), signals)
            finally:
                await leader.release()

    async def _as_leader(self, leader: Leader, context: ControllerContext) -> int:
        await leader.acquire()
        self.metrics.set('leader_election_master_status', 1, name='registration-agent-lock')
        work = asyncio.ensure_future(self._work(context, FAILED))
        lost = asyncio.ensure_future(leader.hold())
        try:
            await asyncio.wait([work, lost], return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else 0
        finally:
            self.metrics.set('leader_election_master_status', 0, name='registration-agent-lock')
            await stopped(work, lost)  # type: ignore[arg-type]

    async def _work(self, context: ControllerContext, start_failed: int) -> int:
        """Run the agent; returns the exit code for its end."""
        agent = asyncio.ensure_future(self.work.run(context))
        changed = asyncio.ensure_future(_until_changed(self.options.terminate_on_files, self._poll_s()))
        try:
            await asyncio.wait([agent, changed], return_when=asyncio.FIRST_COMPLETED)
            if not agent.done():
                return 0
            agent.result()
        except InvalidOptions as error:
            for fault in error.faults:
                _log.error('%s', fault)
            return FAILED
        except (InvalidConfiguration, kubernetes.Error, OSError) as error:
            _log.error('cannot start: %s', error)
            return start_failed
        finally:
            await stopped(agent, changed)
        return FAILED

    def _poll_s(self) -> float:
        return _intervals.current().terminate_on_files_interval.total_seconds()

    async def _until_signal(self, work: Any, signals: Signals) -> int:
        """Return the code of the work, or 0 once a signal has ended it."""
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(signals.asked.wait())
        try:
            await asyncio.wait([task, asked], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return int(task.result())
            task.cancel()
            _, late = await asyncio.wait([task], timeout=_GRACE_S)
            return FAILED if late else 0
        finally:
            await stopped(task, asked)  # type: ignore[arg-type]


async def _until_changed(paths: Sequence[str], poll_s: float) -> None:
    """Return when the content of one of the files is another; without files, never."""
    first: Mapping[str, bytes | None] = {path: _files.read(Path(path)) for path in paths}
    while True:
        await asyncio.sleep(poll_s)
        for path, content in first.items():
            if _files.read(Path(path)) != content:
                _log.info('%s has changed: ends', path)
                return


def run(options: ProcessOptions, work: Work) -> int:
    """Run a process to its end; returns the exit code."""
    # asyncio holds a buffer of 256 KiB for each TLS connection; a record of TLS has 16, and watches are many
    if hasattr(sslproto.SSLProtocol, 'max_size'):
        sslproto.SSLProtocol.max_size = 16 * 1024
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))  # a fleet has a dozen sockets an agent
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(Process(options, work).run())
    return 0
