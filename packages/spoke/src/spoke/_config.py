"""The agent as other programs start it: the seed's configuration and the two ways to run it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from aioclustermanager.kubernetes import Client, Configuration, InvalidConfiguration, Limits, Shared, Tls, resources

from . import _certificates, _features, _files, _hub_kubeconfig, _intervals, _names, _validity, _wire
from ._agent import Agent
from ._events import Events, Recorder
from ._given import Given, NextHub, SpokeSide, StartOver, reach
from ._hubs import Hubs
from ._metrics import Metrics
from ._options import AgentOptions, SpokeAgentOptions
from ._running import Following, together

_log = logging.getLogger(__name__)
_ACCOUNT = Path('/var/run/secrets/kubernetes.io/serviceaccount/namespace')
_DEFAULT_NAMESPACE = 'open-cluster-management-agent'
_LONGEST_PAUSE_S = 60.0
_LONG_LIFE_S = 600.0  # of a life after which the next one begins at once


@dataclass(frozen=True)
class ControllerContext:
    """What a process gives its agent."""

    kube_config: Configuration  # of the management cluster
    namespace: str = ''  # of events; '': that of the agent's secrets
    recorder: Recorder | None = None  # None: events are written to management
    metrics: Metrics = field(default_factory=Metrics)
    is_embedded: bool = False  # start over in place, where a process of its own waits to be killed
    shared: Shared | None = None  # what the agents of a process have in common; None: nothing


class SpokeAgentConfig:
    """An agent, ready to run. Its intervals are those that the package's variables say now."""

    def __init__(
        self,
        common_options: AgentOptions,
        options: SpokeAgentOptions,
        *,
        feature_gates: Mapping[str, bool] | None = None,
    ) -> None:
        self.common_options = common_options
        self.options = options
        self.feature_gates = dict(feature_gates or {})
        self.intervals = _intervals.current()
        self.agent: Agent | None = None  # while it runs: its phase, names and health

    async def has_valid_hub_client_config(self) -> bool:
        """Tell whether the folder has what it takes to talk to the hub: kubeconfig, key, and a certificate for our
        names, which have to be known, that has not ended, of the hub that the bootstrap kubeconfig leads to."""
        return self._is_valid(Path(self.options.bootstrap_kubeconfig))

    def _is_valid(self, bootstrap: Path) -> bool:
        common = self.common_options
        folder = Path(common.hub_kubeconfig_dir)
        found = _validity.certificate_names(folder)
        files = [
            (_files.read(folder / name) or b'').decode('utf-8', 'replace') for name in ('cluster-name', 'agent-name')
        ]
        sources = zip(
            (common.spoke_cluster_name, common.agent_id),
            (found.cluster, found.agent) if found else ('', ''),
            files,
            strict=True,
        )
        cluster, agent = (_names.chosen(_names.Sources(*each), '') for each in sources)
        now = _certificates.utc_now()
        return not _validity.fault(folder, common.hub_kubeconfig_file, bootstrap, _names.Names(cluster, agent), now)

    async def run_spoke_agent(self, controller_context: ControllerContext) -> None:
        """Run the agent until cancelled. Raises InvalidOptions and InvalidConfiguration for what cannot start.

        In Default mode the spoke is the management cluster; in Detached mode, with --spoke-kubeconfig, another one.
        """
        common = self.common_options
        self.options.validate()
        Hubs(self.options, self.feature_gates)  # raises what is wrong with them
        limits = Limits(qps=common.kube_api_qps, burst=common.kube_api_burst)
        shared = controller_context.shared
        async with Client(reach(controller_context.kube_config, shared, limits)) as management:
            if not common.spoke_kubeconfig:
                await self._until_stopped(controller_context, management, self._spoke_side(management), None)
                return
            read = _hub_kubeconfig.read(Path(common.spoke_kubeconfig))
            async with Client(reach(read, shared, limits)) as detached:
                await self._until_stopped(controller_context, management, self._spoke_side(detached), None)

    async def run_spoke_agent_with_spoke_informers(
        self,
        kube_config: Configuration,
        spoke_client_config: Configuration,
        spoke_kube_client: Client,
        spoke_nodes: Following,
        spoke_claims: Following | None,
        recorder: Recorder,
    ) -> None:
        """Run the agent on caches that the caller keeps: their `run()` is his to run."""
        self.options.validate()
        context = ControllerContext(kube_config, recorder=recorder, is_embedded=True)
        side = _SharedSide(spoke_kube_client, spoke_nodes, spoke_claims)
        async with Client(reach(kube_config, None)) as management:
            await self._until_stopped(context, management, side, spoke_client_config)

    def _spoke_side(self, client: Client) -> SpokeSide:
        nodes = Following(client, resources.NODES, self.intervals)
        on = _features.is_on(self.feature_gates, _features.CLUSTER_CLAIM)
        return SpokeSide(client, nodes, Following(client, _wire.CLAIMS, self.intervals) if on else None)

    async def _until_stopped(
        self, context: ControllerContext, management: Client, side: SpokeSide, spoke_config: Configuration | None
    ) -> None:
        namespace = self.common_options.component_namespace or component_namespace()
        events = Events(management, context.namespace or namespace) if context.recorder is None else None
        recorder: Recorder = context.recorder or events  # type: ignore[assignment]
        ca = self._spoke_ca(spoke_config or side.client.configuration)
        given = Given(
            self.common_options, self.options, self.feature_gates, self.intervals, management, side, ca, namespace,
            recorder, context.metrics, in_place=context.is_embedded, shared=context.shared,
        )  # fmt: skip
        parts = [self._lives(context, given), *([events.run()] if events else [])]
        with contextlib.ExitStack() as figures:
            figures.enter_context(given.connections(management, 'management'))
            if side.client is not management:
                figures.enter_context(given.connections(side.client, 'spoke'))
            await together(*parts)

    async def _lives(self, context: ControllerContext, given: Given) -> None:
        """Live, and begin anew when the agent has to start over."""
        failures = 0
        hubs = Hubs(self.options, self.feature_gates)
        hubs.begin(self._is_valid)
        while True:
            given = replace(given, options=hubs.options(), hub_timeout_s=hubs.timeout_s)
            self.agent = Agent(given)
            began_s = asyncio.get_running_loop().time()
            try:
                await self.agent.run()
            except StartOver as error:
                if isinstance(error, NextHub):
                    hubs.next()
                if asyncio.get_running_loop().time() - began_s > _LONG_LIFE_S:
                    failures = 0
                pause_s = min(_LONGEST_PAUSE_S, 2.0**failures) * random.random() if failures else 0.0  # noqa: S311
                failures = min(failures + 1, 10)
                _log.warning('starts over: %s', error)
                context.metrics.add('spoke_starts_total')
                await asyncio.sleep(pause_s)
                self.options.health.bootstrap.reset()
                self.options.health.certificate.reset()
                given = replace(
                    given,
                    spoke=given.spoke if isinstance(given.spoke, _SharedSide) else self._spoke_side(given.spoke.client),
                )

    def _spoke_ca(self, configuration: Configuration) -> bytes:
        """Return the authorities for the external URLs. Raises InvalidConfiguration where there are none."""
        if not self.options.spoke_external_server_urls:
            return b''
        ca = _hub_kubeconfig.hub(configuration).ca if isinstance(configuration.tls, Tls) else b''
        if not ca:
            why = 'the kubeconfig of the spoke names no certificate authority, which --spoke-external-server-urls needs'
            raise InvalidConfiguration(why)
        return ca


class _SharedSide(SpokeSide):
    """Caches that somebody else runs."""

    async def run(self) -> None:
        await asyncio.Event().wait()


def component_namespace() -> str:
    """Return the namespace of our secrets: the service account's, or the usual one."""
    found = _files.read(_ACCOUNT)
    return found.decode().strip() if found else _DEFAULT_NAMESPACE
