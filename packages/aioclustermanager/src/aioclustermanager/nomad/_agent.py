"""The door to a Nomad agent: requests in one region and namespace, pages, and blocking queries that go on for ever."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from .. import _http
from .._http import (
    ConnectionFailed,
    DeadlineExceeded,
    Error,
    HttpError,
    NotFound,
    Repeat,
    ServerError,
    TooManyRequests,
    Transport,
)
from .._http._limits import until
from .._http._retry import pause_s

WAIT_S = 60.0  # of one blocking query: long enough to be cheap, short enough to find a dead connection
_MARGIN_S = 15.0  # what an answer may take beyond its wait
_FIRST_IDLE_S, _LONGEST_IDLE_S = 0.05, 2.0
Query = Mapping[str, str | int | bool | tuple[str, ...]]


class WaitTimedOut(DeadlineExceeded, asyncio.TimeoutError):
    """What was waited for has not come in time. Also what `asyncio.wait_for` raises, in Python 3.10, too."""


@dataclass(frozen=True)
class Answer:
    """What the agent said. `index` is that of the state it read (X-Nomad-Index), 0 where it gives none."""

    value: Any
    index: int = 0
    next_token: str = ''
    repeated: bool = False  # an earlier try of the same request may have been carried out, too


@dataclass(frozen=True)
class Agent:
    transport: Transport
    region: str = ''  # '' is the agent's own
    namespace: str = ''  # '' is the one called default; '*' reads all that the token may see
    wait_s: float = WAIT_S

    def within(self, namespace: str) -> Agent:
        """Return the same door for another namespace."""
        return dataclasses.replace(self, namespace=namespace)

    def target(self, path: str, query: Query | None = None) -> str:
        """Return the path and query of a request; parameters that are False, '' or 0 are left out."""
        given = {'namespace': self.namespace, 'region': self.region, **(query or {})}
        pairs = [(name, value) for name, value in given.items() if value]
        text = urlencode([(name, 'true' if value is True else value) for name, value in pairs], doseq=True)
        return f'/v1/{path}?{text}' if text else f'/v1/{path}'

    async def read(
        self, path: str, query: Query | None = None, *, timeout_s: float | None = None, repeat: Repeat | None = None
    ) -> Answer:
        """Return what is there. Raises NotFound and the other errors of a request."""
        target = self.target(path, query)
        return _answer(await self.transport.request('GET', target, timeout_s=timeout_s, repeat=repeat))

    async def find(
        self, path: str, query: Query | None = None, *, timeout_s: float | None = None, repeat: Repeat | None = None
    ) -> Answer:
        """Return what is there, with a value of None for a 404."""
        try:
            return await self.read(path, query, timeout_s=timeout_s, repeat=repeat)
        except NotFound as error:
            return Answer(None, _number(error.header('x-nomad-index')))

    async def write(
        self, method: str, path: str, body: object = None, *, query: Query | None = None, repeat: Repeat | None = None
    ) -> Answer:
        """Change something. `repeat`: see Transport.request; by default a POST that may have acted is an error."""
        content = None if body is None else _http.dumps(body)
        response = await self.transport.request(method, self.target(path, query), content, repeat=repeat)
        return _answer(response)

    async def pages(self, path: str, per_page: int, query: Query | None = None) -> AsyncGenerator[list[Any], None]:
        """Yield a list in pages of this size; servers that know no pages give everything in one."""
        token = ''
        while True:
            answer = await self.read(path, {**(query or {}), 'per_page': per_page, 'next_token': token})
            yield answer.value
            token = answer.next_token
            if not token:
                return

    async def follow(self, path: str, query: Query | None = None) -> AsyncGenerator[Answer, None]:
        """Yield what is there now, and again whenever it changed; a value of None is a 404.

        Blocking queries underneath: no state that stays is missed, states that are over within one round trip may be.
        Goes on through broken connections, servers that fail and an index that went back; only `deadline()` and
        refusals (403 and the like) end it. No answer is younger than one that was yielded before.
        """
        known, idle_s = 0, _FIRST_IDLE_S
        while True:
            answer = await self._patient(path, known, query or {})
            if answer.index and answer.index != known:
                yield answer
                known, idle_s = answer.index, _FIRST_IDLE_S
                continue
            if not known:
                yield answer  # of an endpoint that gives no index: all that can be done is to ask again
            await _pause(idle_s)  # returned without a change: harmless once, but not in a loop
            idle_s = min(idle_s * 2, _LONGEST_IDLE_S)

    async def wait(
        self, path: str, accepts: Callable[[Any], bool], *, timeout_s: float | None, query: Query | None = None
    ) -> Any:
        """Return what is there as soon as it is accepted (None: a 404). Raises WaitTimedOut."""
        limit = _http.deadline(timeout_s) if timeout_s is not None else nullcontext()
        try:
            with limit:
                async with aclosing(self.follow(path, query)) as states:
                    async for answer in states:
                        if accepts(answer.value):
                            return answer.value
        except DeadlineExceeded as error:
            waited = '' if timeout_s is None else f' for {timeout_s} s'
            raise WaitTimedOut(f'waited for {path}{waited}, in vain: {error}') from error
        raise AssertionError('what is followed never ends')  # pragma: no cover

    async def _patient(self, path: str, known: int, query: Query) -> Answer:
        """Ask until the agent answers: for another state than the one known, but after a failure for the one there is.

        (After a restart from a snapshot the index may be lower, and a query for more than ours would block in vain.)
        """
        attempt = 0
        while True:
            wait_s = min(self.wait_s, max(remaining_s(), 0.001))
            blocking: Query = {'index': known, 'wait': f'{max(int(wait_s * 1000), 1)}ms'} if known else {}
            timeout_s = wait_s * 17 / 16 + _MARGIN_S  # the agent adds up to a sixteenth
            try:
                return await self.find(path, {**query, **blocking}, timeout_s=timeout_s, repeat=Repeat.NEVER)
            except (ConnectionFailed, ServerError, TooManyRequests, DeadlineExceeded) as error:
                await self.weather(error, attempt)
            known, attempt = 0, attempt + 1

    async def weather(self, error: Error, attempt: int) -> None:
        """Wait before the try after a passing failure; raises the failure when there is no time left for one."""
        if remaining_s() <= 0:
            raise (
                error if isinstance(error, DeadlineExceeded) else DeadlineExceeded(f'no time left: {error}')
            ) from error
        asked = error.retry_after_s if isinstance(error, HttpError) else None
        await _pause(pause_s(self.transport.retries, attempt, asked, random.random))


def segment(text: str) -> str:
    """Return a name as one segment of a path: IDs of dispatched jobs have slashes in them."""
    return quote(text, safe='')


def remaining_s() -> float:
    """Return the seconds left of the `deadline()` around us."""
    return until(0, None) - asyncio.get_running_loop().time()


async def _pause(seconds: float) -> None:
    await asyncio.sleep(max(min(seconds, remaining_s()), 0))


def _answer(response: _http.Response) -> Answer:
    try:
        value = response.json() if response.body else None
    except ValueError as error:
        raise ConnectionFailed(f'the answer is no JSON: {error}', sent=True) from error
    index, token = _number(response.header('x-nomad-index')), response.header('x-nomad-nexttoken')
    return Answer(value, index, token, response.repeated)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
