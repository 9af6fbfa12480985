"""Lists, tables and watches: how stored objects are shown to a client."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from . import _resources, _rest, _selectors, _statuses, _storage, _tables

Json = dict[str, Any]
Filter = Callable[[Json], bool]
dumps = json.JSONEncoder(separators=(',', ':')).encode  # made once: json.dumps makes one for each call


def _filter(query: Mapping[str, str], target: _rest.Target) -> Filter:
    try:
        labels = _selectors.parse_labels(query.get('labelSelector', ''))
        fields = _selectors.parse_fields(query.get('fieldSelector', ''), target.resource.storage)
    except _selectors.SelectorError as error:
        raise _statuses.StatusError(400, str(error)) from error

    def matches(obj: Json) -> bool:
        meta = obj['metadata']
        if (target.namespace and meta.get('namespace') != target.namespace) or target.name not in ('', meta['name']):
            return False
        return _selectors.matches(labels, meta.get('labels')) and _selectors.matches_fields(fields, obj)

    return matches


def selected(request: web.Request, storage: _storage.Storage, target: _rest.Target) -> list[Json]:
    """Return the stored objects that a request's namespace and selectors choose."""
    matches = _filter(request.query, target)
    return [obj for obj in storage.objects(target.resource.storage, target.namespace) if matches(obj)]


def collection(storage: _storage.Storage, resource: _resources.Resource, found: list[Json]) -> Json:
    meta = {'resourceVersion': str(storage.revision)}
    items = [{key: value for key, value in obj.items() if key not in ('apiVersion', 'kind')} for obj in found]
    return {'kind': resource.list_kind, 'apiVersion': resource.api_version, 'metadata': meta, 'items': items}


def listed(request: web.Request, storage: _storage.Storage, target: _rest.Target) -> Json:
    """Return a list, or a piece of one. A piece shows objects as they are now, under the first piece's version."""
    found, meta = selected(request, storage, target), dict[str, Any]()
    revision, start = _continued(request.query.get('continue', ''), storage)
    limit = int(request.query.get('limit') or 0)
    found = [obj for obj in found if _position(obj) > start] if start else found
    if limit and len(found) > limit:
        token = json.dumps([revision, _position(found[limit - 1])])
        meta = {'continue': base64.urlsafe_b64encode(token.encode()).decode(), 'remainingItemCount': len(found) - limit}
        found = found[:limit]
    answer = collection(storage, target.resource, found)
    answer['metadata'] = {'resourceVersion': str(revision), **meta}
    if wants_table(request):
        return {**_tables.table(target.resource, found, time.time()), 'metadata': answer['metadata']}
    return answer


def _position(obj: Json) -> list[str]:
    return [obj['metadata'].get('namespace', ''), obj['metadata']['name']]


def _continued(token: str, storage: _storage.Storage) -> tuple[int, list[str]]:
    if not token:
        return storage.revision, []
    try:
        revision, start = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise _statuses.StatusError(400, f'continue key is not valid: {error}') from error
    if revision < storage.floor:
        why = 'The provided continue parameter is too old to display a consistent list result.'
        raise _statuses.StatusError(410, why)
    return revision, start


def wants_table(request: web.Request) -> bool:
    return 'as=Table' in request.headers.get('Accept', '')


def shown(request: web.Request, resource: _resources.Resource, obj: Json) -> Json:
    """Return an object, or a table of one row if that was asked for."""
    if wants_table(request):
        meta = {'resourceVersion': obj['metadata'].get('resourceVersion', '')}
        return {**_tables.table(resource, [obj], time.time()), 'metadata': meta}
    return obj


async def watch(request: web.Request, storage: _storage.Storage, target: _rest.Target) -> web.StreamResponse:
    """Stream events until the time is up or the client leaves."""
    matches = _filter(request.query, target)
    timeout = float(request.query.get('timeoutSeconds') or random.uniform(1800, 3600))  # noqa: S311  (spreads load)
    since = request.query.get('resourceVersion', '')
    if since not in ('', '0') and not since.isdigit():
        raise _statuses.StatusError(400, f'Invalid resource version: "{since}"')
    await storage.refresh()
    stream = _Stream(request, target.resource, matches)
    subscription = storage.subscribe(target.resource.storage)
    try:
        seen = await stream.begin(storage, target, since)
        if seen is not None:
            bookmarks = request.query.get('allowWatchBookmarks') in ('1', 'true')
            await stream.follow(subscription, seen, timeout, bookmarks, storage)
    except ConnectionResetError:
        pass
    finally:
        storage.unsubscribe(target.resource.storage, subscription)
    return stream.response


class _Stream:
    """One client's watch."""

    def __init__(self, request: web.Request, resource: _resources.Resource, matches: Filter) -> None:
        self.request = request
        self.resource = resource
        self.matches = matches
        self.response = web.StreamResponse(headers={'Content-Type': 'application/json'})

    async def begin(self, storage: _storage.Storage, target: _rest.Target, since: str) -> int | None:
        """Send what the client has missed; returns the revision it knows now, None if that is impossible."""
        seen = storage.revision
        events: list[_storage.Event] | None = (
            storage.since(self.resource.storage, int(since)) if since not in ('', '0') else []
        )
        present = storage.objects(self.resource.storage, target.namespace) if since in ('', '0') else []
        await self.response.prepare(self.request)
        if events is None:
            gone = _statuses.StatusError(410, f'too old resource version: {since} ({storage.floor})')
            await self._send('ERROR', gone.body())
            return None
        for obj in present:
            if self.matches(obj):
                await self._send('ADDED', obj)
        if lines := b''.join(map(self._line, events)):
            await self.response.write(lines)
        return seen

    async def follow(
        self, subscription: _storage.Subscription, seen: int, timeout: float, bookmarks: bool, storage: _storage.Storage
    ) -> None:
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            events = await subscription.take(min(left, storage.bookmark_s) if bookmarks else left)
            if not events and bookmarks:
                await self._bookmark(storage.revision)
            if lines := b''.join(self._line(event) for event in events if event.revision > seen):
                await self.response.write(lines)
        await self.response.write_eof()

    async def _bookmark(self, revision: int) -> None:
        meta = {'resourceVersion': str(revision), 'creationTimestamp': None}
        mark = {'kind': self.resource.kind, 'apiVersion': self.resource.api_version, 'metadata': meta}
        await self._send('BOOKMARK', mark)

    def _line(self, event: _storage.Event) -> bytes:
        """Return an event as this client's selectors see it, b'' if not at all: an object may enter and leave them."""
        now = event.type != 'DELETED' and self.matches(event.object)
        before = event.previous is not None and self.matches(event.previous)
        if not now and not before:
            return b''
        kind = ('MODIFIED' if before else 'ADDED') if now else 'DELETED'
        if wants_table(self.request):
            return self._encoded(kind, event.object)
        key = kind, self.resource.api_version
        if key not in event.lines:
            event.lines[key] = self._encoded(kind, event.object)
        return event.lines[key]

    def _encoded(self, kind: str, obj: Json) -> bytes:
        if kind not in ('ERROR', 'BOOKMARK'):
            obj = shown(self.request, self.resource, _rest.filled_view(obj, self.resource))
        return dumps({'type': kind, 'object': obj}).encode() + b'\n'

    async def _send(self, kind: str, obj: Json) -> None:
        await self.response.write(self._encoded(kind, obj))
