"""The stand-in of a hub, looking only at what changed: a thousand clusters are too many to look at for each event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Object
from aioclustermanager.kubernetes.informer import Change
from spoke._hub_standin import HubStandIn
from spoke._running import Following, Signal, stopped

_AT_ONCE = 6
_log = logging.getLogger(__name__)


class Queue:
    """Looks at each thing that changed, some at once."""

    def __init__(self, things: Following, look: Callable[[Object], Awaitable[None]]) -> None:
        self._things, self._look = things, look
        self._names: dict[str, None] = {}
        self._heard = Signal()
        things.listen(self._changed)

    def wake(self, *_: object) -> None:
        """The faults changed, of which there are none here."""

    def _changed(self, change: Change) -> None:
        if change.new:
            self._names[change.new['metadata']['name']] = None
            self._heard.set()

    async def run(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                await self._heard.wait()
                self._heard.clear()
                while self._names:
                    name = next(iter(self._names))
                    del self._names[name]
                    under_way.add(asyncio.ensure_future(self._one(name)))
                    if len(under_way) >= _AT_ONCE:
                        _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stopped(*under_way)

    async def _one(self, name: str) -> None:
        if thing := self._things.get(name):
            try:
                await self._look(thing)
            except (kubernetes.Conflict, kubernetes.NotFound, kubernetes.Invalid):
                return  # it has changed meanwhile, which is an event of its own
            except kubernetes.Error as error:
                _log.warning('%s: %s', name, error)
                await asyncio.sleep(1)
                self._names[name] = None
                self._heard.set()


class LargeHub(HubStandIn):
    """It judges no leases: who measures does."""

    def _controller(
        self, name: str, things: Following, look: Callable[[Object], Awaitable[None]], *sources: Following
    ) -> Any:  # a stand-in of a Controller: it runs and is woken
        return Queue(things, look)
