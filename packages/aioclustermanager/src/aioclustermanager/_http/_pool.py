"""The connections to one server: made when needed, reused, never more than the limit, all closed at the end.

Where the server chooses HTTP/2 in the handshake, one connection carries all that goes on at once, and a further one is
made only when that one is full or on its way out.

A pool may have several users: who asks is told with each request, so connections on one route with one TLS context are
anybody's. It ends with its last user.
"""

from __future__ import annotations

import asyncio
import collections
import ssl
from typing import TYPE_CHECKING

from . import _limits
from ._connection import Connection
from ._errors import ConnectionFailed, DeadlineExceeded
from ._exchange import Exchange
from ._limits import Limits
from ._names import Names
from ._opening import Opened, Opening, Route, gone

if TYPE_CHECKING:
    from ._multiplexed import Multiplexed  # needs h2, which only the extra http2 installs


class Pool:
    """Connections on one route with one TLS context, for `users` at once."""

    def __init__(
        self,
        route: Route,
        context: ssl.SSLContext | None,
        limits: Limits,
        names: Names | None = None,
        *,
        http2: bool = False,
    ) -> None:
        self.route = route
        self.context = context
        self.users = 0
        self._names = names  # None: asyncio looks them up
        self._limits = limits  # how many connections: for each user
        self._idle: list[Connection] = []
        self._multiplexed: list[Multiplexed] = []
        self._all: set[Opened] = set()
        self._may_multiplex = http2 and route.secure  # until the server chooses otherwise
        self._first: asyncio.Task[None] | None = None  # opens what all that wait may come to share
        self._opening: set[asyncio.Task[Opened]] = set()
        self._waiters: collections.deque[asyncio.Future[Connection | None]] = collections.deque()
        self._retired = self._closed = False

    @property
    def is_over(self) -> bool:
        """Whether its last user has left."""
        return self._retired or self._closed

    def __len__(self) -> int:
        """Connections that are open, or being opened."""
        return len(self._all) + len(self._opening)

    def free(self, now: float) -> Exchange | None:
        """Return what can carry a request at once: a stream, or the connection that was used last; None if none can."""
        if self._multiplexed:
            self._weed(now)
            if shared := next((each for each in self._multiplexed if each.has_room), None):
                return shared.stream()
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost and now - connection.idle_since < self._limits.idle_s:
                return connection
            self._drop(connection)
        return None

    async def acquire(self, until: float) -> Exchange:
        """Return what can carry a request, a free or a new one. Raises ConnectionFailed, DeadlineExceeded."""
        loop = asyncio.get_running_loop()
        while True:
            if self._closed:
                raise self._over()
            if exchange := self.free(loop.time()):
                return exchange
            if len(self) >= self._limits.connections * self.users and not self._first:
                if handed := await self._wait(loop, until):
                    return handed
            elif self._may_multiplex:
                await self._share(loop, until)
            else:
                connection = await self._connect(loop, until)
                if isinstance(connection, Connection):
                    return connection

    def release(self, exchange: Exchange) -> None:
        """Give back what carried a request, after it."""
        if not isinstance(exchange, Connection):
            self.discard(exchange)
            return
        if self.is_over or not exchange.finish():
            self._drop(exchange)
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(exchange)
                return
        exchange.idle_since = asyncio.get_running_loop().time()
        self._idle.append(exchange)

    def discard(self, exchange: Exchange) -> None:
        """End an exchange that did not end well: a connection of its own is closed, one with others goes on."""
        if isinstance(exchange, Connection):
            self._drop(exchange)
            return
        exchange.abort()
        self._weed(asyncio.get_running_loop().time())
        self._wake_one()

    def leave(self) -> None:
        """Be one user fewer; after the last, connections end with what they carry. For `close`, it need not be over."""
        self.users -= 1
        if self.users:
            return
        self._retired = True
        idle, self._idle = self._idle, []
        for connection in idle:
            self._drop(connection)
        for shared in self._multiplexed:
            shared.draining = True
        self._weed(float('-inf'))

    async def close(self) -> None:
        """Close everything if the last user has left; what is under way fails."""
        if self.users:
            return
        self._closed = True
        opening = [*self._opening, *([self._first] if self._first else [])]
        for task in opening:
            task.cancel()
        connections = list(self._all)
        for connection in connections:
            connection.abort()
        while self._waiters:
            self._wake_one()
        await asyncio.gather(*opening, return_exceptions=True)
        for connection in self._all.difference(connections):
            connection.abort()
        await gone(*self._all)
        self._all.clear()

    def _weed(self, now: float) -> None:
        """Close what nobody uses and nobody will."""
        for shared in list(self._multiplexed):
            unused = not shared.streams and (shared.draining or now - shared.idle_since >= self._limits.idle_s)
            if shared.lost or unused:
                self._multiplexed.remove(shared)
                self._drop(shared)

    def _drop(self, connection: Opened) -> None:
        connection.abort()
        if connection in self._all:
            self._all.discard(connection)
            self._wake_one()

    def _wake_one(self) -> None:
        """Let the next in the queue make a connection of its own, or look for room."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _wait(self, loop: asyncio.AbstractEventLoop, until: float) -> Connection | None:
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._waiters.append(waiter)
        timer = loop.call_at(until, _expire, waiter) if until != float('inf') else None
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # handed one at the same moment: it is somebody else's turn
                if connection := waiter.result():
                    self.release(connection)
                else:
                    self._wake_one()
            raise
        finally:
            if timer:
                timer.cancel()

    async def _share(self, loop: asyncio.AbstractEventLoop, until: float) -> None:
        """Wait for the connection that all may come to share. Raises ConnectionFailed, DeadlineExceeded."""
        if self._first is None:
            self._first = loop.create_task(self._open_first(loop))
            self._first.add_done_callback(self._first_over)
        patience_s = None if until == float('inf') else max(0.0, until - loop.time())
        try:
            await _limits.within(patience_s, asyncio.shield(self._first))
        except asyncio.TimeoutError as error:
            raise DeadlineExceeded(f'no connection to {self.route.authority} in time', sent=False) from error
        except _limits.Interrupted as error:
            raise self._over() from error
        except ConnectionFailed as error:  # one for each who waits
            raise ConnectionFailed(str(error), sent=False) from error.__cause__

    async def _open_first(self, loop: asyncio.AbstractEventLoop) -> None:
        connection = await self._connect(loop, float('inf'))
        if isinstance(connection, Connection):
            self._may_multiplex = False
            connection.idle_since = loop.time()
            self._idle.append(connection)

    def _first_over(self, task: asyncio.Task[None]) -> None:
        self._first = None
        if not task.cancelled():
            task.exception()  # whoever waited has it

    async def _connect(self, loop: asyncio.AbstractEventLoop, until: float) -> Opened:
        opening = Opening(loop, self.route, self.context, self._names)
        task = loop.create_task(opening.run())
        self._opening.add(task)
        task.add_done_callback(self._opened)
        try:
            return await _limits.within(self._patience(loop, until), task)
        except _limits.Interrupted as error:
            raise self._over() from error
        except (TimeoutError, asyncio.TimeoutError) as error:
            if loop.time() >= until:
                raise DeadlineExceeded(f'no connection to {self.route.authority} in time', sent=False) from error
            why = f'cannot connect to {self.route.authority}: no answer within {self._limits.connect_s:g} s'
            raise ConnectionFailed(why, sent=False) from error
        except ConnectionFailed as error:  # of the proxy: the server has seen nothing
            raise ConnectionFailed(str(error), sent=False) from error
        except OSError as error:  # ssl.SSLError is one
            raise ConnectionFailed(f'cannot connect to {self.route.authority}: {error}', sent=False) from error
        except asyncio.CancelledError:
            if task.done() and not task.cancelled() and not task.exception():
                self._drop(task.result())  # there at the same moment, and nobody wants it
            raise

    def _opened(self, task: asyncio.Task[Opened]) -> None:
        self._opening.discard(task)
        if task.cancelled() or task.exception():
            self._wake_one()
            return
        connection = task.result()
        self._all.add(connection)
        if not isinstance(connection, Connection):
            connection.draining = self._retired
            self._multiplexed.append(connection)

    def _over(self) -> ConnectionFailed:
        return ConnectionFailed(f'the connections to {self.route.authority} were closed', sent=False)

    def _patience(self, loop: asyncio.AbstractEventLoop, until: float) -> float:
        return max(0.0, min(self._limits.connect_s, until - loop.time()))


def _expire(waiter: asyncio.Future[Connection | None]) -> None:
    if not waiter.done():
        waiter.set_exception(DeadlineExceeded('no connection was free in time', sent=False))
