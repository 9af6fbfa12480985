"""Requests by address: what programs of 0.3.44 ask the caller for as they are."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from .. import _http, _session
from .._old_errors import as_of_old
from ._agent import Agent
from .client import Client, Settings

Json = dict[str, Any]
Words = str | list[str] | None
_PATH = "/%:@!$&'()*+,;=~-._"


class Requests:
    """A Nomad agent, by address. URLs are whole (scheme and endpoint first) or begin with the path."""

    def __init__(self, endpoint: str, datacenters: str, session: Any, *, client: Client | None = None) -> None:
        """Speak to an agent; without a client by plain http, as 0.3.44 did. A session given is its owner's to close."""
        self.client = client or Client(Settings('http', endpoint))
        self.endpoint = endpoint
        self.scheme = self.client.settings.scheme
        self.datacenters = datacenters
        self._session = session
        self._owns_session = session is None

    @property
    def session(self) -> Any:
        """An aiohttp session that carries the token, made when it is first asked for; closing it closes the caller."""
        if self._session is None:
            token = self.client.settings.token
            self._session = _session.make({'X-Nomad-Token': token} if token else {}, self.client.close)
        return self._session

    async def close(self) -> None:
        """Close all connections, and the session if it is the caller's own. Idempotent."""
        await self.client.close()
        if self._session is not None and self._owns_session:
            await self._session.close()

    async def get(self, url: str, params: Mapping[str, Any]) -> Any:
        """Return what is at an address: JSON, or the text that is none; None for 404."""
        try:
            answer = await self.client.transport.request('GET', self._target(url, params))
        except _http.NotFound:
            return None
        try:
            return answer.json()
        except ValueError:
            return answer.body.decode('utf-8', 'replace')

    async def post(self, url: str, version: str | None, payload: Any) -> Any:  # noqa: ARG002  (0.3.44 has it, too)
        """Send to an address; returns the answer."""
        with as_of_old():
            content = None if payload is None else _http.dumps(payload)
            answer = await self.client.transport.request('POST', self._target(url), content)
        return answer.json() if answer.body else None

    async def delete(self, url: str, version: str | None, payload: Any) -> Any:  # noqa: ARG002
        """Delete what is at an address; returns the answer, None for 404."""
        try:
            answer = await self.client.transport.request('DELETE', self._target(url))
        except _http.NotFound:
            return None
        return answer.json() if answer.body else None

    async def watch(self, url: str, value: Words = None, not_value: Words = None, timeout: float = 30) -> Any:
        """Return what is at an address as soon as its Status is one of `value`, or none of `not_value`.

        Waits for what is not there. Raises WaitTimedOut, which is an asyncio.TimeoutError, as 0.3.44 did.
        """
        with _http.deadline(timeout):
            return await self._watch(url, value, not_value)

    async def _watch(self, url: str, value: Words = None, not_value: Words = None) -> Any:
        wanted, unwanted = _words(value), _words(not_value)

        def accepts(found: Any) -> bool:
            status = (found or {}).get('Status')
            if found is None or (wanted is None and unwanted is None):
                return False
            return status not in unwanted if unwanted is not None else status in (wanted or [])

        parts = urlsplit(self._target(url))
        return await self._door.wait(
            parts.path.removeprefix('/v1/'), accepts, query=dict(parse_qsl(parts.query)), timeout_s=None
        )

    async def _watch_log(
        self, url: str, params: Mapping[str, Any], timeout: float | None = 20
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines at an address as they are written, with their ends; `timeout` without a new one ends it."""
        target = self._target(url, params)
        async with aclosing(lines(self._pieces(target, timeout))) as found:
            async for line in found:
                yield line

    async def _pieces(self, target: str, idle_s: float | None) -> AsyncGenerator[bytes, None]:
        with contextlib.suppress(_http.DeadlineExceeded):
            async with self.client.transport.stream('GET', target, accept='*/*', idle_s=idle_s) as stream:
                while piece := await stream.read():
                    yield piece

    @property
    def _door(self) -> Agent:
        return Agent(self.client.transport, self.client.settings.region)

    def _target(self, url: str, params: Mapping[str, Any] | None = None) -> str:
        """Return path and query of an address of this agent. Raises ValueError for another server's."""
        parts = urlsplit(url)
        if parts.netloc and (parts.scheme, parts.netloc) != (self.scheme, self.endpoint):
            wanted = f'{self.scheme}://{self.endpoint}'
            raise ValueError(f'{parts.scheme}://{parts.netloc} is not the agent of this caller, {wanted}')
        region = self.client.settings.region
        asked = {**({'region': region} if region else {}), **(params or {})}
        query = '&'.join(filter(None, (parts.query, urlencode(asked))))
        return quote(parts.path, safe=_PATH) + (f'?{query}' if query else '')


def _words(value: Words) -> list[str] | None:
    return [value] if isinstance(value, str) else value


async def lines(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield the lines in what arrives in pieces, with their ends; the last one perhaps has none."""
    rest = b''
    async with aclosing(pieces):
        async for piece in pieces:
            *whole, rest = (rest + piece).split(b'\n')
            for line in whole:
                yield line + b'\n'
    if rest:
        yield rest
