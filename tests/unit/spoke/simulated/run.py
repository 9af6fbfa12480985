"""One simulated life of an agent, drawn from a seed: hub and spoke in memory, virtual time, faults, deaths, restarts.

`Run(seed, folder, base).go()` raises AssertionError where a promise is broken, naming the seed; its `trace` is all that
was asked of the servers, and the same for the same seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Limits, Shared, resources
from spoke import _certificates, _files, _hub_standin, _running, _validity, _wire
from spoke._agent import Agent
from spoke._given import Given, SpokeSide, reach
from spoke._hub_standin import _definitions
from spoke._hub_standin._faults import Faults
from spoke._intervals import Intervals
from spoke._metrics import Metrics
from spoke._names import Names
from spoke._options import AgentOptions, SpokeAgentOptions
from spoke._running import Following

from tests.unit.spoke.simulated import servers
from tests.unit.spoke.simulated.base import EPOCH, NAMESPACE, Base, collected, configuration, virtual
from tests.unit.spoke.simulated.loop import PROCESS, Loop, Process

KEYS = ['agent-name', 'cluster-name', 'kubeconfig', 'tls.crt', 'tls.key']
_MINUTE = 60.0
_PROBE_S, _PROBES = 10.0, 3  # the platform's liveness probe
_MOST_A_MINUTE = 400  # requests of one agent
_RECOVERY_S = 30 * _MINUTE  # after the last fault; the longest pause after denials is in it
_AFTER_DENIAL = timedelta(seconds=119)
_OPEN = ('pending', 'approved')
_KINDS = (
    'down', 'silent', 'slow', 'refuse', 'losing', 'cut', 'forgets', 'gone', 'secret', 'garbage', 'file', 'no-signing',
    'wrong', 'token', 'unaccept', 'delete', 'skew',
)  # fmt: skip
_FAULTS_S = 12 * _MINUTE  # as long may faults begin and processes die


class Recorder:
    """Counts what the agent says."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def event(self, reason: str, message: str) -> None:
        self.reasons[reason] += 1

    def warning(self, reason: str, message: str) -> None:
        self.reasons[reason] += 1


class Run:
    """See the module."""

    def __init__(self, seed: int, folder: Path, base: Base, beside: Run | None = None) -> None:
        """beside: whose process it shares, with clusters of its own."""
        self.seed, self.folder, self.base = seed, folder, base
        self.loop = beside.loop if beside else Loop()
        self.shared: Shared | None = beside.shared if beside else None
        self.chance = random.Random(seed)
        self.trace: list[tuple[float, str, str, str]] = []
        self.hub, self.spoke = (
            servers.Server(name, f'{name}{"-2" * bool(beside)}.example', base.signer.pem, base.tokens)
            for name in ('hub', 'spoke')
        )
        self.names = Names('edge-8' if beside else 'edge-7', 'b2c4d')
        self.recorder = Recorder()
        self.health: Any = None
        self.deaths = 0
        self.may_die = True
        self.process = Process()
        self.life = timedelta(minutes=self.chance.choice((15, 25, 60)))
        self.lease_s = self.chance.choice((60, 120, 300))
        # The clock of the agent; a certificate that ends before it begins is for nobody to join with.
        self.ahead = timedelta(minutes=self.chance.choice((0, 0, 10)) if self.life > timedelta(minutes=20) else 0)
        self.is_http2 = self.chance.random() < 0.1  # as kube-apiserver is; what stands before one may not be
        self.auto = self.chance.random() < 0.5
        # a server need not send bookmarks as often as kube-apiserver does, or at all: what is resumed is then older
        self.spoke.storage.bookmark_s = self.hub.storage.bookmark_s = self.chance.choice((60.0, 600.0, 3600.0))
        self.seen: set[bytes] = set()  # all that the secret ever held, and what a fault put into a file
        self.worst_gap_s = 0.0
        self.broken: list[str] = []  # promises, as servers saw
        self._renewed: datetime | None = None
        self._minute: Counter[int] = Counter()

    def go(self) -> None:
        """Live that life."""
        with collected(), virtual(self.loop, self.seed), contextlib.closing(self.loop):
            try:
                self.loop.run_until_complete(self._lives())
            except AssertionError as error:
                raise AssertionError(f'seed {self.seed}, at {self.loop.time():.3f} s: {error}') from error

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.loop.time())

    def _cluster(self) -> Any:
        return self.hub.storage.get(_definitions.OF_HUB[0]['metadata']['name'], '', self.names.cluster)

    def _requests(self) -> list[Any]:
        return self.hub.storage.objects('certificatesigningrequests')

    # the world

    async def _lives(self) -> None:
        await self._go()

    async def _go(self) -> None:
        for server, saved in ((self.hub, self.base.hub), (self.spoke, self.base.spoke)):
            server.is_http2 = self.is_http2
            server.storage.restore(saved)
            server.now, server.chance, server.told = self.now, self.chance, self._told
            await server.start(self.loop)
        self.hub.storage.written, self.spoke.storage.written = self._hub_wrote, self._spoke_wrote
        self._bootstrap('bootstrap-token')
        async with Client(configuration(self.hub)) as hub, Client(configuration(self.spoke)) as spoke:
            self.admin, self.spoke_admin = hub, spoke
            users = frozenset({'bootstrap'} if self.auto else ())
            settings = _hub_standin.Settings(self.life, users, look_interval=timedelta(minutes=1))
            self.standin = _hub_standin.HubStandIn(hub, self.base.signer, settings, self.now)
            tasks = [
                self.loop.create_task(each)
                for each in (self.standin.run(), self._administrate(), self._platform(), self._live_through_faults())
            ]
            try:
                ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task in ended:
                        task.result()
                assert tasks[3] in ended, 'a part of the simulation ended'
            finally:
                await _running.stopped(*tasks)
            assert not (why := self._not_joined()), why
        for server in (self.hub, self.spoke):
            await server.stop()

    def _bootstrap(self, token: str, ca_file: str = '') -> None:
        ca = {'certificate-authority-data': _wire.encoded(self.hub.ca)}
        cluster = {'server': self.hub.url, **({'certificate-authority': ca_file} if ca_file else ca)}
        document = {
            'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c',
            'clusters': [{'name': 'k', 'cluster': cluster}], 'users': [{'name': 'u', 'user': {'token': token}}],
            'contexts': [{'name': 'c', 'context': {'cluster': 'k', 'user': 'u'}}],
        }  # fmt: skip
        path = self.folder / 'bootstrap.kubeconfig'
        path.write_text(yaml.safe_dump(document))
        path.chmod(0o600)

    async def _administrate(self) -> None:
        """Accept the cluster and approve its requests, each after a while; deny some at first."""
        denials = self.chance.choice((0, 0, 0, 1, 2))
        await asyncio.sleep(self.chance.uniform(1, 5 * _MINUTE))
        while True:
            with contextlib.suppress(kubernetes.Error):
                cluster = self._cluster()
                if cluster and not cluster['spec'].get('hubAcceptsClient'):
                    patch = {'spec': {'hubAcceptsClient': True, 'leaseDurationSeconds': self.lease_s}}
                    await self.admin.patch(_wire.MANAGED_CLUSTERS, self.names.cluster, patch)
                if not any(_wire.request_state(each) == 'pending' for each in self._requests()):
                    pass
                elif denials and await _hub_standin.deny(self.admin, self.names.cluster, self.now()):
                    denials -= 1
                elif not denials:
                    await _hub_standin.approve(self.admin, self.names.cluster, self.now())
            await asyncio.sleep(self.chance.uniform(20, 120))

    # the agent, and the platform that runs it

    async def _platform(self) -> None:
        """Run the agent; start it again when it died, and when its probe fails."""
        while True:
            faulty = self.may_die and self.deaths < 4 and self.loop.time() < _FAULTS_S
            process = self.process = Process(
                self.chance.choice((0, self.chance.randint(1, 300), self.chance.randint(1, 3000))) * faulty
            )
            context = contextvars.copy_context()
            context.run(PROCESS.set, process)
            agent = context.run(self.loop.create_task, self._agent())
            died = self.loop.create_task(process.died.wait())
            at = self.loop.time() + self.chance.uniform(1, 5 * _MINUTE)  # it waits then, as most of the time
            is_due = faulty and self.chance.random() < 0.3 and at < _FAULTS_S
            doom = self.loop.call_at(at, process.die) if is_due else None
            probe = self.loop.create_task(self._probe())
            try:
                await asyncio.wait([agent, died, probe], return_when=asyncio.FIRST_COMPLETED)
                assert not agent.done(), f'the agent ended: {agent.exception()!r}'
            finally:
                await _running.stopped(agent, died, probe)
                if doom:
                    doom.cancel()
            left = [task for task in process.tasks if not task.done()]
            assert not left, f'tasks were left: {left}'
            await asyncio.sleep(0.01)  # until connections that are closed are
            assert all(end.lost for end in process.ends), 'a connection was left open'
            if process.dead:
                self.deaths += 1
                self._check_disk()
                if self.chance.random() < 0.3 and self._dir.exists():
                    (self._dir / f'{_files._TEMPORARY}left').write_bytes(b'-----BEGIN EC PRI')
            await asyncio.sleep(self.chance.uniform(0.1, 60))

    @property
    def _dir(self) -> Path:
        return self.folder / 'hub-kubeconfig'

    async def _agent(self) -> None:
        await self._agent_of(self.names, self._dir, 'hub-kubeconfig-secret')

    async def _agent_of(self, names: Names, folder: Path, secret: str) -> None:
        common = AgentOptions(
            spoke_cluster_name=names.cluster,
            agent_id=names.agent,
            hub_kubeconfig_dir=str(folder),
            component_namespace=NAMESPACE,
        )
        options = SpokeAgentOptions(
            bootstrap_kubeconfig=str(self.folder / 'bootstrap.kubeconfig'),
            cluster_health_check_period=timedelta(minutes=5),
            hub_kubeconfig_secret=secret,
        )
        self.health = options.health
        limits = Limits(qps=common.kube_api_qps, burst=common.kube_api_burst)
        intervals = Intervals()
        async with Client(reach(configuration(self.spoke, 'agent-token'), self.shared, limits)) as client:
            side = SpokeSide(
                client, Following(client, resources.NODES, intervals), Following(client, _wire.CLAIMS, intervals)
            )
            given = Given(
                common, options, {}, intervals, client, side, b'', NAMESPACE, self.recorder, Metrics(),
                chance=self.chance, now=lambda: self.now() + self.ahead, shared=self.shared,
            )  # fmt: skip
            self.agent = Agent(given)
            await self.agent.run()

    async def _probe(self) -> None:
        """Return when the platform would kill the agent."""
        failed = 0
        while failed < _PROBES:
            await asyncio.sleep(_PROBE_S)
            bad = self.health and any(check.check() for check in (self.health.bootstrap, self.health.certificate))
            failed = failed + 1 if bad else 0

    # faults

    async def _live_through_faults(self) -> None:
        faults = [self._fault(self.chance.uniform(0, _FAULTS_S)) for _ in range(self.chance.randint(0, 4))]
        await asyncio.gather(*faults)
        now = self.loop.time()
        if now < _FAULTS_S:
            await asyncio.sleep(_FAULTS_S - now)
        self.process.dies_at = 0
        await self._until_joined()
        self._check_requests()
        before = self._certificate()
        self._renewed, self.worst_gap_s = None, 0.0
        ends = _certificates.chain(before).ends
        while self._certificate() == before:
            await asyncio.sleep(10)
            assert self.now() < ends, 'the certificate ended: its renewal was missed'
            late = self.worst_gap_s - 1.25 * self.lease_s
            assert late < 5.0, f'a renewal of the lease came {late:.1f} s late'
        await asyncio.sleep(10)
        await self._until_joined()

    async def _fault(self, at: float) -> None:
        chance = self.chance
        kind, server = chance.choice(_KINDS), chance.choice((self.hub, self.hub, self.spoke))
        length_s, status = chance.uniform(1, 8 * _MINUTE), chance.choice((429, 500, 503))
        await asyncio.sleep(at)
        self.trace.append((round(self.loop.time(), 6), server.name, 'fault', f'{kind} {length_s:.3f}'))
        faults: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            'down': (lambda: self._down(server, True), lambda: self._down(server, False)),
            'silent': (
                lambda: setattr(server.service, 'silent', True),
                lambda: setattr(server.service, 'silent', False),
            ),
            'slow': (lambda: setattr(server, 'slow_s', 8.0), lambda: setattr(server, 'slow_s', 0.0)),
            'refuse': (lambda: setattr(server, 'refuse', status), lambda: setattr(server, 'refuse', 0)),
            'losing': (lambda: setattr(server, 'losing', 0.4), lambda: setattr(server, 'losing', 0.0)),
            'cut': (server.service.cut, server.service.cut),
            'forgets': (lambda: self._forgets(server), lambda: None),
            'gone': (lambda: self._gone(server), lambda: setattr(server, 'gone', False)),
            'file': (self._spoil_file, lambda: None),
            'no-signing': (lambda: self._signs(no_signing=True), lambda: self._signs()),
            'wrong': (lambda: self._signs(wrong_certificate=True), lambda: self._signs()),
            'skew': (lambda: self._signs(skewed_clock=timedelta(minutes=3)), lambda: self._signs()),
            'token': (lambda: self._bootstrap('no-token'), lambda: self._bootstrap('bootstrap-token')),
        }
        admin: dict[str, Callable[[], Any]] = {
            'secret': self._delete_secret, 'garbage': self._spoil_secret, 'unaccept': self._unaccept,
            'delete': self._delete_cluster,
        }  # fmt: skip
        if kind in admin:
            with contextlib.suppress(kubernetes.Error):
                await admin[kind]()
            await asyncio.sleep(length_s)
            return
        begin, end = faults[kind]
        begin()
        await asyncio.sleep(length_s)
        end()

    def _down(self, server: servers.Server, is_down: bool) -> None:
        server.service.down = is_down
        if is_down:
            server.service.cut()

    def _gone(self, server: servers.Server) -> None:
        server.gone = True
        server.service.cut()

    def _forgets(self, server: servers.Server) -> None:
        server.service.cut()
        server.storage.floor = server.storage.revision
        for history in server.storage._history.values():
            history.clear()

    def _signs(self, **how: Any) -> None:
        self.standin.faults = Faults(**how)

    def _spoil_file(self) -> None:
        path = self._dir / self.chance.choice(KEYS)
        if path.exists():
            path.write_bytes(self.chance.choice((b'', b'garbage', path.read_bytes()[:100])))
            self.seen.add(path.read_bytes())

    async def _delete_secret(self) -> None:
        await self.spoke_admin.delete(resources.SECRETS, 'hub-kubeconfig-secret', NAMESPACE)

    async def _spoil_secret(self) -> None:
        data = {self.chance.choice(KEYS): _wire.encoded(b'garbage')}
        await self.spoke_admin.patch(resources.SECRETS, 'hub-kubeconfig-secret', {'data': data}, NAMESPACE)

    async def _unaccept(self) -> None:
        await _hub_standin.accept(self.admin, self.names.cluster, yes=False)

    async def _delete_cluster(self) -> None:
        await self.admin.delete(_wire.MANAGED_CLUSTERS, self.names.cluster)

    # what is promised; the first three see what servers do, and cannot raise in there

    def _is_whole(self, data: dict[str, bytes]) -> bool:
        return sorted(data) == KEYS and _validity.is_consistent(data, self.names)

    def _told(self, server: str, user: str, request: str) -> None:
        if user == 'admin':
            return
        now = self.loop.time()
        self.trace.append((round(now, 6), server, user, request))
        if '/secrets?' in request and 'Selector=' not in request:
            self.broken.append(f'more secrets are asked for than are needed: {request}')
        minute = int(now // 60)
        self._minute[minute] += 1
        if self._minute[minute] > _MOST_A_MINUTE:
            self.broken.append(f'more than {_MOST_A_MINUTE} requests in a minute: {self.trace[-5:]}')

    def _spoke_wrote(self, storage: str, namespace: str, name: str, obj: Any) -> None:
        if (storage, name) != ('secrets', 'hub-kubeconfig-secret'):
            return
        data = servers.secret_data(obj)
        self.seen.update(data.values())
        if obj and b'garbage' not in data.values() and not self._is_whole(data):
            self.broken.append(f'the secret was written, and is not whole: {sorted(data)}')

    def _hub_wrote(self, storage: str, namespace: str, name: str, obj: Any) -> None:
        if (storage, name) == ('leases', _wire.LEASE) and obj:
            renewed = _wire.moment(obj['spec']['renewTime'])
            if self._renewed:
                self.worst_gap_s = max(self.worst_gap_s, (renewed - self._renewed).total_seconds())
            self._renewed = renewed
        if storage == 'certificatesigningrequests' and obj and not obj.get('status'):
            self._check_request(obj)

    def _check_request(self, new: Any) -> None:
        """No second request while one waits that was asked for in the same name, and none right after a denial."""
        before = [each for each in self._requests() if each['spec']['username'] == new['spec']['username']]
        name, now = new['metadata']['name'], self.now()
        waiting = [each for each in before if each['metadata']['name'] != name and _wire.request_state(each) in _OPEN]
        if waiting:
            self.broken.append(f'{name} asks again for what {waiting[0]["metadata"]["name"]} asks for: its key is lost')
        denied = [_wire.answered_at(each) for each in before if _wire.request_state(each) == 'denied']
        if denied and not self.ahead and now - max(denied) < _AFTER_DENIAL:  # moments are whole seconds
            self.broken.append(f'{name} was asked for {now - max(denied)} after a denial')

    def _check_requests(self) -> None:
        """No request was made for nothing: what came of each was taken, unless nobody could."""
        for each in self._requests():
            if each['spec']['username'] != 'bootstrap' or _wire.request_state(each) != 'issued':
                continue
            found = _wire.decoded(each['status']['certificate'])
            fits = _certificates.key_of_request(_wire.decoded(each['spec']['request']))
            if _certificates.chain(found).public_key == fits:
                assert found in self.seen, f'nobody has the key of {each["metadata"]["name"]}, which was issued'

    def _check_disk(self) -> None:
        """What a dead agent left: each file whole or old."""
        for path in self._dir.glob('*'):
            if not path.name.startswith(_files._TEMPORARY):
                assert path.read_bytes() in self.seen, f'{path.name} is neither what the secret holds nor what it held'
                assert path.stat().st_mode & 0o777 == 0o600, f'{path.name} can be read by others'

    def _certificate(self) -> bytes:
        secret = self.spoke.storage.get('secrets', NAMESPACE, 'hub-kubeconfig-secret') or {}
        return _wire.decoded((secret.get('data') or {}).get('tls.crt'))

    async def _until_joined(self) -> None:
        began = self.loop.time()
        while why := self._not_joined():
            assert self.loop.time() - began < _RECOVERY_S, f'{why}; {self.health.notes}'
            await asyncio.sleep(2)

    def _not_joined(self) -> str:
        assert not self.broken, self.broken[0]
        cluster = self._cluster()
        states = {
            each['type']: each['status'] for each in ((cluster or {}).get('status') or {}).get('conditions') or []
        }
        for kind in ('HubAcceptedManagedCluster', 'ManagedClusterJoined', 'ManagedClusterConditionAvailable'):
            if states.get(kind) != 'True':
                return f'{kind} is {states.get(kind)}'
        secret = servers.secret_data(self.spoke.storage.get('secrets', NAMESPACE, 'hub-kubeconfig-secret'))
        if not self._is_whole(secret):
            return 'the secret is not whole'
        if _certificates.chain(secret['tls.crt']).is_expired(self.now()):
            return 'the certificate has ended'  # it could not be renewed in time, or it would have been
        files = {path.name: path.read_bytes() for path in self._dir.glob('*')}
        if files != secret:
            return f'the files are not as the secret: {sorted(files)}'
        if self.spoke.storage.get('secrets', NAMESPACE, 'hub-kubeconfig-secret-pending'):
            return 'a key is pending'
        return ''
