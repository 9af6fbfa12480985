"""Many agents in one process: those that a file or a folder says, followed while they run.

Agents share the event loop, the figures, and what `Shared` has: names looked up, TLS contexts where trust is equal,
turns at each API server. One that fails is begun again by itself, with growing pauses; what the file takes away is
stopped, what it changes is begun anew, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import collections
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Configuration, InvalidConfiguration, Shared, kubeconfig

from . import _files, _fleet_file
from ._config import ControllerContext, SpokeAgentConfig
from ._fleet_file import Member
from ._log import WHOSE
from ._metrics import Metrics
from ._options import InvalidOptions
from ._running import Trouble, stopped

_log = logging.getLogger(__name__)
_POLL_S = 2.0
_LONGEST_PAUSE_S = 300.0
_MOST_STARTING = 20  # at once, of one hub: if a thousand asked their first questions, those who have joined would wait
_STARTING_S, _WAITING_S = 30.0, 5.0  # for so long at most; so long, if it waits for somebody
_LOOK_S = 0.05


def planned(path: Path, namespace: str = '') -> _fleet_file.Plan:
    """Return what the file, or all files of the folder, say. Raises InvalidOptions, also where they cannot be read."""
    contents = {each.name: _files.read(each) for each in _paths(path)}
    if None in contents.values():
        raise InvalidOptions([f'cannot read the fleet in {path}'])
    texts = {name: (content or b'').decode('utf-8', 'replace') for name, content in contents.items()}
    return _fleet_file.plan(texts, namespace)


def faults_of_flags(given: Iterable[tuple[str, object]], *agents: object) -> list[str]:
    """Return what is wrong with flags beside --fleet: those of `agents` would be for all of them, or for none."""
    return [
        f'{flag}: with --fleet it stands in the file, under `defaults` or `clusters`'
        for flag, target in given
        if any(target is each for each in agents) or flag == '--feature-gates'
    ]


def _paths(path: Path) -> list[Path]:
    return sorted(path.glob('*.yaml')) if path.is_dir() else [path]


def _hubs(members: list[Member]) -> dict[str, str]:
    """Return the address of each agent's hub, by the agent's name; the file that should tell it where it does not."""
    servers: dict[str, str] = {}
    for file in {member.options()[1].bootstrap_kubeconfig for member in members}:
        try:
            servers[file] = kubeconfig.load(file).server
        except InvalidConfiguration:
            servers[file] = file
    return {member.name: servers[member.options()[1].bootstrap_kubeconfig] for member in members}


class Fleet:
    """`run()` keeps the agents that the file or folder says, until cancelled."""

    def __init__(
        self,
        path: Path,
        management: Configuration | None,
        metrics: Metrics,
        *,
        namespace: str = '',
        make: Callable[..., SpokeAgentConfig] = SpokeAgentConfig,
        poll_s: float = _POLL_S,
    ) -> None:
        """namespace: of the secrets of clusters that say none."""
        self._namespace = namespace
        self._path, self._management, self._metrics = path, management, metrics
        self._make, self._poll_s = make, poll_s
        self._shared = Shared(_fleet_file.PACE)
        self._running: dict[str, tuple[Member, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()  # there is another plan than the one that is being followed
        self._plan = _fleet_file.Plan({})
        self._starting: dict[str, float] = {}  # since when
        self.configs: dict[str, SpokeAgentConfig] = {}
        self.fault = ''  # why the file is not followed, '' if it is

    def waiting(self) -> list[str]:
        """Return what is waited for: an agent's name and about what, and `fleet` for files that are wrong."""
        notes = [f'{name}: {about}' for name, config in self.configs.items() for about in config.options.health.notes]
        return [*(['fleet'] if self.fault else []), *sorted(notes)]

    async def run(self) -> None:
        """Raises InvalidOptions for a file that is wrong at the start; later, the agents stay as they are."""
        stamps = self._stamps()
        self._plan = planned(self._path, self._namespace)
        _log.info('clusters in the fleet %s: %d', self._path, len(self._plan.members))
        reading = asyncio.ensure_future(self._read_changes(stamps))
        try:
            while True:
                self._changed.clear()
                self._shared.set_pace(self._plan.pace)
                await self._follow(self._plan.members)
                await self._changed.wait()
        finally:
            await stopped(reading, *(task for _, task in self._running.values()))
            await self._shared.close()

    # the files

    def _stamps(self) -> dict[str, tuple[int, ...]]:
        """Return what changes with the files."""
        found: dict[str, tuple[int, ...]] = {}
        for path in _paths(self._path):
            try:
                stat = path.stat()
            except OSError:
                continue  # reading it tells
            found[path.name] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        return found

    async def _read_changes(self, last: dict[str, tuple[int, ...]]) -> None:
        seen = last
        while True:
            await asyncio.sleep(self._poll_s)
            before, seen = seen, (now := self._stamps())
            if now != before:
                continue  # somebody may be writing yet: what is half there would stop agents
            if now == last and self._path.exists():
                continue
            try:
                plan = await asyncio.to_thread(planned, self._path, self._namespace)  # agents go on meanwhile
            except InvalidOptions as error:
                if str(error) != self.fault:
                    _log.error('the fleet stays as it is: %s', error)
                self.fault = str(error)
            else:
                if self.fault:
                    _log.info('the fleet is as its files say again')
                self.fault = ''
                if plan != self._plan:
                    self._plan = plan
                    self._changed.set()
                    _log.info('clusters in the fleet: %d', len(plan.members))
            last = now

    # the agents

    async def _follow(self, wanted: Mapping[str, Member]) -> None:
        gone = [name for name, (member, _) in self._running.items() if wanted.get(name) != member]
        await stopped(*(self._running.pop(name)[1] for name in gone))
        for name in gone:
            self.configs.pop(name, None)
            self._metrics.of(cluster=name).forget()
            _log.info('%s: %s', name, 'changed, and begun anew' if name in wanted else 'stopped')
        await self._start([member for name, member in wanted.items() if name not in self._running])

    async def _start(self, members: list[Member]) -> None:
        """Start agents, few of each hub at once: a hub that is slow holds up no other's."""
        hubs = await asyncio.to_thread(_hubs, members)
        while members and not self._changed.is_set():  # else there is another plan
            loop_s = asyncio.get_running_loop().time()
            self._starting = {name: at for name, at in self._starting.items() if self._is_starting(name, loop_s - at)}
            busy = collections.Counter(hubs.get(name, '') for name in self._starting)
            later = []
            for member in members:
                hub = hubs[member.name]
                if busy[hub] >= _MOST_STARTING:
                    later.append(member)
                    continue
                busy[hub] += 1
                self._running[member.name] = (member, asyncio.ensure_future(self._keep(member)))
                self._starting[member.name] = loop_s
            members = later
            await asyncio.sleep(_LOOK_S)

    def _is_starting(self, name: str, for_s: float) -> bool:
        """Tell whether an agent is still at its first questions: not joined, and not known to wait for somebody."""
        if name not in self._running or self._metrics.of(cluster=name).get('spoke_joined') is not None:
            return False
        config = self.configs.get(name)
        waits = config is not None and bool(config.options.health.notes)
        return for_s < (_WAITING_S if waits else _STARTING_S)

    async def _keep(self, member: Member) -> None:
        """Run an agent; begin it again whenever it ends."""
        WHOSE.set(member.name)
        failures, loop = 0, asyncio.get_running_loop()
        metrics, trouble = self._metrics.of(cluster=member.name), Trouble('runs again')
        while True:
            began = loop.time()
            try:
                await self._run(member, metrics)
            except Exception as error:
                expected = isinstance(error, InvalidOptions | kubernetes.Error | OSError)
                why = str(error) or type(error).__name__
                trouble.tell(f'ended: {why}', None if expected else error)
                if config := self.configs.get(member.name):
                    config.options.health.note('start', why)
            metrics.add('spoke_starts_total')
            if loop.time() - began > _LONGEST_PAUSE_S:
                failures = 0
            await asyncio.sleep(min(_LONGEST_PAUSE_S, 2.0**failures) * (0.5 + random.random() / 2))  # noqa: S311
            failures = min(failures + 1, 10)

    async def _run(self, member: Member, metrics: Metrics) -> None:
        common, options, gates, path = member.options()
        config = self._make(common, options, feature_gates=gates)
        self.configs[member.name] = config
        management = kubeconfig.load(path) if path else self._management
        if management is None:
            raise InvalidConfiguration('no management cluster: neither `kubeconfig` in the fleet nor --kubeconfig')
        context = ControllerContext(management, metrics=metrics, is_embedded=True, shared=self._shared)
        await config.run_spoke_agent(context)
