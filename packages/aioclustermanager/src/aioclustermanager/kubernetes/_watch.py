"""Watches that lose nothing: they go on where they broke off, and list again when the server has forgotten where."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import TYPE_CHECKING, NamedTuple

from .. import _http
from . import _status
from ._resources import Labels, Object, Resource, query, selector

if TYPE_CHECKING:
    from ._client import Client

LISTED = 'k8s.io/initial-events-end'  # the annotation with which servers since 1.27 say the same
_PAGE = 500
_loads = _http.loads
_IDLE_S = 30.0  # after the server should have ended a watch
_PAUSES = _http.Retries(first_s=0.05, longest_s=5.0)


class Event(NamedTuple):
    """type: ADDED, MODIFIED, DELETED, BOOKMARK. The object of a BOOKMARK has a resourceVersion and little else."""

    type: str
    object: Object


class _Known:
    """What the watcher has told: enough to tell the difference when it has to list again."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._versions: dict[tuple[str, str], tuple[str, str]] = {}
        self._seen: set[tuple[str, str]] = set()

    def note(self, event: Event) -> None:
        meta = event.object['metadata']
        key = (meta.get('namespace', ''), meta['name'])
        if event.type == 'DELETED':
            self._versions.pop(key, None)
        else:
            self._versions[key] = (meta.get('uid', ''), meta.get('resourceVersion', ''))

    def listed(self, item: Object) -> Iterator[Event]:
        """Yield what an object of a new list means."""
        item.setdefault('apiVersion', self._resource.api_version)
        item.setdefault('kind', self._resource.kind)
        meta = item['metadata']
        key = (meta.get('namespace', ''), meta['name'])
        now = (meta.get('uid', ''), meta.get('resourceVersion', ''))
        before = self._versions.get(key)
        self._seen.add(key)
        if before == now:
            return
        if before and before[0] != now[0]:
            yield Event('DELETED', self._tombstone(key))
        self._versions[key] = now
        yield Event('MODIFIED' if before and before[0] == now[0] else 'ADDED', item)

    def gone(self) -> Iterator[Event]:
        """Yield the end of what the new list, now complete, does not have."""
        for key in [key for key in self._versions if key not in self._seen]:
            yield Event('DELETED', self._tombstone(key))
            del self._versions[key]
        self._seen.clear()

    def _tombstone(self, key: tuple[str, str]) -> Object:
        """Return what is left to say about an object that ended while nobody looked."""
        uid, version = self._versions[key]
        meta = {'name': key[1], 'uid': uid, 'resourceVersion': version}
        if key[0]:
            meta['namespace'] = key[0]
        return {'apiVersion': self._resource.api_version, 'kind': self._resource.kind, 'metadata': meta}


def _event(line: bytes) -> Event:
    """Return the event of a watch's line; raises what an ERROR says."""
    try:
        document = _loads(line)
    except ValueError as error:
        raise _http.ConnectionFailed(f'a line of the watch is no JSON: {error}', sent=True) from error
    if document['type'] == 'ERROR':
        raise _status.from_status(document['object'], request='watch')
    return Event(document['type'], document['object'])


class Watcher:
    """One watch: `async for event in watcher`. Bookmarks are shown if asked for; one of them, with the annotation
    LISTED, follows each list."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str = '',
        *,
        labels: Labels = '',
        fields: Labels = '',
        since: str = '',
        bookmarks: bool = False,
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._labels, self._fields = selector(labels), selector(fields)
        self._bookmarks = bookmarks
        self._known = None if since else _Known(resource)
        self._version = since
        self._failures = 0
        self._ever_listed = False
        self._forgotten = False  # whether nothing was told since the server had last forgotten where we were

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        while True:
            try:
                if not self._version:
                    async for event in self._list():
                        yield event
                async for lines in self._follow():
                    for line in lines:  # one after the other: memory that is warm is half the price
                        event = _event(line)
                        self._version = event.object['metadata']['resourceVersion']
                        if event.type == 'BOOKMARK':
                            if not self._bookmarks:
                                continue
                        elif self._known:
                            self._known.note(event)
                        yield event
                    self._forgotten = False
            except _http.Gone as error:
                if self._known is None:
                    raise  # we do not know what the caller has seen, so nobody can tell what it has missed
                self._version = ''
                if self._forgotten:  # at once, after a list: another list would end the same way
                    await self._pause(error)
                self._forgotten = True
            except (_http.ConnectionFailed, _http.ServerError, _http.TooManyRequests, _http.DeadlineExceeded) as error:
                if not (self._ever_listed or self._known is None):
                    raise
                await self._pause(error)

    async def _list(self) -> AsyncIterator[Event]:
        """Yield how the server's objects differ from those told so far, and begin the watch at that moment."""
        known = self._known
        if known is None:
            raise RuntimeError('a watch that begins at a version lists nothing')
        token, page = '', _PAGE
        while True:
            try:
                found = await self._client.list(
                    self._resource,
                    self._namespace,
                    labels=self._labels,
                    fields=self._fields,
                    limit=page,
                    continue_from=token,
                )
            except _http.Gone:
                if not token:
                    raise
                token, page = '', 0  # the pages have to show one moment: all at once then
                continue
            for item in found['items'] or []:
                for event in known.listed(item):
                    yield event
            if not (token := found['metadata'].get('continue', '')):
                break
        for event in known.gone():
            yield event
        self._version = found['metadata']['resourceVersion']
        self._ever_listed = True
        if self._bookmarks:
            meta = {'resourceVersion': self._version, 'annotations': {LISTED: 'true'}}
            kind = {'apiVersion': self._resource.api_version, 'kind': self._resource.kind}
            yield Event('BOOKMARK', {**kind, 'metadata': meta})

    async def _follow(self) -> AsyncIterator[list[bytes]]:
        """Yield what happens after the last version known, in lines as they arrive, until the server ends the watch."""
        life_s = random.randint(300, 600)  # noqa: S311  (not all watches of a cluster at one moment)
        path = self._resource.collection(self._namespace) + query(
            {
                'watch': True, 'allowWatchBookmarks': True, 'resourceVersion': self._version, 'timeoutSeconds': life_s,
                'labelSelector': self._labels, 'fieldSelector': self._fields,
            }
        )  # fmt: skip
        told = False
        async with self._client.transport.stream('GET', path, idle_s=life_s + _IDLE_S) as stream:
            async for lines in stream.lines():
                yield [line for line in lines if line]
                self._failures, told = 0, True
        if not told:
            raise _http.ConnectionFailed('the server ended the watch without a word', sent=True)

    async def _pause(self, error: _http.Error) -> None:
        """Wait before the next try; raise the error if the caller's time is over."""
        loop = asyncio.get_running_loop()
        asked = error.retry_after_s if isinstance(error, _http.HttpError) else None
        pause = _http.pause_s(_PAUSES, self._failures, asked, random.random)
        self._failures += 1
        if loop.time() + pause >= _http.until(loop.time(), None):
            raise _http.DeadlineExceeded(f'watch of {self._resource}: {error}') from error
        await asyncio.sleep(pause)
