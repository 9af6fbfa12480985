"""Two clusters for an agent: a hub and a spoke, each an API server (a stand-in, or a real one) with its etcd.

SPOKE_HUB=real takes the real programs where they are found (see tests/contract/conftest.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
import spoke
import yaml
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Configuration, Object, Tls, bearer, resources
from spoke import _hub_standin, _running, _wire
from spoke._hub_standin import _definitions, _faults, _front, _hub, _rights
from spoke._hub_standin._signer import Signer
from spoke._intervals import Intervals

from tests.contract import _certificates, _programs

ADMIN = 'admin-token'
TOKENS = """\
admin-token,admin,admin,"system:masters"
bootstrap-token,bootstrap,bootstrap
second-token,bootstrap,bootstrap2
nobody-token,nobody,nobody
neighbour-token,neighbour,neighbour
"""
FAST = Intervals(
    controller_resync_interval=timedelta(seconds=2),
    creating_controller_sync_interval=timedelta(hours=1),
    recreation_delay=timedelta(seconds=0.2),
    addon_lease_controller_sync_interval=timedelta(seconds=0.3),
    addon_registration_sync_interval=timedelta(seconds=2),
    client_cert_health_check_interval=timedelta(seconds=0.2),
    bootstrap_poll_interval=timedelta(seconds=0.1),
    denied_request_backoff=timedelta(seconds=1),
    retry_longest=timedelta(seconds=0.5),
    call_timeout=timedelta(seconds=20),
)


@dataclass
class Cluster:
    """An API server with its etcd."""

    folder: Path
    server: str
    authority: Any  # issues certificates that it trusts
    is_real: bool = False

    @property
    def ca(self) -> bytes:
        return Path(self.authority.path).read_bytes()

    def configuration(self, token: str = ADMIN) -> Configuration:
        return Configuration(self.server, tls=Tls(ca=self.ca), authentication=bearer(token))

    def kubeconfig(self, path: Path, token: str = ADMIN, **cluster: object) -> Path:
        where = {'server': self.server, 'certificate-authority': str(self.authority.path), **cluster}
        document = {
            'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c',
            'clusters': [{'name': 'k', 'cluster': where}],
            'users': [{'name': 'u', 'user': {'token': token}}],
            'contexts': [{'name': 'c', 'context': {'cluster': 'k', 'user': 'u'}}],
        }  # fmt: skip
        path.write_text(yaml.safe_dump(document))
        path.chmod(0o600)
        return path


def _started(
    folder: Path, stack: contextlib.ExitStack, *, is_real: bool, is_old: bool = False, listen: str = '127.0.0.1'
) -> Cluster:
    """is_old: it serves certificate requests as v1beta1 only."""
    folder.mkdir()
    authority = _certificates.Authority(folder)
    server, key = authority.issue('server', 'kube-apiserver')
    (folder / 'tokens.csv').write_text(TOKENS)
    real = _programs.real_programs() if is_real else None
    etcd, peers, port = (_programs.free_port() for _ in range(3))
    urls = {'listen-client-urls': f'http://127.0.0.1:{etcd}', 'advertise-client-urls': f'http://127.0.0.1:{etcd}',
            'listen-peer-urls': f'http://127.0.0.1:{peers}', 'initial-advertise-peer-urls': f'http://127.0.0.1:{peers}',
            'initial-cluster': f'a=http://127.0.0.1:{peers}'}  # fmt: skip
    storage = {'name': 'a', 'data-dir': folder / 'etcd', **urls}
    stack.enter_context(_programs.started(folder, 'etcd', storage, version='3.4.23', real=real))
    flags = {
        'etcd-servers': f'http://127.0.0.1:{etcd}', 'secure-port': port, 'bind-address': listen,
        'tls-cert-file': server, 'tls-private-key-file': key, 'client-ca-file': authority.path,
        'token-auth-file': folder / 'tokens.csv', 'authorization-mode': 'RBAC',
        'service-cluster-ip-range': '10.152.183.0/24', 'service-account-issuer': 'https://kubernetes.default.svc',
        'service-account-signing-key-file': key, 'service-account-key-file': server,
        'endpoint-reconciler-type': 'none', 'allow-privileged': 'true',
    }  # fmt: skip
    if is_old and real:
        flags['runtime-config'] = 'certificates.k8s.io/v1=false'
    elif is_old:
        flags['insecure-port'] = 0  # it would be 8080, which is another's by now
    version = 'v1.18.20' if is_old else _programs.VERSION
    stack.enter_context(_programs.started(folder, 'kube-apiserver', flags, real=real, version=version))
    found = Cluster(folder, f'https://127.0.0.1:{port}', authority, is_real=bool(real))
    admin = _programs.Http(found.server, authority.path, token='admin-token')
    _programs.eventually(lambda: admin.call('GET', '/readyz')[0] == 200)
    return found


@contextlib.contextmanager
def two(folder: Path, *, is_real: bool) -> Iterator[tuple[Cluster, Cluster]]:
    """Run a hub's and a spoke's cluster for as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        hub, spoke_ = (_started(folder / name, stack, is_real=is_real) for name in ('hub', 'spoke'))
        yield hub, spoke_


@contextlib.contextmanager
def old(like: Cluster, folder: Path) -> Iterator[Cluster]:
    """Run a cluster that serves certificate requests as v1beta1 only, real if the other one is."""
    with contextlib.ExitStack() as stack:
        yield _started(folder, stack, is_real=like.is_real, is_old=True)


@pytest.fixture(scope='session')
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Cluster]]:
    with two(tmp_path_factory.mktemp('spoke'), is_real=os.environ.get('SPOKE_HUB') == 'real') as found:
        yield found


_numbers = itertools.count()


@dataclass
class Rule:
    """How a request fails whose first line begins with `match`."""

    match: str
    code: int = 0  # 0: it is answered, after all
    message: str = 'a fault was asked for'
    delay_s: float = 0.0
    times: float = float('inf')


class Door(_hub_standin.Front):
    """A front that lets some requests fail: those of `rules`."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__('127.0.0.1:0', cluster.configuration(), signer(cluster))
        self.rules: list[Rule] = []
        self.seen: list[str] = []  # method and target of each request

    @contextlib.contextmanager
    def fails(self, match: str, **how: Any) -> Iterator[None]:
        """Let requests fail for as long as the block lasts."""
        rule = Rule(match, **how)
        self.rules.append(rule)
        try:
            yield
        finally:
            self.rules.remove(rule)

    async def _answer(self, head: bytes, client: Any) -> None:
        line = head.split(b'\r\n', 1)[0].decode('latin-1')
        self.seen.append(line)
        rule = next((each for each in self.rules if line.startswith(each.match) and each.times > 0), None)
        if rule:
            rule.times -= 1
            await asyncio.sleep(rule.delay_s)
            if rule.code:
                await _front._write(client[1], rule.code, _front._status(rule.code, 'Fault', rule.message))
                return
        await super()._answer(head, client)


@dataclass
class Field:
    """A hub with its controllers, a spoke, and room for agents; names are the test's own."""

    hub_cluster: Cluster
    spoke_cluster: Cluster
    hub: Client
    spoke: Client
    folder: Path
    name: str
    namespace: str
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def bootstrap(self) -> Path:
        return self.folder / 'bootstrap.kubeconfig'

    @property
    def dir(self) -> Path:
        return self.folder / 'hub-kubeconfig'

    def config(
        self, *, intervals: Intervals = FAST, gates: dict[str, bool] | None = None, **more: Any
    ) -> spoke.SpokeAgentConfig:
        common = spoke.AgentOptions(
            spoke_cluster_name=more.pop('cluster', self.name), agent_id=more.pop('agent_id', 'b2c4d'),
            hub_kubeconfig_dir=str(self.dir), component_namespace=self.namespace, kube_api_qps=0,
            spoke_kubeconfig=more.pop('spoke_kubeconfig', ''),
        )  # fmt: skip
        more = {
            'bootstrap_kubeconfig': str(self.bootstrap),
            'cluster_health_check_period': timedelta(seconds=1),
            **more,
        }
        made = spoke.SpokeAgentConfig(common, spoke.SpokeAgentOptions(**more), feature_gates=gates)
        made.intervals = intervals
        return made

    def start(
        self, config: spoke.SpokeAgentConfig, management: Configuration | None = None, **context: Any
    ) -> asyncio.Task[None]:
        where = management or self.spoke_cluster.configuration()
        task = asyncio.ensure_future(config.run_spoke_agent(spoke.ControllerContext(where, **context)))
        self.tasks.append(task)
        return task

    @contextlib.asynccontextmanager
    async def front(self) -> AsyncIterator[Door]:
        """Lead agents to the hub through a door where it can be made to fail: hand it to `hub_runs`."""
        async with Door(self.hub_cluster) as made:
            replace(self.hub_cluster, server=made.url).kubeconfig(self.bootstrap, 'bootstrap-token')
            try:
                yield made
            finally:
                await self.fault('')

    async def fault(self, words: str) -> None:
        await _hub_standin.fault(self.hub, self.faults(words))

    @staticmethod
    def faults(words: str) -> _hub_standin.Faults:
        return _faults.parse(words.split())

    def configuration_of(self, front: _hub_standin.Front, token: str = ADMIN, **more: Any) -> Configuration:
        return replace(self.hub_cluster.configuration(token), server=front.url, **more)

    def hub_runs(self, front: _hub_standin.Front | None = None, **settings: Any) -> asyncio.Task[None]:
        made = _hub_standin.HubStandIn(
            self.hub, signer(self.hub_cluster), _hub.Settings(intervals=FAST, **settings), front=front
        )
        task = asyncio.ensure_future(made.run())
        self.tasks.append(task)
        return task

    async def stop(self, *tasks: asyncio.Task[None]) -> None:
        await _running.stopped(*tasks)

    async def cluster(self) -> Object | None:
        return await self.hub.find(_wire.MANAGED_CLUSTERS, self.name)

    async def requests(self) -> list[Object]:
        return [each async for each in self.hub.items(_wire.CSRS, labels=_wire.labels(self.name))]

    async def secret(self, name: str = 'hub-kubeconfig-secret') -> Object | None:
        return await self.spoke.find(resources.SECRETS, name, self.namespace)

    async def condition(self, kind: str) -> str:
        conditions = ((await self.cluster() or {}).get('status') or {}).get('conditions') or []
        return next((each['status'] for each in conditions if each['type'] == kind), '')

    async def until(self, check: Callable[[], Awaitable[Any]], timeout_s: float = 90.0) -> Any:
        """Return the first true answer."""
        deadline = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(kubernetes.NotFound):
                if answer := await check():
                    return answer
            for task in self.tasks:
                if task.done() and not task.cancelled() and task.exception():
                    raise AssertionError('a part ended') from task.exception()
            assert time.monotonic() < deadline, f'still not so after {timeout_s:g} s'
            await asyncio.sleep(0.03)

    async def joined(self) -> None:
        await self.until(self._is_joined)

    async def _is_joined(self) -> bool:
        return await self.condition('ManagedClusterConditionAvailable') == 'True'

    async def approved(self) -> None:
        """Approve once there is something to approve."""
        await self.until(lambda: _hub_standin.approve(self.hub, self.name))


def signer(cluster: Cluster) -> Signer:
    """Return who signs what a cluster's API server trusts for clients."""
    return Signer.from_pem(cluster.ca, _authority_key(cluster.authority))


def aged(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """Have certificates issued that are to be rotated in six to eight seconds, and end eight to ten after that.

    Returns their life, more than half of which is over: a short one leaves a busy machine little time between the two.
    """
    real = Signer.sign
    monkeypatch.setattr(
        Signer, 'sign', lambda self, request, life, now: real(self, request, life, now - timedelta(seconds=4))
    )
    return timedelta(seconds=40)


def _authority_key(authority: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key: bytes = authority._key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key


FieldT = TypeVar('FieldT', bound=Field)


@contextlib.asynccontextmanager
async def made(clusters: tuple[Cluster, Cluster], folder: Path, kind: type[FieldT]) -> AsyncIterator[FieldT]:
    """Make a field of that kind for one test. What a test leaves open of tasks and descriptors is an error."""
    hub_cluster, spoke_cluster = clusters
    name = f'edge-{os.getpid()}-{next(_numbers)}'
    before, open_before = asyncio.all_tasks(), descriptors()
    async with Client(hub_cluster.configuration()) as hub, Client(spoke_cluster.configuration()) as spoke_client:
        found = kind(hub_cluster, spoke_cluster, hub, spoke_client, folder, name, f'ocm-{name}')
        await _hub_standin.HubStandIn(hub, signer(hub_cluster)).prepare()
        for resource, body in _rights.bootstrap('spoke-bootstrap', 'bootstrap'):
            await _hub.make(hub, resource, body)
        await _hub.install(spoke_client, _definitions.OF_SPOKE)
        await _hub.make(spoke_client, resources.NAMESPACES, {'metadata': {'name': found.namespace}})
        hub_cluster.kubeconfig(found.bootstrap, 'bootstrap-token')
        try:
            yield found
        finally:
            await found.stop(*found.tasks)
            await hub.delete_all(_wire.CSRS, labels=_wire.labels(name))
            for client, resource in ((spoke_client, _wire.CLAIMS), (spoke_client, resources.NODES)):
                await client.delete_all(resource)
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, left
    await _until_closed(open_before)


def descriptors() -> dict[int, str]:
    """Return what this process has open: files, sockets, memory."""
    found = {}
    for path in Path('/proc/self/fd').iterdir():
        with contextlib.suppress(OSError):  # that of the look itself is closed by now
            found[int(path.name)] = str(path.readlink())
    return found


async def _until_closed(before: dict[int, str]) -> None:
    """Wait until nothing is open that was not before: transports close in a later turn of the loop."""
    deadline = time.monotonic() + 60
    while left := {number: what for number, what in descriptors().items() if before.get(number) != what}:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.001)


@pytest_asyncio.fixture
async def world(clusters: tuple[Cluster, Cluster], tmp_path: Path) -> AsyncIterator[Field]:
    async with made(clusters, tmp_path, Field) as found:
        yield found
