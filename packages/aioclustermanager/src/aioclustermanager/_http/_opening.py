"""How a connection comes to be: an address that answers, a proxy on the way, TLS, the protocol the server chooses."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union
from urllib.parse import unquote, urlsplit

from ._connection import Connection
from ._errors import ConnectionFailed, InvalidConfiguration
from ._messages import Request, block
from ._names import Names

if TYPE_CHECKING:
    from ._multiplexed import Multiplexed

Opened = Union[Connection, 'Multiplexed']
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


def route(server: str, server_name: str, proxy: Proxy | None) -> tuple[Route, str]:
    """Return where a server's URL leads, and the path in it. Raises InvalidConfiguration."""
    parts = urlsplit(server)
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidConfiguration(f'server {server}: {error}') from error
    if parts.scheme not in ('http', 'https') or not parts.hostname or parts.query or parts.fragment:
        raise InvalidConfiguration(f'server {server!r} is no URL like https://HOST:PORT')
    secure = parts.scheme == 'https'
    port = port or (443 if secure else 80)
    return Route(parts.hostname, port, secure, server_name, proxy), parts.path.rstrip('/')


async def gone(*connections: Opened) -> None:
    """Wait, a moment at most, until connections that were aborted are closed."""
    left = [each.closed for each in connections if not each.closed.done()]
    if left:
        await asyncio.wait(left, timeout=_LINGER_S)


class Opening:
    """One attempt: `await Opening(...).run()`. What it leaves half done, when it fails or is cancelled, is closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        route: Route,
        context: ssl.SSLContext | None,
        names: Names | None,
    ) -> None:
        self._loop, self._route, self._names = loop, route, names
        self._context = context if route.secure else None
        self._name = (route.server_name or route.host) if self._context else None
        self._made: list[Opened] = []

    async def run(self) -> Opened:
        """Return the connection. Raises OSError (ssl.SSLError is one), ConnectionFailed."""
        try:
            if self._route.proxy:
                await self._through(self._route.proxy)
            else:
                await self._dial(lambda: _Door(self._chosen), self._route.host, self._route.port, self._context)
            return self._made[-1]
        except BaseException:
            for each in self._made:
                each.abort()
            await gone(*self._made)
            raise

    def _chosen(self, protocol: str | None) -> Opened:
        """Return what speaks the protocol that the server chose."""
        made: Opened
        if protocol == 'h2':
            from ._multiplexed import Multiplexed  # needs h2, which is there if it was offered

            made = Multiplexed(self._loop)
        else:
            made = Connection(self._loop)
        self._made.append(made)
        return made

    async def _through(self, proxy: Proxy) -> None:
        plain = Connection(self._loop)
        self._made.append(plain)
        await self._dial(lambda: plain, proxy.host, proxy.port)
        if not self._context or plain.transport is None:
            return
        await _tunnel(plain, self._route, proxy)
        door = _Door(self._chosen)
        secured = await self._loop.start_tls(plain.transport, door, self._context, server_hostname=self._name)
        if secured is None or door.is_lost:
            why = f'cannot connect to {self._route.authority}: closed during the handshake'
            raise ConnectionFailed(why, sent=False)
        door.connection_made(secured)

    async def _dial(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, context: ssl.SSLContext | None = None
    ) -> None:
        """Connect to the first address that answers. Raises OSError."""
        failure: OSError | None = None
        name = self._name if context else None
        for address in await self._names.addresses(host) if self._names else (host,):
            try:
                await self._loop.create_connection(factory, address, port, ssl=context, server_hostname=name)
            except ssl.SSLError:
                raise  # somebody answers, and not as he should
            except OSError as error:
                failure = failure or error
            else:
                return
        if self._names:
            self._names.forget(host)
        raise failure or OSError(f'{host} has no address')


class _Door(asyncio.Protocol):
    """Stands where the connection's protocol will, until the server has chosen it."""

    def __init__(self, choose: Callable[[str | None], Opened]) -> None:
        self.is_lost = False
        self._choose = choose
        self._early = b''

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls: Any = transport.get_extra_info('ssl_object')
        chosen = self._choose(tls.selected_alpn_protocol() if tls else None)
        transport.set_protocol(chosen)
        chosen.connection_made(transport)
        if self._early:
            chosen.data_received(self._early)

    def data_received(self, data: bytes) -> None:
        self._early += data  # the server was faster than the event loop

    def connection_lost(self, _: Exception | None) -> None:
        self.is_lost = True


async def _tunnel(connection: Connection, route: Route, proxy: Proxy) -> None:
    lines = {'Host': route.authority}
    if proxy.credentials:
        lines['Proxy-Authorization'] = proxy.credentials
    await connection.send(Request('CONNECT', route.authority, block(lines)), float('inf'), whole=True)
    status = connection.answer.status
    connection.finish()
    if status != 200:
        why = f'the proxy {proxy.host}:{proxy.port} does not connect to {route.authority}: it answers {status}'
        raise ConnectionFailed(why, sent=False)
