"""Nomad: with the names of 0.3.44, and a typed client.

async with NomadContextManager({'endpoint': 'localhost:4646'}) as context:
    manager = ClusterManager(context)

async with Client({'endpoint': 'localhost:4646'}) as client:
    await client.jobs.create(...)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from .._http import Conflict, Error, Forbidden, HttpError, InvalidConfiguration, NotFound, deadline
from .caller import NomadCaller
from .client import Change, Client, Event, EventsLost, Settings, WaitTimedOut, settings

__all__ = [
    'Change',
    'Client',
    'Conflict',
    'Error',
    'Event',
    'EventsLost',
    'Forbidden',
    'HttpError',
    'InvalidConfiguration',
    'NomadCaller',
    'NomadContextManager',
    'NotFound',
    'Settings',
    'WaitTimedOut',
    'create_nomad_caller',
    'deadline',
    'settings',
]


class NomadContextManager:
    """Opens a caller and closes it, by `async with` or by `open` and `close`. `loop` is ignored."""

    def __init__(self, environment: Mapping[str, Any], loop: Any = None) -> None:
        self.environment = environment
        self.loop = loop
        self._caller: NomadCaller | None = None

    @property
    def session(self) -> Any:
        """The caller's session; None while it is not open."""
        return self._caller.session if self._caller else None

    async def __aenter__(self) -> NomadCaller:
        return await self.open()

    async def open(self) -> NomadCaller:
        """Return a caller, once the agent has told its datacenter. Raises InvalidConfiguration, ConnectionFailed."""
        self._caller = await create_nomad_caller(self.environment)
        return self._caller

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what `open` opened. Idempotent."""
        caller, self._caller = self._caller, None
        if caller is not None:
            await caller.close()


async def create_nomad_caller(environment: Mapping[str, Any]) -> NomadCaller:
    """Return a caller that its owner closes: `await caller.close()`, or as in 0.3.44 `await caller.session.close()`."""
    client = Client(environment)
    try:
        datacenter = client.settings.datacenter or await _datacenter(client)
    except BaseException:
        await client.close()
        raise
    return NomadCaller(client.settings.endpoint, datacenter, None, client=client)


async def _datacenter(client: Client) -> str:
    """Return the agent's datacenter, where jobs go that say nothing else."""
    try:
        return str((await client.agent_self())['config']['Datacenter'])
    except Forbidden as error:
        raise InvalidConfiguration(
            'cannot use the configuration for Nomad: datacenter: missing, and the token may not ask the agent for its '
            'own (agent:read)'
        ) from error
