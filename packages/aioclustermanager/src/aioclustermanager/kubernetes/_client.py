"""Objects of an API server: read, written, watched."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, cast

from .. import _http
from . import _configuration, _contains, _watch
from ._resources import Labels, Object, Resource, query, selector

_PAGE = 500  # what other clients of Kubernetes ask for at once


class Patch(enum.Enum):
    """How a patch is meant (KEP-537 and RFCs 6902, 7386); the value is its content type."""

    JSON = 'application/json-patch+json'
    MERGE = 'application/merge-patch+json'
    STRATEGIC = 'application/strategic-merge-patch+json'  # built-in kinds only
    APPLY = 'application/apply-patch+yaml'  # server-side apply; see Client.apply


class Client:
    """An API server. Make it in or out of a loop, use it in one, `close()` it or `async with` it.

    Objects are dicts as the server writes them. Every call raises HttpError (NotFound, Conflict ...), ConnectionFailed
    and DeadlineExceeded; `timeout_s` is for the call with its repeats, None for the configuration's.
    """

    def __init__(self, configuration: _configuration.Configuration) -> None:
        """Raises InvalidConfiguration; connects to nothing."""
        self.configuration = configuration
        self.transport = _configuration.transport(configuration)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.transport.close()

    # reading

    async def get(
        self,
        resource: Resource,
        name: str,
        namespace: str = '',
        *,
        subresource: str = '',
        resource_version: str = '',
        timeout_s: float | None = None,
    ) -> Object:
        """Return an object; resource_version '0' is content with what the server remembers."""
        path = resource.one(name, namespace, subresource)
        if resource_version:
            path += query({'resourceVersion': resource_version})
        return await self._json('GET', path, timeout_s=timeout_s)

    async def find(
        self, resource: Resource, name: str, namespace: str = '', *, timeout_s: float | None = None
    ) -> Object | None:
        """Return an object, None where there is none."""
        try:
            return await self.get(resource, name, namespace, timeout_s=timeout_s)
        except _http.NotFound:
            return None

    async def list(
        self,
        resource: Resource,
        namespace: str = '',
        *,
        labels: Labels = '',
        fields: Labels = '',
        limit: int = 0,
        continue_from: str = '',
        resource_version: str = '',
        timeout_s: float | None = None,
    ) -> Object:
        """Return a list object: `['items']`, `['metadata']['resourceVersion']`; namespace '' for all.

        All of it shows one moment. With a limit it is one page, and `['metadata']['continue']` of it says where the
        next begins. Items have no kind and apiVersion, as the server leaves them out. timeout_s: for each request.
        """
        parameters: dict[str, str | int | bool] = {
            'labelSelector': selector(labels),
            'fieldSelector': selector(fields),
            'limit': limit or _PAGE,
            'continue': continue_from,
            'resourceVersion': resource_version,
        }
        path = resource.collection(namespace)
        found = await self._json('GET', path + query(parameters), timeout_s=timeout_s)
        if limit or continue_from or not found['metadata'].get('continue'):
            return found
        return await self._rest(found, path, parameters, timeout_s)

    async def _rest(
        self, found: Object, path: str, parameters: dict[str, str | int | bool], timeout_s: float | None
    ) -> Object:
        """Return a list's first page with all others added to it: a long list as one text takes twice the memory."""
        meta = found['metadata']
        parameters['resourceVersion'] = ''
        try:
            while token := meta.get('continue', ''):
                parameters['continue'] = token
                page = await self._json('GET', path + query(parameters), timeout_s=timeout_s)
                found['items'] += page['items'] or []
                meta = page['metadata']
        except _http.Gone:  # forgotten half way: then all at once
            parameters |= {'continue': '', 'limit': 0}
            return await self._json('GET', path + query(parameters), timeout_s=timeout_s)
        found['metadata'] = {'resourceVersion': meta['resourceVersion']}
        return found

    async def items(
        self,
        resource: Resource,
        namespace: str = '',
        *,
        labels: Labels = '',
        fields: Labels = '',
        page: int = 250,
    ) -> AsyncIterator[Object]:
        """Yield the objects of a list, however long: no more than a page of them is in memory.

        The pages show one moment. When the server forgets it half way (after five minutes and more), the rest is of a
        later one; raises Gone where the server cannot even do that.
        """
        token = ''
        while True:
            try:
                found = await self.list(
                    resource, namespace, labels=labels, fields=fields, limit=page, continue_from=token
                )
            except _http.Gone as error:
                token = _later(error, token)
                continue
            token = found['metadata'].get('continue', '')
            items = found.pop('items') or []
            items.reverse()
            while items:
                yield items.pop()
            if not token:
                return

    def watch(
        self,
        resource: Resource,
        namespace: str = '',
        *,
        labels: Labels = '',
        fields: Labels = '',
        since: str = '',
        bookmarks: bool = False,
    ) -> AsyncGenerator[_watch.Event, None]:
        """Yield what is there, as ADDED, and then all that happens, until the caller leaves or a `deadline()` is over.

        Broken connections are mended unseen. When the server no longer knows what happened since, the objects are
        listed again and the differences told; an object that ended meanwhile is DELETED with its metadata only.
        since: begin after that resourceVersion instead; then raises Gone when the server has forgotten it.
        """
        return _watch.Watcher(
            self, resource, namespace, labels=labels, fields=fields, since=since, bookmarks=bookmarks
        ).__aiter__()

    # writing

    async def create(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        namespace: str = '',
        *,
        name: str = '',
        subresource: str = '',
        field_manager: str = '',
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> Object:
        """Create an object, in the namespace given or its own; `name` with a subresource (`token`, `binding`).

        An object with a name is created once at most: after a broken connection the create is repeated, and if the
        object is there by then with all that was sent, it is returned. With generateName nothing is repeated that
        the server may have carried out.
        """
        meta = body.get('metadata') or {}
        namespace = namespace or meta.get('namespace', '')
        if subresource:
            path = resource.one(name, namespace, subresource)
        else:
            if resource.namespaced and not namespace:
                raise ValueError(f'{resource} are in namespaces: in which one is this to be created?')
            path = resource.collection(namespace)
        named = bool(meta.get('name')) and not subresource
        try:
            return await self._json(
                'POST', path + _options(field_manager, dry_run), _complete(resource, body, subresource),
                timeout_s=timeout_s, repeat=_http.Repeat.SAFE if named else _http.Repeat.UNSENT,
            )  # fmt: skip
        except _http.AlreadyExists as error:
            return await self._ours(error, resource, body, meta.get('name', ''), namespace)

    async def replace(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        namespace: str = '',
        *,
        subresource: str = '',
        field_manager: str = '',
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> Object:
        """Replace an object by this one. With a resourceVersion in it: only that version, else raises Conflict."""
        meta = body['metadata']
        namespace = namespace or meta.get('namespace', '')
        path = resource.one(meta['name'], namespace, subresource)
        try:
            return await self._json(
                'PUT',
                path + _options(field_manager, dry_run),
                _complete(resource, body, subresource),
                timeout_s=timeout_s,
            )
        except _http.Conflict as error:
            return await self._ours(error, resource, body, meta['name'], namespace)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        namespace: str = '',
        *,
        kind: Patch = Patch.MERGE,
        subresource: str = '',
        field_manager: str = '',
        force: bool = False,
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> Object:
        """Change parts of an object. A JSON patch is a list; it is not repeated once the server may have acted."""
        path = resource.one(name, namespace, subresource)
        options: dict[str, str | bool] = {
            'fieldManager': field_manager,
            'force': force,
            'dryRun': 'All' if dry_run else '',
        }
        return await self._json(
            'PATCH', path + query(options), patch, timeout_s=timeout_s, content_type=kind.value,
            repeat=_http.Repeat.UNSENT if kind is Patch.JSON else _http.Repeat.SAFE,
        )  # fmt: skip

    async def apply(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        namespace: str = '',
        *,
        field_manager: str,
        force: bool = False,
        subresource: str = '',
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> Object:
        """Make the fields given be so (server-side apply), and the object if need be.

        Raises Conflict where another manager owns one of them with another value, unless `force`; its details name
        the fields and the managers.
        """
        meta = body['metadata']
        return await self.patch(
            resource, meta['name'], _complete(resource, body, ''), namespace or meta.get('namespace', ''),
            kind=Patch.APPLY, subresource=subresource, field_manager=field_manager, force=force, dry_run=dry_run,
            timeout_s=timeout_s,
        )  # fmt: skip

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = '',
        *,
        propagation: str = '',
        grace_s: int | None = None,
        uid: str = '',
        resource_version: str = '',
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> Object:
        """Delete an object; returns it as it is while it ends, or the server's Status.

        propagation: Background, Foreground, Orphan, '' for the kind's own. uid, resource_version: only that one, else
        raises Conflict. If a repeat after a broken connection finds it gone, that is success.
        """
        options: Object = {'kind': 'DeleteOptions', 'apiVersion': 'v1'}
        options.update(_deletion(propagation, grace_s, uid, resource_version, dry_run=dry_run))
        try:
            return await self._json('DELETE', resource.one(name, namespace), options, timeout_s=timeout_s)
        except _http.NotFound as error:
            if error.repeated:
                return {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Success', 'metadata': {}}
            raise

    async def delete_all(
        self,
        resource: Resource,
        namespace: str = '',
        *,
        labels: Labels = '',
        fields: Labels = '',
        propagation: str = '',
        timeout_s: float | None = None,
    ) -> Object:
        """Delete the objects of a namespace that the selectors choose; all namespaces at once the server refuses."""
        options: Object = {'kind': 'DeleteOptions', 'apiVersion': 'v1'}
        options.update(_deletion(propagation, None, '', '', dry_run=False))
        chosen = query({'labelSelector': selector(labels), 'fieldSelector': selector(fields)})
        return await self._json('DELETE', resource.collection(namespace) + chosen, options, timeout_s=timeout_s)

    # inside

    async def _json(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        timeout_s: float | None = None,
        content_type: str = 'application/json',
        repeat: _http.Repeat | None = None,
    ) -> Object:
        response = await self.transport.request(
            method, path, None if body is None else _http.dumps(body),
            content_type=content_type, timeout_s=timeout_s, repeat=repeat,
        )  # fmt: skip
        try:
            return cast('Object', response.json())
        except ValueError as error:
            why = f'{method} {path.partition("?")[0]}: the answer is no JSON'
            raise _http.ConnectionFailed(why, sent=True) from error

    async def _ours(
        self, error: _http.Conflict, resource: Resource, body: Mapping[str, Any], name: str, namespace: str
    ) -> Object:
        """Return the object if a first try, whose answer was lost, has written it; else raise the error."""
        if not error.repeated:
            raise error
        there = await self.find(resource, name, namespace)
        if there is None or not _contains.contains(there, body):
            raise error
        return there


def _complete(resource: Resource, body: Mapping[str, Any], subresource: str) -> Mapping[str, Any]:
    """Return the body with kind and apiVersion, which the server wants and callers leave out."""
    if subresource or ('kind' in body and 'apiVersion' in body):
        return body
    return {'apiVersion': resource.api_version, 'kind': resource.kind, **body}


def _options(field_manager: str, dry_run: bool) -> str:
    if not (field_manager or dry_run):
        return ''
    return query({'fieldManager': field_manager, 'dryRun': 'All' if dry_run else ''})


def _deletion(propagation: str, grace_s: int | None, uid: str, resource_version: str, *, dry_run: bool) -> Object:
    options: Object = {}
    if propagation:
        options['propagationPolicy'] = propagation
    if grace_s is not None:
        options['gracePeriodSeconds'] = grace_s
    preconditions = {'uid': uid, 'resourceVersion': resource_version}
    if any(preconditions.values()):
        options['preconditions'] = {key: value for key, value in preconditions.items() if value}
    if dry_run:
        options['dryRun'] = ['All']
    return options


def _later(error: _http.Gone, token: str) -> str:
    """Return the token that goes on at a later moment; raise the error where the server gives none."""
    document = _http.loads(error.body) if error.body else {}
    later = str((document.get('metadata') or {}).get('continue') or '')
    if not later or later == token:
        raise error
    return later
