"""Requests by address, and waits: what all methods of the caller stand on, and programs use as they are."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from .. import _session, kubernetes
from .._http import _limits
from .._old_errors import as_of_old
from ..exceptions import NotFoundEndpointException
from ..kubernetes import waits
from . import _operations
from ._configuration import Settings

Json = dict[str, Any]
_PATH = "/%:@!$&'()*+,;=~-._"
_QUERY = f'{_PATH}?'
_ENDED = ('ADDED', 'MODIFIED', 'DELETED')
Caller = TypeVar('Caller', bound='Requests')


class Requests:
    """An API server, by address. URLs are whole (scheme and endpoint first) or begin with the path."""

    def __init__(self, ssl_context: Any, endpoint: str, session: Any, scheme: str = 'https') -> None:
        """Use the headers and the authentication of an aiohttp session, which its owner closes; not its connections."""
        headers = {str(name): str(text) for name, text in dict(getattr(session, 'headers', None) or {}).items()}
        basic = getattr(session, 'auth', None)
        authorization = basic.encode() if basic else headers.get('Authorization', '')
        trust = (
            ssl_context if isinstance(ssl_context, ssl.SSLContext) else kubernetes.Tls(verify=ssl_context is not False)
        )
        authentication = kubernetes.Fixed('Authorization', authorization) if authorization else None
        self._begin(
            endpoint, scheme, kubernetes.Configuration(f'{scheme}://{endpoint}', trust, authentication), session
        )

    @classmethod
    def of(cls: type[Caller], settings: Settings) -> Caller:
        """Return a caller for these settings. Raises InvalidConfiguration; connects to nothing."""
        caller = cls.__new__(cls)
        caller._begin(settings.endpoint, settings.scheme, settings.configuration, None, settings)
        return caller

    def _begin(
        self,
        endpoint: str,
        scheme: str,
        configuration: kubernetes.Configuration,
        session: Any,
        settings: Settings | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.scheme = scheme
        self.client = kubernetes.Client(configuration)
        self._session = session
        self._settings = settings  # None: the session is another's

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """How the server is known, as `ssl=` of an aiohttp request; None for http."""
        return self.client.transport.ssl_context

    @property
    def session(self) -> Any:
        """An aiohttp session that carries the credentials, made when it is first asked for.

        Closing it closes the caller's own connections too. It shows a token as it was when the session was made.
        """
        if self._session is None:
            headers = self._settings.headers() if self._settings else {}
            self._session = _session.make(headers, self.client.close, self.ssl_context)
        return self._session

    async def close(self) -> None:
        """Close all connections and the session. Idempotent."""
        await self.client.close()
        if self._session is not None and self._settings is not None:
            await self._session.close()

    # requests

    async def get(self, url: str, noaccept: bool = False) -> Any:
        """Return the object at an address, or with `noaccept` the text; None for 404."""
        try:
            answer = await self.client.transport.request(
                'GET', self._target(url), accept='*/*' if noaccept else 'application/json'
            )
        except kubernetes.NotFound:
            return None
        return answer.body.decode('utf-8', 'replace') if noaccept else answer.json()

    async def patch(self, url: str, payload: list[Json]) -> Any:
        """Change an object by a JSON patch (RFC 6902); returns it."""
        return await self._write('PATCH', url, payload, kubernetes.Patch.JSON.value)

    async def put(self, url: str, version: str, payload: Mapping[str, Any]) -> Any:
        """Replace an object; returns it. `version` is its apiVersion."""
        return await self._write('PUT', url, {**payload, 'apiVersion': version})

    async def post(self, url: str, version: str, payload: Mapping[str, Any]) -> Any:
        """Create an object; returns it. `version` is its apiVersion."""
        return await self._write('POST', url, {**payload, 'apiVersion': version})

    async def delete(self, url: str, version: str, payload: Mapping[str, Any] | None) -> Any:
        """Delete an object; returns the server's answer, None for 404. `payload`: DeleteOptions."""
        try:
            return await self._write('DELETE', url, {**(payload or {}), 'apiVersion': version})
        except NotFoundEndpointException:
            return None

    async def _write(self, method: str, url: str, payload: Any, content_type: str = 'application/json') -> Any:
        with as_of_old():
            answer = await self.client.transport.request(
                method, self._target(url), kubernetes.dumps(payload), content_type=content_type
            )
        return answer.json()

    def _target(self, url: str) -> str:
        """Return path and query of an address on this server, quoted. Raises ValueError for another server's."""
        parts = urlsplit(url)
        if parts.netloc and (parts.scheme, parts.netloc) != (self.scheme, self.endpoint):
            raise ValueError(
                f'{parts.scheme}://{parts.netloc} is not the server of this caller, {self.scheme}://{self.endpoint}'
            )
        query = f'?{quote(parts.query, safe=_QUERY)}' if parts.query else ''
        return quote(parts.path, safe=_PATH) + query

    # waits

    async def wait_available(self, kind: str, namespace: str, name: str | None = None, timeout: float = 30) -> bool:
        """Wait until something is available (condition Available; a stateful set, which has none: all pods ready).

        False when the time is over.
        """
        return await self._wait(kind, namespace, name, _is_available, timeout)

    async def wait_added(self, kind: str, namespace: str, name: str | None = None, timeout: float = 30) -> bool:
        """Wait until something is there; False when the time is over."""
        return await self._wait(kind, namespace, name, waits.exists, timeout)

    async def wait_deleted(self, kind: str, namespace: str, name: str | None = None, timeout: float = 30) -> bool:
        """Wait until something is gone; False when the time is over."""
        return await self._wait(kind, namespace, name, waits.is_gone, timeout)

    async def _wait(
        self, kind: str, namespace: str, name: str | None, test: waits.Test, timeout_s: float, version: str = ''
    ) -> bool:
        resource = _operations.tfjobs(version) if version else _operations.resource(kind)
        where, what = (namespace, name) if resource.namespaced else ('', name or namespace)
        if not what:
            raise ValueError(f'wait for which {kind} in {namespace}? A name is needed')
        with contextlib.suppress(kubernetes.DeadlineExceeded):
            await waits.until(self.client, resource, what, where, test, timeout_s=timeout_s)
            return True
        return False

    async def watch(self, url: str, value: str | None = None, timeout: float = 20) -> bool:
        """Watch an address until an event of type `value` (any by default); False when the time is over.

        What is there already counts as ADDED, what is not there any more as DELETED.
        """
        if value not in (None, *_ENDED):
            raise ValueError(f'no event is of type {value!r}: there are {", ".join(_ENDED)}')
        with contextlib.suppress(kubernetes.DeadlineExceeded), kubernetes.deadline(timeout):
            async with aclosing(self._events(url)) as events:
                empty = True
                async for event in events:
                    empty = empty and event['type'] == 'BOOKMARK'
                    if event['type'] == 'BOOKMARK':
                        if empty and value == 'DELETED':
                            return True
                    elif value in (None, event['type']):
                        return True
        return False

    async def watch_status_condition(self, url: str, value: str | None = None, timeout: float = 20) -> bool:
        """Watch an address until the condition `value` of an object is True; False when the time is over."""
        test = waits.condition(value or 'Available')
        with contextlib.suppress(kubernetes.DeadlineExceeded), kubernetes.deadline(timeout):
            async with aclosing(self._events(url)) as events:
                async for event in events:
                    if event['type'] in ('ADDED', 'MODIFIED') and test(event['object']):
                        return True
        return False

    async def _watch(self, url: str, timeout: float = 20) -> AsyncGenerator[Json, None]:
        """Yield events as the server writes them, for that long; what is there already comes first."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout  # no deadline() around a yield: it would count for whoever takes the event
        async with aclosing(self._events(url)) as events:
            while True:
                try:
                    event = await _limits.within(until - loop.time(), anext(events))
                except (TimeoutError, asyncio.TimeoutError):
                    return
                if event['type'] != 'BOOKMARK':
                    yield event

    async def _events(self, url: str) -> AsyncGenerator[Json, None]:
        resource, namespace, name = _operations.watched(self._target(url))
        fields = {'metadata.name': name} if name else {}
        async with aclosing(self.client.watch(resource, namespace, fields=fields, bookmarks=True)) as events:
            async for event in events:
                yield {'type': event.type, 'object': event.object}

    async def _watch_log(self, url: str, timeout: float | None = 20) -> AsyncGenerator[bytes, None]:
        """Yield the lines at an address as they are written, with their ends; `timeout` without a new one ends it."""
        rest = b''
        async with self.client.transport.stream('GET', self._target(url), accept='*/*', idle_s=timeout) as stream:
            try:
                async for piece in stream:
                    *lines, rest = (rest + piece).split(b'\n')
                    for line in lines:
                        yield line + b'\n'
            except kubernetes.DeadlineExceeded:
                return
        if rest:
            yield rest


def _is_available(there: Json | None) -> bool:
    if waits.condition('Available')(there):
        return True
    return (there or {}).get('kind') == 'StatefulSet' and waits.is_rolled_out(there)
