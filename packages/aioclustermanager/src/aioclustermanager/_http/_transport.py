"""Requests to one server: authenticated, in time, within the rate limit, repeated where that is safe."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from types import TracebackType

from . import _errors, _limits, _opening, _parser, _pool, _retry, _tls, _turns
from ._authentication import Authentication, Grant
from ._connection import Connection
from ._errors import AnswerTooLong, ConnectionFailed, DeadlineExceeded, Error, HttpError, InvalidConfiguration
from ._exchange import Exchange
from ._limits import Limits
from ._messages import JSON, Call, Request, Response, block
from ._opening import gone
from ._retry import Repeat, Retries
from ._shared import Shared
from ._stream import Stream

Explain = Callable[[str, int, bytes, 'float | None'], HttpError]
_UNSAFE = re.compile(r'[^!-~]')  # what would end a request line, or is no ASCII


class Transport:
    """Requests to one server. Make it anywhere, use it in one event loop, and `close()` it (or `async with` it).

    `explain(request, status, body, retry_after_s)` makes the error of an answer with a status of 400 or more.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: _tls.Tls | ssl.SSLContext | None = None,
        authentication: Authentication | None = None,
        proxy: str = '',
        limits: Limits | None = None,
        retries: Retries | None = None,
        explain: Explain = _errors.from_text,
        user_agent: str = 'aioclustermanager',
        shared: Shared | None = None,
        http2: bool = False,
    ) -> None:
        """Raises InvalidConfiguration for a URL, certificate, key or proxy that cannot be used; connects to nothing.

        http2: where the server speaks it, everything but WebSockets shares one connection. Needs the package h2, and
        `tls` as Tls.
        """
        self.limits = limits or Limits()
        self.retries = retries or Retries()
        self.authentication = authentication
        self._explain = explain
        self._tls = tls if isinstance(tls, _tls.Tls) else _tls.Tls()
        self._given = tls if isinstance(tls, ssl.SSLContext) else None
        if http2:
            self._tls = _offering(self._tls, self._given)
        route, self._prefix = _opening.route(server, self._tls.server_name, _opening.proxy(proxy))
        self._shared = shared
        self._turns = shared.turns(route.secure, route.host, route.port, route.proxy) if shared else None
        self._guest = _turns.Guest()
        self._route = route
        self._pool = self._join(self._tls)
        self._upgrades = None if http2 else self._pool  # see `_connections`
        self._left: list[_pool.Pool] = []  # where we were somebody else; what we asked there may go on
        self._exchanges: dict[Exchange, _pool.Pool] = {}  # under way
        if route.proxy and not route.secure:
            self._prefix = f'http://{route.authority}{self._prefix}'
        self._common = block({'Host': route.authority, 'User-Agent': user_agent})
        if route.proxy and route.proxy.credentials and not route.secure:
            self._common += block({'Proxy-Authorization': route.proxy.credentials})
        self._grant: Grant | None = None if authentication else Grant()
        self._granted = b''
        self._renewal: asyncio.Task[None] | None = None
        self._bucket = _limits.Bucket(self.limits.qps, self.limits.burst) if self.limits.qps else None
        self._closed = False

    @property
    def server(self) -> str:
        """Scheme, host and port."""
        route = self._route
        return f'{"https" if route.secure else "http"}://{route.authority}'

    @property
    def connections(self) -> int:
        """How many are open now, for us or for us and others (see Shared)."""
        return sum(len(each) for each in self._pools)

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        return self._pool.context

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections that nobody else uses; calls under way fail. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._renewal:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        under_way, pools = list(self._exchanges), self._pools
        for exchange in under_way:
            exchange.close()
        for each in pools.difference(self._left):
            each.leave()
        ours = (each for each in under_way if isinstance(each, Connection))
        await asyncio.gather(gone(*ours), *(each.close() for each in pools))

    async def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        repeat: Repeat | None = None,
    ) -> Response:
        """Return the answer to a request; `target` is path and query, already quoted.

        timeout_s: for all tries together (default `limits.call_s`). repeat: default by method, see `Repeat`.
        Raises HttpError (its kinds) for a status of 400 or more, ConnectionFailed, DeadlineExceeded.
        """
        loop = asyncio.get_running_loop()
        until = _limits.until(loop.time(), self.limits.call_s if timeout_s is None else timeout_s)
        call = Call(method, target, body, content_type, accept, headers)
        repeated = False
        attempt, renewed = 0, False
        while True:
            try:
                response = await self._once(loop, call, until)
                if response.status < 400:
                    response.repeated = repeated
                    return response
                error: Error = self._failure(call, response.status, response.head, response.body)
            except ConnectionFailed as failure:
                error = failure
            if isinstance(error, HttpError):
                error.repeated = repeated
                if error.status == 401 and not renewed and self.authentication and self.authentication.renewable:
                    self._outdate(call)
                    renewed = True
                    continue
            allowed = repeat or _retry.by_method(method)
            if self._closed or attempt >= self.retries.attempts or not _retry.is_allowed(allowed, error):
                raise error
            repeated = repeated or _retry.may_have_acted(error)
            await self._pause(loop, attempt, error, until)
            attempt += 1

    def stream(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        idle_s: float | None = None,
    ) -> Stream:
        """Return an answer to be read while it arrives: `async with transport.stream(...) as answer`.

        timeout_s: until the head is there (default `limits.call_s`). idle_s: between two pieces, None for ever.
        Entering raises as `request` does, and repeats nothing but a 401 that a new token may cure.
        """
        return Stream(self, Call(method, target, body, content_type, accept, headers), timeout_s, idle_s)

    # one try

    async def _once(self, loop: asyncio.AbstractEventLoop, call: Call, until: float) -> Response:
        exchange = await self._ready(loop, call, until)
        try:
            await exchange.send(self._request(call), until, whole=True)
        except (DeadlineExceeded, AnswerTooLong) as error:
            self._discard(exchange)
            raise type(error)(f'{call.name}: {error}') from None
        except ConnectionFailed as error:
            self._discard(exchange)
            raise ConnectionFailed(f'{call.name}: {error}', sent=error.sent) from error.__cause__
        except BaseException:
            self._discard(exchange)
            raise
        finally:
            self._leave()
        answer = exchange.answer
        response = Response(answer.status, answer.head, exchange.body())
        self._release(exchange)
        return response

    async def _ready(
        self, loop: asyncio.AbstractEventLoop, call: Call, until: float, *, upgrade: bool = False
    ) -> Exchange:
        """Wait for our turn, a valid grant and a connection."""
        now = loop.time()
        if until <= now:
            raise DeadlineExceeded(f'{call.name}: the time was over before the request was sent', sent=False)
        if self._bucket and (pause := self._bucket.take(now)):
            if now + pause > until:
                raise DeadlineExceeded(f'{call.name}: the rate limit lets no request out in time', sent=False)
            await asyncio.sleep(pause)
        if self._grant is None or now >= self._grant.expires:
            await self._renew(until - now)
        try:
            if self._turns:
                await self._turns.enter(self._guest, until)
            return await self._exchange(loop, until, self._connections(upgrade=upgrade))
        except DeadlineExceeded as error:
            raise DeadlineExceeded(f'{call.name}: {error}', sent=False) from error.__cause__

    async def _exchange(self, loop: asyncio.AbstractEventLoop, until: float, pool: _pool.Pool) -> Exchange:
        try:
            exchange = None if self._closed else pool.free(loop.time()) or await pool.acquire(until)
        except BaseException:
            self._leave()
            raise
        if exchange and not self._closed:
            exchange.most_bytes = self.limits.answer_bytes
            self._exchanges[exchange] = pool
            return exchange
        self._leave()
        if exchange:
            pool.discard(exchange)
        raise ConnectionFailed(f'the connections to {self._route.authority} were closed', sent=False)

    def _release(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange).release(exchange)

    def _discard(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange).discard(exchange)

    def _leave(self) -> None:
        if self._turns:
            self._turns.leave()

    def _request(self, call: Call) -> Request:
        call.grant = self._grant
        target = self._prefix + call.target
        if _UNSAFE.search(target):
            raise ValueError(f'not quoted: {call.target!r}')
        head = f'Accept: {call.accept}\r\n'
        if call.headers:
            head += block(call.headers).decode('ascii')
        if call.body is not None:
            head += f'Content-Type: {call.content_type}\r\nContent-Length: {len(call.body)}\r\n'
        elif call.method in ('POST', 'PUT', 'PATCH'):
            head += 'Content-Length: 0\r\n'
        return Request(call.method, target, b'%b%b%b' % (head.encode('ascii'), self._common, self._granted), call.body)

    def _failure(self, call: Call, status: int, head: bytes, body: bytes) -> HttpError:
        wait_s = _retry.retry_after_s(_parser.value(head, b'retry-after'))
        error = self._explain(call.name, status, body, wait_s)
        error.head = head
        return error

    async def _pause(self, loop: asyncio.AbstractEventLoop, attempt: int, error: Error, until: float) -> None:
        asked = error.retry_after_s if isinstance(error, HttpError) else None
        pause = _retry.pause_s(self.retries, attempt, asked, random.random)
        if loop.time() + pause >= until:
            raise error  # there is no time for another try: what went wrong tells more than "too late"
        await asyncio.sleep(pause)

    # who we are

    def _outdate(self, call: Call) -> None:
        """Ask for a new grant before the next request, unless another request that was refused has brought one."""
        if self._grant is call.grant:
            self._grant = None

    async def _renew(self, patience_s: float) -> None:
        """Ask for a grant, once for all who wait."""
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().create_task(self._ask())
            self._renewal.add_done_callback(self._renewal_over)
        try:
            await _limits.within(None if patience_s == float('inf') else patience_s, asyncio.shield(self._renewal))
        except asyncio.TimeoutError as error:
            raise DeadlineExceeded('no credentials in time', sent=False) from error
        except _limits.Interrupted as error:
            why = f'the connections to {self._route.authority} were closed'
            raise ConnectionFailed(why, sent=False) from error

    def _renewal_over(self, task: asyncio.Task[None]) -> None:
        self._renewal = None
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody waiting is no reason for a warning

    async def _ask(self) -> None:
        if self.authentication is None:
            self._grant = Grant()
            return
        grant = await self.authentication.grant()
        before = self._grant.certificate if self._grant else None
        self._granted = block(grant.headers)
        if grant.certificate and grant.certificate != before:
            self._tls = replace(self._tls, client=grant.certificate)
            self._left = [each for each in self._left if len(each)]
            for each in self._pools.difference(self._left):
                each.leave()
                self._left.append(each)
            self._pool = self._join(self._tls)
            self._upgrades = None if self._tls.protocols else self._pool
        self._grant = grant

    # where

    def _join(self, tls: _tls.Tls) -> _pool.Pool:
        """Become a user of connections that these are made for."""
        context = None
        if self._route.secure:
            context = self._given or (self._shared.context(tls) if self._shared else _tls.context(tls))
        http2 = bool(tls.protocols)
        if self._shared:
            pool = self._shared.pool(self._route, context, self.limits, http2=http2)
        else:
            pool = _pool.Pool(self._route, context, self.limits, http2=http2)
        pool.users += 1
        return pool

    def _connections(self, *, upgrade: bool) -> _pool.Pool:
        """Return those for a request; a WebSocket takes one of HTTP/1.1 over, as API servers know none over HTTP/2."""
        if not upgrade:
            return self._pool
        if self._upgrades is None:
            self._upgrades = self._join(replace(self._tls, protocols=()))
        return self._upgrades

    @property
    def _pools(self) -> set[_pool.Pool]:
        return {self._pool, *self._left, self._upgrades or self._pool}


def _offering(tls: _tls.Tls, given: ssl.SSLContext | None) -> _tls.Tls:
    """Return the same, offering HTTP/2 to the server. Raises InvalidConfiguration."""
    if given:
        raise InvalidConfiguration(
            "http2 needs tls as Tls: an SSLContext of one's own cannot be shared with WebSockets"
        )
    if not find_spec('h2'):
        raise InvalidConfiguration('http2 needs the package h2: install aioclustermanager[http2]')
    return replace(tls, protocols=('h2', 'http/1.1'))
