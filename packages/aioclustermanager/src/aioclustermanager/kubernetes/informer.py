"""A cache of a resource that follows the server, with handlers for what changes.

async with Informer(client, resources.PODS, indexes={'node': lambda pod: [pod['spec'].get('nodeName', '')]}) as pods:
    pods.cache.by('node', 'worker-0')
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from types import TracebackType

from .. import _http
from . import _watch
from ._cache import Cache, Change, Index
from ._client import Client
from ._resources import Labels, Resource

__all__ = ['Cache', 'Change', 'Handler', 'Informer']
Handler = Callable[[Change], 'Awaitable[None] | None']
_log = logging.getLogger(__name__)
_PAUSES = _http.Retries(first_s=0.5, longest_s=30.0)


class Informer:
    """Enter it, and the cache is complete when the block begins; leave it, and nothing runs any more.

    Handlers, plain or async, are called one change after the other, in the server's order, from the first list on. One
    that raises is logged, and the next change comes all the same. resync_s: hand every object over again that often,
    for handlers that want to look after what they may have missed; 0 for never. pauses: between lists that are refused.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str = '',
        *,
        labels: Labels = '',
        fields: Labels = '',
        handlers: tuple[Handler, ...] = (),
        indexes: Mapping[str, Index] | None = None,
        resync_s: float = 0.0,
        pauses: _http.Retries = _PAUSES,
    ) -> None:
        self.resource = resource
        self.cache = Cache(indexes)
        self._watcher = _watch.Watcher(client, resource, namespace, labels=labels, fields=fields, bookmarks=True)
        self._handlers = handlers
        self._resync_s = resync_s
        self._pauses = pauses
        self._turn = asyncio.Lock()  # one change at a time, whoever brings it
        self._listed: asyncio.Future[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Informer:
        """Raises what the first list raises."""
        loop = asyncio.get_running_loop()
        self._listed = loop.create_future()
        self._tasks = [loop.create_task(self._run(self._listed))]
        if self._resync_s:
            self._tasks.append(loop.create_task(self._resync()))
        try:
            await asyncio.wait({self._listed, self._tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
            if self._tasks[0].done():
                self._tasks[0].result()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        ended = await self._stop()
        if ended and not error:
            raise ended

    async def _stop(self) -> BaseException | None:
        """End the tasks; returns why one of them had ended by itself: an index that raises, say."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        return next((each for each in ended if isinstance(each, Exception)), None)

    async def _run(self, listed: asyncio.Future[None]) -> None:
        failures = 0
        while True:
            try:
                async with contextlib.aclosing(self._events()) as events:
                    async for event in events:
                        failures = 0
                        if event.type != 'BOOKMARK':
                            await self._take(event)
                        elif not listed.done():
                            listed.set_result(None)
            except _http.Error as error:
                if not listed.done():
                    raise
                # Our rights may come back; until then the cache is what it was, and the next list tells the difference.
                _log.warning('informer of %s: %s', self.resource, error)
                await asyncio.sleep(_http.pause_s(self._pauses, failures, None, random.random))
                failures += 1

    async def _events(self) -> AsyncGenerator[_watch.Event, None]:
        """Yield what the watcher tells. Raises Error, also for what no API server would say."""
        try:
            async with contextlib.aclosing(self._watcher.__aiter__()) as events:
                async for event in events:
                    yield event
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            why = f'{self.resource}: what came is no answer of an API server ({type(error).__name__})'
            raise _http.ConnectionFailed(why, sent=True) from error

    async def _take(self, event: _watch.Event) -> None:
        async with self._turn:
            if change := self.cache.apply(event):
                await self._tell(change)

    async def _tell(self, change: Change) -> None:
        for handler in self._handlers:
            try:
                answer = handler(change)
                if inspect.isawaitable(answer):
                    await answer
            except Exception:
                _log.exception('informer of %s: a handler failed', self.resource)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._resync_s)
            for known in self.cache.all():
                async with self._turn:
                    meta = known['metadata']
                    if self.cache.get(meta['name'], meta.get('namespace', '')) is known:
                        await self._tell(Change(known, known))
