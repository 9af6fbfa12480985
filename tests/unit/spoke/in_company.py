"""A field whose agents are members of one fleet, and have neighbours there: one that has joined, one that the hub
turns away, one whose hub takes connections and says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import spoke
import yaml
from aioclustermanager.kubernetes import Configuration, resources
from spoke import _durations, _fleet, _hub_standin, _wire
from spoke._hub_standin import _hub, _rights
from spoke._metrics import Metrics

from tests.listening import listening
from tests.unit.spoke.world import FAST, Cluster, Field, made, signer

_POLL_S = 0.05
NEIGHBOUR = 'neighbour'  # the user with whose credential the well one came


class Given:
    """A configuration of the test's, as the fleet runs it; it gets what the test gave `start`."""

    def __init__(self, config: spoke.SpokeAgentConfig, more: dict[str, Any]) -> None:
        self._config, self._more = config, more

    @property
    def options(self) -> spoke.SpokeAgentOptions:
        return self._config.options

    async def run_spoke_agent(self, context: spoke.ControllerContext) -> None:
        await self._config.run_spoke_agent(replace(context, **self._more))


@dataclass
class Company(Field):
    """`start` writes a member's file into the folder of the fleet; what is stopped is taken out of it again."""

    neighbours: dict[str, spoke.SpokeAgentConfig] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    fleet: _fleet.Fleet | None = None  # once it runs
    _members: dict[str, tuple[spoke.SpokeAgentConfig, dict[str, Any]]] = field(default_factory=dict)

    @property
    def files(self) -> Path:
        return self.folder.parent / f'{self.folder.name}-fleet'

    @property
    def _theirs(self) -> str:
        """Return the namespace of the neighbours' secrets."""
        return f'{self.namespace}-next-door'

    def start(
        self, config: spoke.SpokeAgentConfig, management: Configuration | None = None, **context: Any
    ) -> asyncio.Task[None]:
        context.pop('is_embedded', None)  # each is, here
        task = asyncio.ensure_future(self._member(config, management, context))
        self.tasks.append(task)
        return task

    def hub_runs(self, front: _hub_standin.Front | None = None, **settings: Any) -> asyncio.Task[None]:
        users = settings.pop('auto_approval_users', frozenset()) | {NEIGHBOUR}
        return super().hub_runs(front, auto_approval_users=users, **settings)

    async def _member(
        self, config: spoke.SpokeAgentConfig, management: Configuration | None, context: dict[str, Any]
    ) -> None:
        name = config.common_options.spoke_cluster_name
        where = replace(self.spoke_cluster, server=management.server) if management else self.spoke_cluster
        kubeconfig = where.kubeconfig(self.files / f'{name}.kubeconfig')
        file = self.files / f'{name}.yaml'
        self._members[name] = config, context
        file.write_text(yaml.safe_dump({'clusters': {name: {**options_of(config), 'kubeconfig': str(kubeconfig)}}}))
        try:
            while not (self.fleet and self.fleet.fault):
                await asyncio.sleep(_POLL_S)
            raise spoke.InvalidOptions([self.fleet.fault])  # as an agent alone does at its start
        finally:
            file.unlink()
            await _undisturbed(lambda: self._is_gone(name))

    async def _is_gone(self, name: str) -> bool:
        return self.fleet is None or name not in {*self.fleet.configs, *self.fleet._running}

    def _made(self, common: spoke.AgentOptions, options: spoke.SpokeAgentOptions, **more: Any) -> Any:
        if common.spoke_cluster_name not in self._members:
            neighbour = spoke.SpokeAgentConfig(common, options, **more)
            self.neighbours[common.spoke_cluster_name] = neighbour
            return neighbour
        config, context = self._members[common.spoke_cluster_name]
        assert (common, options) == (config.common_options, config.options), 'the file does not say what was meant'
        assert more == {'feature_gates': config.feature_gates}
        return Given(config, context)

    @contextlib.asynccontextmanager
    async def in_company(self) -> AsyncIterator[None]:
        """Run the fleet with its neighbours; at the end nothing must have happened to them."""
        self.files.mkdir()
        for resource, body in _rights.bootstrap('spoke-neighbour', NEIGHBOUR):
            await _hub.make(self.hub, resource, body)
        await self.spoke.create(resources.NAMESPACES, {'metadata': {'name': self._theirs}})
        async with listening(_silence) as port:
            well, lost, held = (f'{kind}-{self.name.removeprefix("edge-")}' for kind in ('well', 'lost', 'held'))
            silent = replace(self.hub_cluster, server=f'https://127.0.0.1:{port}')
            rows = {
                well: self._neighbour(well, self.hub_cluster, 'neighbour-token'),
                lost: self._neighbour(lost, self.hub_cluster, 'expired-token'),
                held: self._neighbour(held, silent, 'neighbour-token'),
            }
            (self.files / 'neighbours.yaml').write_text(yaml.safe_dump({'clusters': rows}))
            self.fleet = _fleet.Fleet(
                self.files, self.spoke_cluster.configuration(), self.metrics, make=self._made, poll_s=_POLL_S
            )
            running = asyncio.ensure_future(self.fleet.run())
            try:
                await self._met(well)
                first = self.neighbours[well].agent
                yield
                await self.stop(*self.tasks)
                await self.until(lambda: _value(not self.fleet.fault))
                assert not running.done()
                assert self.neighbours[well].agent is first
                await self.until(lambda: _value(self.neighbours[well].options.health.notes == {}))
                # on a busy machine a call may take the second that it has, a few in a row too, but not each
                await self.until(lambda: _value(self._renewals(well, 'renewed') > self._renewals(well, 'failed')))
                await self.until(
                    lambda: _value('401' in self.neighbours[lost].options.health.notes.get('bootstrap', ''))
                )
                for name in (lost, held):
                    assert await self.hub.find(_wire.MANAGED_CLUSTERS, name) is None
            finally:
                await self.stop(*self.tasks, running)
                await self.hub.delete_all(_wire.CSRS, labels=_wire.labels(well))

    async def _met(self, well: str) -> None:
        """Let the well neighbour join, by a hub of its own: the test's may be one that approves nothing."""
        settings = _hub.Settings(intervals=FAST, auto_approval_users=frozenset({NEIGHBOUR}))
        hub = asyncio.ensure_future(_hub_standin.HubStandIn(self.hub, signer(self.hub_cluster), settings).run())

        async def has_joined() -> bool:
            return self.metrics.of(cluster=well).get('spoke_joined') == 1

        await self.until(has_joined)
        await self.hub.patch(_wire.MANAGED_CLUSTERS, well, {'spec': {'leaseDurationSeconds': 1}})
        await self.until(lambda: _value(self._renewals(well, 'renewed') > 1))
        await self.stop(hub)

    def _renewals(self, name: str, outcome: str) -> float:
        return self.metrics.of(cluster=name).get('spoke_lease_renewals_total', outcome=outcome) or 0

    def _neighbour(self, name: str, hub: Cluster, token: str) -> dict[str, str]:
        return {
            'bootstrap-kubeconfig': str(hub.kubeconfig(self.files / f'{name}.bootstrap', token)),
            'hub-kubeconfig-dir': str(self.files / name), 'hub-kubeconfig-secret': f'hub-{name}',
            'component-namespace': self._theirs,
        }  # fmt: skip


async def _value(value: object) -> object:
    return value


async def _silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(1024):
        pass
    await asyncio.Event().wait()


async def _undisturbed(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so, also when cancelled meanwhile."""
    cancelled = False
    while not await check():
        try:
            await asyncio.sleep(_POLL_S / 5)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def options_of(config: spoke.SpokeAgentConfig) -> dict[str, Any]:
    """Return a configuration as the file of a fleet says it: what differs from the defaults."""
    told: dict[str, Any] = {}
    for options, usual in (
        (config.common_options, spoke.AgentOptions()),
        (config.options, spoke.SpokeAgentOptions()),
    ):
        for each in fields(options):  # type: ignore[arg-type]
            value = getattr(options, each.name)
            if each.compare and value != getattr(usual, each.name) and each.name != 'spoke_cluster_name':
                told[each.name] = _durations.shown(value) if isinstance(value, timedelta) else value
    if config.feature_gates:
        told['feature-gates'] = ','.join(f'{name}={str(on).lower()}' for name, on in config.feature_gates.items())
    return told


@contextlib.asynccontextmanager
async def company(clusters: tuple[Cluster, Cluster], folder: Path) -> AsyncIterator[Company]:
    async with made(clusters, folder, Company) as found, found.in_company():
        yield found
