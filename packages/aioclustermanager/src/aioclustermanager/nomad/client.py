"""A typed client of Nomad.

    async with Client({'endpoint': 'localhost:4646', 'token': '...'}) as client:
        await client.jobs.create({'ID': 'pi', 'Type': 'batch', 'TaskGroups': [...]})
        async for state in client.jobs.follow('pi'): ...
        async for event in client.events('Job:pi', 'Allocation'): ...

Errors are those of the package (Error, HttpError and its kinds, ConnectionFailed, DeadlineExceeded), WaitTimedOut of
the waits and EventsLost of the event stream. Reads are repeated by themselves, and so is what is changed under an index
or a token that admits it once. `deadline(seconds)` limits everything within it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any

from .._http import Limits, Retries, Transport
from . import _errors, _events
from ._agent import Agent, WaitTimedOut
from ._cluster import Allocations, Deployments, Evaluations, Namespaces, Nodes
from ._differences import Change
from ._errors import EventsLost
from ._events import Event
from ._jobs import Jobs
from ._settings import Settings, settings

__all__ = ['Change', 'Client', 'Event', 'EventsLost', 'Settings', 'WaitTimedOut', 'settings']


class Client:
    """Everything in one region; jobs, allocations and deployments of one namespace.

    Make it anywhere, use it in one event loop, and `close()` it (or `async with` it).
    """

    def __init__(
        self,
        config: Mapping[str, Any] | Settings,
        *,
        namespace: str = '',
        limits: Limits | None = None,
        retries: Retries | None = None,
    ) -> None:
        """Raises InvalidConfiguration, naming the key; connects to nothing."""
        found = config if isinstance(config, Settings) else settings(config)
        transport = Transport(
            found.server,
            tls=found.tls if found.scheme == 'https' else None,
            authentication=found.authentication,
            limits=limits or Limits(call_s=found.timeout_s),
            retries=retries,
            explain=_errors.explain,
        )
        self.settings = found
        self._use(Agent(transport, found.region, namespace))

    def _use(self, agent: Agent) -> None:
        self._agent = agent
        self.jobs = Jobs(agent)
        self.allocations = Allocations(agent)
        self.deployments = Deployments(agent)
        self.evaluations = Evaluations(agent)
        self.nodes = Nodes(agent)
        self.namespaces = Namespaces(agent)

    def within(self, namespace: str) -> Client:
        """Return a client of another namespace ('*': of all, to read) that shares the connections of this one."""
        other = object.__new__(type(self))
        other.settings = self.settings
        other._use(self._agent.within(namespace))
        return other

    @property
    def namespace(self) -> str:
        return self._agent.namespace

    @property
    def transport(self) -> Transport:
        """The connections, for requests that this client has no method for."""
        return self._agent.transport

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; calls under way fail. Idempotent."""
        await self._agent.transport.close()

    async def agent_self(self) -> dict[str, Any]:
        """Return what the agent says of itself (`config`, `member`, `stats`); needs agent:read."""
        found: dict[str, Any] = (await self._agent.read('agent/self')).value
        return found

    async def regions(self) -> list[str]:
        return list((await self._agent.read('regions')).value)

    async def events(self, *topics: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield what happens, in order, beginning with what the server still keeps.

        topics: 'Job:web', 'Allocation', 'Node' ...; none means all, and needs a management token.
        after: only events with a higher index, as of a list that was read.

        A connection that breaks is made again. Raises EventsLost when the server no longer has what came between: then
        list, and go on from there. `jobs.changes()` has no such limit, and sees states instead of events.
        """
        async with aclosing(_events.events(self._agent, topics, after)) as found:
            async for event in found:
                yield event
