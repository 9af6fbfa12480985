"""The API server's door to etcd: a mirror of everything stored, kept current by one watch, and guarded writes.

Objects are never changed in place: what `get` and `list` return is shared by everybody.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from . import _program, _version

Json = dict[str, Any]
PREFIX = '/registry/'
HISTORY = 5000  # events kept for watches that go on from an older resourceVersion, for each kind of object
# An etcd that is not there refuses at once; one that is busy is waited for, as the real API server does.
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=20)
_TRANSPORT = (aiohttp.ClientError, TimeoutError, asyncio.TimeoutError, OSError)


class Clash(Exception):
    """The object is no longer what the write was based on."""


class Unavailable(Exception):
    """etcd does not answer."""


@dataclass(frozen=True)
class Event:
    type: str  # ADDED, MODIFIED, DELETED
    object: Json
    previous: Json | None
    revision: int
    lines: dict[tuple[str, str], bytes] = field(default_factory=dict)  # as told already: many watches tell the same


class Subscription:
    """The events of one kind of object, from the moment it was made."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._waiter: asyncio.Future[None] | None = None

    def put(self, event: Event) -> None:
        self._events.append(event)
        _finish(self._waiter)

    async def take(self, seconds: float) -> list[Event]:
        """Return what has happened as soon as something has, nothing when the time is over."""
        if not self._events:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(seconds, _finish, self._waiter)
            try:
                await self._waiter
            finally:
                timer.cancel()
        events, self._events = self._events, []
        return events


def _finish(waiter: asyncio.Future[None] | None) -> None:
    if waiter and not waiter.done():
        waiter.set_result(None)


class Storage:
    """All objects, by kind of storage and (namespace, name)."""

    def __init__(self, servers: list[str], context: ssl.SSLContext | None) -> None:
        self._servers = itertools.cycle(servers)
        self._server = next(self._servers)
        self._context = context
        self._gateway = '/v3'
        self._session: aiohttp.ClientSession | None = None
        self._objects: dict[str, dict[tuple[str, str], Json]] = {}
        self._order: dict[str, list[tuple[str, str]]] = {}  # their keys, where they have been put in order
        self._history: dict[str, deque[Event]] = {}
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self.bookmark_s = 60.0  # how often a watch in which nothing happens is told how far it is
        self.revision = 0
        self.floor = 0  # a watch from before this revision is answered with 410

    async def start(self, patience_s: float = 20.0) -> None:
        """Load everything and begin to watch; raises Unavailable when etcd does not answer in time."""
        connector = aiohttp.TCPConnector(ssl=self._context or True, limit=64)
        self._session = aiohttp.ClientSession(connector=connector)
        deadline = asyncio.get_running_loop().time() + patience_s
        while True:
            try:
                await self._load()
                break
            except Unavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                self._server = next(self._servers)
                await asyncio.sleep(0.1)
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        self._task.cancel()
        if self._session:
            await self._session.close()

    async def _load(self) -> None:
        self._gateway = await self._find_gateway()
        answer = await self._call('/kv/range', {'key': _b64(PREFIX), 'range_end': _b64('/registry0')})
        self.revision = self.floor = int(answer['header']['revision'])
        for kv in answer.get('kvs', []):
            self._note('PUT', kv)
        for history in self._history.values():
            history.clear()

    async def _find_gateway(self) -> str:
        """Return the path of the JSON form, which moved twice: 3.2 /v3alpha, 3.3 /v3beta, then /v3."""
        assert self._session  # noqa: S101  (started)
        try:
            async with self._session.get(f'{self._server}/version', timeout=_TIMEOUT) as response:
                version = _version.parse((await response.json(content_type=None))['etcdserver'])
        except _TRANSPORT as error:
            raise Unavailable(f'etcd at {self._server}: {error}') from error
        return '/v3alpha' if version <= (3, 2) else '/v3beta' if version == (3, 3) else '/v3'

    async def _call(self, path: str, body: Json) -> Json:
        assert self._session  # noqa: S101  (started)
        url = f'{self._server}{self._gateway}{path}'
        try:
            async with self._session.post(url, json=body, timeout=_TIMEOUT) as response:
                answer: Json = await response.json(content_type=None)
                if response.status != 200:
                    raise Unavailable(f'etcd at {self._server}: {answer.get("error")}')
                return answer
        except _TRANSPORT as error:
            self._server = next(self._servers)
            raise Unavailable(f'etcd at {url}: {error!r}') from error

    async def _follow(self) -> None:
        while True:
            try:
                await self._watch()
            except (*_TRANSPORT, Unavailable) as error:
                _program.log('W', f'watch of etcd at {self._server} ended: {error!r}')
                self._server = next(self._servers)
            await asyncio.sleep(0.2)

    async def _watch(self) -> None:
        assert self._session  # noqa: S101  (started)
        # Everything, not only our keys: others may use the same etcd, and their revisions count too.
        create = {'key': _b64('\0'), 'range_end': _b64('\0'), 'start_revision': str(self.revision + 1)}
        url = f'{self._server}{self._gateway}/watch'
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=20)
        async with self._session.post(url, json={'create_request': create}, timeout=timeout) as response:
            buffer = b''
            async for chunk in response.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b'\n')
                for line in filter(None, lines):
                    self._receive(json.loads(line))

    def _receive(self, message: Json) -> None:
        result = message.get('result') or {}
        if result.get('compact_revision'):
            raise Unavailable('the revision we were at was compacted')
        events = result.get('events') or []
        for event in events:
            self._note(event.get('type', 'PUT'), event['kv'])
        if events:
            self.revision = max(int(event['kv']['mod_revision']) for event in events)
            self._wake()

    def _note(self, kind: str, kv: Json) -> None:
        parts = base64.b64decode(kv['key']).decode().removeprefix(PREFIX).split('/')
        if not base64.b64decode(kv['key']).startswith(PREFIX.encode()) or len(parts) not in (2, 3):
            return
        storage, key = parts[0], ('' if len(parts) == 2 else parts[1], parts[-1])
        revision = int(kv['mod_revision'])
        objects = self._objects.setdefault(storage, {})
        previous = objects.get(key)
        if kind == 'DELETE':
            if previous is None:
                return
            del objects[key]
            event = Event('DELETED', _stamped(previous, revision), previous, revision)
        else:
            objects[key] = _stamped(json.loads(base64.b64decode(kv['value'])), revision)
            event = Event('MODIFIED' if previous else 'ADDED', objects[key], previous, revision)
        if event.type != 'MODIFIED':
            self._order.pop(storage, None)
        self._history.setdefault(storage, deque(maxlen=HISTORY)).append(event)
        for subscription in self._subscriptions.get(storage, ()):
            subscription.put(event)

    def _wake(self) -> None:
        for revision, waiter in self._waiters:
            if revision <= self.revision and not waiter.done():
                waiter.set_result(None)
        self._waiters = [(revision, waiter) for revision, waiter in self._waiters if not waiter.done()]

    async def _reach(self, revision: int) -> None:
        if revision > self.revision:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((revision, waiter))
            try:
                await asyncio.wait_for(waiter, 30)
            except (TimeoutError, asyncio.TimeoutError) as error:
                raise Unavailable('etcd: the watch lags behind') from error

    async def refresh(self) -> None:
        """Wait until the mirror is as new as etcd is now: another API server may have written."""
        answer = await self._call('/kv/range', {'key': _b64(PREFIX), 'limit': '1', 'keys_only': True})
        await self._reach(int(answer['header']['revision']))

    def get(self, storage: str, namespace: str, name: str) -> Json | None:
        return self._objects.get(storage, {}).get((namespace, name))

    def objects(self, storage: str, namespace: str = '') -> list[Json]:
        """Return the objects in the order of their keys; all namespaces for ''."""
        objects = self._objects.get(storage, {})
        order = self._order.get(storage)
        if order is None:
            order = self._order[storage] = sorted(objects)
        return [objects[key] for key in order if not namespace or key[0] == namespace]

    async def put(self, storage: str, namespace: str, name: str, obj: Json, expected: int) -> Json:
        """Store an object whose last revision is `expected` (0: there is none); raises Clash."""
        meta = {key: value for key, value in obj['metadata'].items() if key != 'resourceVersion'}
        value = json.dumps({**obj, 'metadata': meta}, separators=(',', ':'))
        put = {'request_put': {'key': _key(storage, namespace, name), 'value': _b64(value)}}
        revision = await self._guarded(storage, namespace, name, put, expected)
        return _stamped(obj, revision)

    async def delete(self, storage: str, namespace: str, name: str, expected: int) -> None:
        """Delete an object; raises Clash."""
        gone = {'request_delete_range': {'key': _key(storage, namespace, name)}}
        await self._guarded(storage, namespace, name, gone, expected)

    async def _guarded(self, storage: str, namespace: str, name: str, operation: Json, expected: int) -> int:
        key = _key(storage, namespace, name)
        compare = {'key': key, 'target': 'MOD', 'result': 'EQUAL', 'mod_revision': str(expected)}
        answer = await self._call('/kv/txn', {'compare': [compare], 'success': [operation]})
        revision = int(answer['header']['revision'])
        await self._reach(revision)
        if not answer.get('succeeded'):
            raise Clash
        return revision

    async def compact(self, revision: int) -> None:
        """Let etcd forget the history up to this revision."""
        await self._call('/kv/compaction', {'revision': str(revision)})

    def since(self, storage: str, revision: int) -> list[Event] | None:
        """Return the events after a revision, None if they are no longer known."""
        history = self._history.get(storage, deque())
        if revision < self.floor or (len(history) == HISTORY and revision < history[0].revision - 1):
            return None
        return [event for event in history if event.revision > revision]

    def subscribe(self, storage: str) -> Subscription:
        subscription = Subscription()
        self._subscriptions.setdefault(storage, set()).add(subscription)
        return subscription

    def unsubscribe(self, storage: str, subscription: Subscription) -> None:
        self._subscriptions[storage].discard(subscription)


def revision_of(obj: Mapping[str, Any]) -> int:
    return int(obj['metadata']['resourceVersion'])


def _stamped(obj: Json, revision: int) -> Json:
    return {**obj, 'metadata': {**obj['metadata'], 'resourceVersion': str(revision)}}


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _key(storage: str, namespace: str, name: str) -> str:
    return _b64(PREFIX + '/'.join(filter(None, (storage, namespace, name))))
