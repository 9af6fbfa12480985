"""How the parts of an agent run: together, each again after what went wrong, and nothing left when it is over."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, Resource
from aioclustermanager.kubernetes.informer import Cache, Change, Informer

from ._intervals import Intervals
from ._metrics import Metrics

_log = logging.getLogger(__name__)
_CANCELLED_AGAIN_S = 1.0
_FIRST_REMINDER_S, _LONGEST_REMINDER_S = 300.0, 3600.0
_MOST_TEXTS = 8  # of one trouble: where each error is another text, they are no news


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends or fails; then the others are cancelled, and awaited."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await stopped(*tasks)
    if any(task.cancelled() for task in ended):  # by nobody here: not to be taken for an end
        raise RuntimeError('a part was cancelled from inside')
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            raise error


async def stopped(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and wait for their end.

    Once may not be enough: until Python 3.12 `asyncio.wait_for` drops a cancellation that comes with its result.
    """
    left = [task for task in tasks if not task.done()]  # a list: in the same order each time
    cancelled = False
    while left:
        for task in left:
            task.cancel()
        try:
            await asyncio.wait(left, timeout=_CANCELLED_AGAIN_S)
        except asyncio.CancelledError:  # whoever stops us has to wait as well: nothing may be left behind
            cancelled = True
        left = [task for task in left if not task.done()]
    if cancelled:
        raise asyncio.CancelledError


class Signal:
    """An event that one waits for, with a time limit that never swallows a cancellation."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self, *_: object) -> None:
        self._is_set = True
        _finish(self._waiter)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self, seconds: float | None = None) -> bool:
        """Return whether it was set, at once or within the time."""
        if self._is_set:
            return True
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(seconds, _finish, self._waiter) if seconds is not None else None
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer:
                timer.cancel()
        return self._is_set


def _finish(waiter: asyncio.Future[None] | None) -> None:
    if waiter and not waiter.done():
        waiter.set_result(None)


class Backoff:
    """Pauses that grow with each failure, cut by chance so that many agents do not come back at once."""

    def __init__(self, intervals: Intervals) -> None:
        first, longest = intervals.retry_first.total_seconds(), intervals.retry_longest.total_seconds()
        self.retries = kubernetes.Retries(first_s=first, longest_s=longest)
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def next_s(self, error: Exception | None = None) -> float:
        asked = error.retry_after_s if isinstance(error, kubernetes.HttpError) else None
        pause = kubernetes.pause_s(self.retries, self._failures, asked, random.random)
        self._failures += 1
        return pause


class Trouble:
    """What does not work: in the log when it begins, for new reasons, seldom while it lasts, and when it is over."""

    def __init__(self, over: str) -> None:
        """over: what is said then."""
        self._over = over
        self._texts: tuple[str, ...] = ()
        self._due_s = self._pause_s = 0.0

    def tell(self, text: str, error: Exception | None = None) -> None:
        """Say it now, if it is time to. error: one that nobody expects, for its traceback."""
        now_s = asyncio.get_running_loop().time()
        is_news = text not in self._texts and len(self._texts) < _MOST_TEXTS
        if not is_news and now_s < self._due_s:
            return
        self._pause_s = min(2 * self._pause_s, _LONGEST_REMINDER_S) if self._texts else _FIRST_REMINDER_S
        self._due_s = now_s + self._pause_s
        self._texts = (*self._texts, text) if is_news else self._texts
        _log.warning('%s', text, exc_info=error)

    def end(self) -> None:
        """It is over, if it ever was."""
        if self._texts:
            _log.info('%s', self._over)
            self._texts = ()


class Controller:
    """Calls `sync` at once, after each `wake()`, and after the seconds it returned (None: its interval).

    What it raises is logged, and tried again with growing pauses.
    """

    def __init__(
        self,
        name: str,
        sync: Callable[[], Awaitable[float | None]],
        interval_s: float,
        intervals: Intervals,
        metrics: Metrics,
    ) -> None:
        self.name = name
        self._label = name.partition('@cluster:')[0]  # of figures, where the cluster is a label of its own
        self._sync = sync
        self._interval_s = interval_s
        self._backoff = Backoff(intervals)
        self._metrics = metrics
        self._trouble = Trouble(f'{name}: works again')
        self._woken, self._cured = Signal(), Signal()

    def wake(self, *_: object) -> None:
        self._woken.set()

    def cured(self) -> None:
        """Wake, also from the pause after a failure: what failed is another now."""
        self._woken.set()
        self._cured.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            self._cured.clear()
            pause, may_wake = await self._once()
            await (self._woken if may_wake else self._cured).wait(pause)  # news do not make a failing server answer

    async def _once(self) -> tuple[float, bool]:
        began = time.monotonic()
        try:
            pause = await self._sync()
        except kubernetes.Conflict as error:  # of somebody else's write: what we know will be newer in a moment
            self._told(error)
            return self._backoff.next_s(error), True
        except Exception as error:
            self._told(error)
            return self._backoff.next_s(error), False
        finally:
            self._metrics.observe('spoke_sync_seconds', time.monotonic() - began, controller=self._label)
        self._trouble.end()
        self._backoff.reset()
        return self._interval_s if pause is None else pause, True

    def _told(self, error: Exception) -> None:
        self._metrics.add('spoke_retries_total', controller=self._label)
        expected = isinstance(error, kubernetes.Error | OSError)
        self._trouble.tell(f'{self.name}: {str(error) or type(error).__name__}', None if expected else error)


class Following:
    """A cache that follows a server, also one that is not there yet, or forbids it, or does not know the kind."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        intervals: Intervals,
        namespace: str = '',
        *,
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
        quiet: bool = False,
    ) -> None:
        """quiet: whoever made it looks at `error`, and tells."""
        self.client = client
        self.resource = resource
        self.ready = asyncio.Event()
        self.error: kubernetes.Error | None = None
        self.cache = Cache()
        self._namespace = namespace
        self._labels, self._fields = labels or {}, fields or {}
        self._trouble = None if quiet else Trouble(f'{resource} can be read')
        self._backoff = Backoff(intervals)
        self._listeners: list[Callable[[Change], None]] = []

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call this after each change from now on, and once after the first list."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[Change], None]) -> None:
        self._listeners.remove(listener)

    def get(self, name: str, namespace: str = '') -> Object | None:
        return self.cache.get(name, namespace)

    async def run(self) -> None:
        while True:
            informer = Informer(
                self.client, self.resource, self._namespace,
                labels=self._labels, fields=self._fields, handlers=(self._changed,),
                pauses=self._backoff.retries,
            )  # fmt: skip
            self.cache = informer.cache
            try:
                async with informer:
                    if self._trouble:
                        self._trouble.end()
                    self.error = None
                    self.ready.set()
                    self._changed(Change(None, None))
                    await asyncio.Event().wait()
            except kubernetes.Error as error:
                if self._trouble:
                    self._trouble.tell(f'{self.resource} cannot be read yet: {error}')
                self.error = error
                self._changed(Change(None, None))
                await asyncio.sleep(self._backoff.next_s(error))

    def _changed(self, change: Change) -> None:
        for listener in list(self._listeners):
            listener(change)
