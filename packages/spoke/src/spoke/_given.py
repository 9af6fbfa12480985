"""What one life of an agent is given, and how it says that it has to begin anew."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime

from aioclustermanager.kubernetes import Client, Configuration, Limits, Shared

from . import _certificates
from ._events import Recorder
from ._intervals import Intervals
from ._metrics import Metrics
from ._options import AgentOptions, SpokeAgentOptions
from ._running import Controller, Following, together

USER_AGENT = 'registration-agent'
_MOST_BYTES = 32 * 1024 * 1024  # of one answer: 500 nodes have a few MiB, and a server that sends more is hostile
Sync = Callable[[], Awaitable['float | None']]


def reach(configuration: Configuration, shared: Shared | None, limits: Limits | None = None) -> Configuration:
    """Return how an agent reaches one of its clusters; limits: other ones than the configuration's."""
    bounded = replace(limits or configuration.limits, answer_bytes=_MOST_BYTES)
    return replace(configuration, user_agent=USER_AGENT, shared=shared, limits=bounded, http2=True)


class StartOver(Exception):
    """What the agent stands on is gone: it has to begin anew. The text says why."""


class NextHub(StartOver):
    """This hub is silent, or does not want us any more, and there is another."""


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
    shared: Shared | None = None  # with other agents of the process
    hub_timeout_s: float | None = None  # of silence, before it is another hub's turn; None: there is no other

    def reach(self, configuration: Configuration) -> Configuration:
        """Return how the hub is reached."""
        return reach(configuration, self.shared)

    def connections(self, client: Client, to: str) -> AbstractContextManager[None]:
        """Tell, within the block, how many connections a client has open."""
        return self.metrics.live('spoke_open_connections', lambda: client.transport.connections, to=to)

    def controller(self, name: str, sync: Sync, interval_s: float | None = None) -> Controller:
        """Return a controller with our intervals and figures."""
        if interval_s is None:
            interval_s = self.intervals.controller_resync_interval.total_seconds()
        return Controller(name, sync, interval_s, self.intervals, self.metrics)
