"""The connections to one server: made when needed, reused, never more than the limit, all closed at the end."""

from __future__ import annotations

import asyncio
import base64
import collections
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from . import _limits
from ._connection import Connection
from ._errors import ConnectionFailed, DeadlineExceeded, InvalidConfiguration
from ._limits import Limits
from ._names import Names

_LINGER_S = 1.0  # for a connection that was closed to be gone


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy; `credentials` is the Proxy-Authorization header's value or ''."""

    host: str
    port: int
    credentials: str = field(default='', repr=False)


@dataclass(frozen=True)
class Route:
    """Where the server is."""

    host: str
    port: int
    secure: bool
    server_name: str = ''
    proxy: Proxy | None = None

    @property
    def authority(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'{host}:{self.port}'


def proxy(url: str) -> Proxy | None:
    """Return the proxy at a URL, None for ''. Raises InvalidConfiguration."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != 'http' or not parts.hostname:
        raise InvalidConfiguration(
            f'proxy {parts.scheme}://{parts.hostname}: only proxies at http://HOST:PORT are supported'
        )
    credentials = ''
    if parts.username is not None:
        pair = f'{unquote(parts.username)}:{unquote(parts.password or "")}'
        credentials = 'Basic ' + base64.b64encode(pair.encode()).decode('ascii')
    return Proxy(parts.hostname, parts.port or 80, credentials)


class Pool:
    """Connections on one route."""

    def __init__(self, route: Route, limits: Limits, names: Names | None = None) -> None:
        self.route = route
        self._names = names  # None: asyncio looks them up
        self.context: ssl.SSLContext | None = None  # a new one takes effect for new connections; see `renew`
        self._limits = limits
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiters: collections.deque[asyncio.Future[Connection | None]] = collections.deque()
        self._closed = False

    def __len__(self) -> int:
        """Connections that are open, or being opened."""
        return len(self._all)

    def idle(self, now: float) -> Connection | None:
        """Return the connection that was used last, if one is free."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost and now - connection.idle_since < self._limits.idle_s:
                return connection
            self._drop(connection)
        return None

    async def acquire(self, until: float) -> Connection:
        """Return a connection, a free or a new one. Raises ConnectionFailed, DeadlineExceeded."""
        loop = asyncio.get_running_loop()
        while True:
            if self._closed:
                raise self._over()
            if connection := self.idle(loop.time()):
                return connection
            if len(self._all) < self._limits.connections:
                return await self._connect(loop, until)
            if handed := await self._wait(loop, until):
                return handed

    def release(self, connection: Connection) -> None:
        """Give a connection back, after its exchange."""
        if self._closed or not connection.finish() or connection.context is not self.context:
            self._drop(connection)
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    def discard(self, connection: Connection) -> None:
        """Close a connection whose exchange did not end well."""
        self._drop(connection)

    def renew(self, context: ssl.SSLContext | None) -> None:
        """Use another context from now on: connections made with the old one end with their exchange."""
        self.context = context
        idle, self._idle = self._idle, []
        for connection in idle:
            self._drop(connection)

    async def close(self) -> None:
        """Close everything; what is under way fails."""
        self._closed = True
        for opening in self._opening:
            opening.cancel()
        connections = list(self._all)
        for connection in connections:
            self._drop(connection)
        while self._waiters:
            self._wake_one()
        ended = [connection.closed for connection in connections if not connection.closed.done()]
        if ended:
            await asyncio.wait(ended, timeout=_LINGER_S)

    def _drop(self, connection: Connection) -> None:
        connection.abort()
        if connection in self._all:
            self._all.discard(connection)
            self._wake_one()

    def _wake_one(self) -> None:
        """Let the next in the queue make a connection of its own."""
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

    async def _connect(self, loop: asyncio.AbstractEventLoop, until: float) -> Connection:
        connection = Connection(loop, self._limits.answer_bytes)
        connection.context = self.context
        self._all.add(connection)
        opening = loop.create_task(self._open_route(loop, connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            await _limits.within(self._patience(loop, until), opening)
        except _limits.Interrupted as error:
            self._drop(connection)
            raise self._over() from error
        except (TimeoutError, asyncio.TimeoutError) as error:
            self._drop(connection)
            if loop.time() >= until:
                raise DeadlineExceeded(f'no connection to {self.route.authority} in time', sent=False) from error
            why = f'cannot connect to {self.route.authority}: no answer within {self._limits.connect_s:g} s'
            raise ConnectionFailed(why, sent=False) from error
        except ConnectionFailed as error:  # of the proxy: the server has seen nothing
            self._drop(connection)
            raise ConnectionFailed(str(error), sent=False) from error
        except OSError as error:  # ssl.SSLError is one
            self._drop(connection)
            raise ConnectionFailed(f'cannot connect to {self.route.authority}: {error}', sent=False) from error
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _over(self) -> ConnectionFailed:
        return ConnectionFailed(f'the connections to {self.route.authority} were closed', sent=False)

    def _patience(self, loop: asyncio.AbstractEventLoop, until: float) -> float:
        return max(0.0, min(self._limits.connect_s, until - loop.time()))

    async def _open_route(self, loop: asyncio.AbstractEventLoop, connection: Connection) -> None:
        route, context = self.route, self.context if self.route.secure else None
        name = (route.server_name or route.host) if context else None
        if route.proxy is None:
            await self._dial(loop, connection, route.host, route.port, context, name)
            return
        await self._dial(loop, connection, route.proxy.host, route.proxy.port)
        if context and connection.transport:
            await _tunnel(connection, route, route.proxy)
            secured = await loop.start_tls(connection.transport, connection, context, server_hostname=name)
            if secured is None:
                raise ConnectionFailed(f'cannot connect to {route.authority}: closed during the handshake', sent=False)
            connection.connection_made(secured)

    async def _dial(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        host: str,
        port: int,
        context: ssl.SSLContext | None = None,
        name: str | None = None,
    ) -> None:
        """Connect to the first address that answers. Raises OSError."""
        failure: OSError | None = None
        for address in await self._names.addresses(host) if self._names else (host,):
            try:
                await loop.create_connection(lambda: connection, address, port, ssl=context, server_hostname=name)
            except ssl.SSLError:
                raise  # somebody answers, and not as he should
            except OSError as error:
                failure = failure or error
            else:
                return
        if self._names:
            self._names.forget(host)
        raise failure or OSError(f'{host} has no address')


async def _tunnel(connection: Connection, route: Route, proxy: Proxy) -> None:
    head = f'CONNECT {route.authority} HTTP/1.1\r\nHost: {route.authority}\r\n'
    if proxy.credentials:
        head += f'Proxy-Authorization: {proxy.credentials}\r\n'
    await connection.send(f'{head}\r\n'.encode('ascii'), float('inf'), whole=True, bodiless=True)
    status = connection.parser.status
    connection.finish()
    if status != 200:
        why = f'the proxy {proxy.host}:{proxy.port} does not connect to {route.authority}: it answers {status}'
        raise ConnectionFailed(why, sent=False)


def _expire(waiter: asyncio.Future[Connection | None]) -> None:
    if not waiter.done():
        waiter.set_exception(DeadlineExceeded('no connection was free in time', sent=False))
