"""kube-apiserver: HTTP around `_rest`. Several of them may share one etcd."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import yaml
from aiohttp import web

from . import (
    _access,
    _accounts,
    _configuration,
    _custom,
    _faults,
    _flags,
    _http2,
    _identity,
    _lists,
    _pod_logs,
    _program,
    _resources,
    _rest,
    _reviews,
    _selectors,
    _statuses,
    _storage,
    _version,
)  # fmt: skip

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STREAMS = 250  # of one HTTP/2 connection at once, where no flag says so
_PUBLIC = {'/healthz', '/livez', '/readyz', '/version'}
_UNKNOWN_FORMAT = 'the body of the request was in an unknown format - accepted media types include: '
_PATCHES = {
    'application/json-patch+json': 'json',
    'application/merge-patch+json': 'merge',
    'application/strategic-merge-patch+json': 'strategic',
    'application/apply-patch+yaml': 'apply',
}


def main() -> None:
    """Run kube-apiserver with the flags of the command line."""
    _program.run('kube-apiserver', 'The Kubernetes API server validates and configures data for the api objects.', _run)


def _run(values: dict[str, str], version: _version.Version) -> None:
    configuration = _configuration.read(values, version)
    asyncio.run(Server(configuration).run())


class Server:
    def __init__(self, configuration: _configuration.Configuration) -> None:
        self.configuration = configuration
        self.catalogue = _resources.catalogue(configuration.version)
        always = 'AlwaysAllow' in configuration.modes
        anonymous = _flags.is_set(configuration.values, 'anonymous-auth') and not always
        servers = configuration.get('etcd-servers').split(',')
        self.storage = _storage.Storage(servers, _configuration.etcd_context(configuration))
        self.keys = _configuration.account_keys(configuration)
        self.users = _identity.Authenticator(
            configuration.get('token-auth-file'),
            configuration.get('basic-auth-file'),
            anonymous=anonymous,
            account=lambda token: _accounts.user(token, self.keys, self.storage.get),
        )
        self.rest = _rest.Rest(self.storage, self.catalogue, configuration.rest)
        self.listeners: list[asyncio.Server] = []
        self.connections: set[_http2.Connection] = set()

    async def run(self) -> None:
        context = _configuration.server_context(self.configuration)
        try:
            await self.storage.start()
        except _storage.Unavailable as error:
            raise _program.Fatal(f'context deadline exceeded: {error}') from error
        await self.rest.bootstrap()
        values, runners = self.configuration.values, []
        if context and values['secure-port'] != '0':
            runners.append(await self._listen(values['bind-address'], int(values['secure-port']), context))
        if values.get('insecure-port', '0') != '0':
            runners.append(await self._listen(values['insecure-bind-address'], int(values['insecure-port']), None))
        if not runners:
            raise _program.Fatal(
                'no port to serve on: give --tls-cert-file and --tls-private-key-file (the stand-in makes none itself)'
            )
        compaction = asyncio.create_task(self._compact())
        try:
            await asyncio.Event().wait()
        finally:
            compaction.cancel()
            for listener in self.listeners:
                listener.close()
            for connection in list(self.connections):
                connection.end()

    async def _listen(self, address: str, port: int, context: ssl.SSLContext | None) -> web.ServerRunner:
        # Watches count their own time; a client that went away is noticed at the next write.
        server = self.server(secure=context is not None)
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await runner.setup()
        try:
            if context:
                await self._listen_securely(server, address, port, context)
            else:
                await web.TCPSite(runner, address, port, backlog=512).start()
        except OSError as error:
            raise _program.Fatal(
                f'failed to create listener: failed to listen on {address}:{port}: {error.strerror}'
            ) from error
        _program.log('I', f'Serving {"securely" if context else "insecurely"} on {address}:{port}')
        return runner

    async def _listen_securely(self, server: web.Server, address: str, port: int, context: ssl.SSLContext) -> None:
        streams = int(self.configuration.get('http2-max-streams-per-connection') or 0) or _STREAMS

        def connected() -> asyncio.Protocol:
            return _http2.Negotiated(server, streams, self.connections)

        loop = asyncio.get_running_loop()
        self.listeners.append(await loop.create_server(connected, address, port, ssl=context, backlog=512))

    async def _compact(self) -> None:
        interval = _flags.seconds(self.configuration.get('etcd-compaction-interval'))
        while interval:
            revision = self.storage.revision
            await asyncio.sleep(interval)
            try:
                await self.storage.compact(revision)
            except _storage.Unavailable as error:
                _program.log('W', f'compaction: {error}')

    def server(self, *, secure: bool) -> web.Server:
        """Return what answers requests: aiohttp without its router, as every path is answered in one place."""

        async def handle(request: Any) -> web.StreamResponse:  # a web.Request: _request makes them
            try:
                return await self._answer(request, secure)
            except _statuses.StatusError as error:
                return _failed(error)
            except _storage.Unavailable as error:
                return _failed(
                    _statuses.StatusError(500, f'etcdserver: request timed out ({error})', reason='InternalError')
                )

        return web.Server(handle, request_factory=_request, access_log=None, handler_cancellation=True)

    async def _answer(self, request: web.Request, secure: bool) -> web.StreamResponse:
        user = await self._user(request) if secure else _identity.UNSECURED
        await _faults.obey(f'{request.method} {request.path_qs}')
        parts = [part for part in request.path.split('/') if part]
        if parts[:1] in (['api'], ['apis']) and len(parts) > (2 if parts[0] == 'api' else 3):
            return await self._resource(request, parts, user)
        self._authorize(user, _access.Attributes(request.method.lower(), path=request.path))
        return self._document(request.path.rstrip('/') or '/', request)

    async def _user(self, request: web.Request) -> _identity.User:
        tls = request.transport.get_extra_info('ssl_object') if request.transport else None
        certificate = tls.getpeercert() if tls else None
        authorization = request.headers.get('Authorization', '')
        try:
            return self.users.user(authorization, certificate)
        except _statuses.StatusError:
            if not self.keys or '.' not in authorization:
                raise
            await self.storage.refresh()  # another server may have stored this account's token just now
            return self.users.user(authorization, certificate)

    def _authorize(self, user: _identity.User, what: _access.Attributes) -> None:
        if what.path in _PUBLIC or what.path.split('/')[1:2] in (['healthz'], ['livez'], ['readyz']):
            return
        if _access.is_allowed(self.configuration.modes, user, what, self.storage.objects):
            return
        if what.plural:
            raise _statuses.forbidden(user.name, what.verb, what.group, what.plural, what.name, what.namespace)
        raise _statuses.StatusError(
            403, f'forbidden: User "{user.name}" cannot {what.verb} path "{what.path}"', details={}
        )

    def _document(self, path: str, request: web.Request) -> web.Response:
        """Answer a request for no resource: discovery, health, version."""
        if path.split('/')[1] in ('healthz', 'livez', 'readyz'):
            return web.Response(text='ok')
        if path == '/openapi/v2':
            return self._openapi(request)
        document = self._discovery(path)
        if document is None:
            raise _statuses.no_such_path()
        if request.method != 'GET' and path != '/':
            raise _statuses.not_allowed()
        return web.json_response(document)

    def _served(self) -> _resources.Catalogue:
        """Return all that is served, custom resources too."""
        return self.catalogue.with_(_custom.resources(self.storage.objects(_custom.STORAGE)))

    def _discovery(self, path: str) -> Json | None:
        parts = path.split('/')[1:]
        served = self._served()
        groups = served.groups()
        if path == '/version':
            return self._version_document()
        if path == '/':
            return {'paths': ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/readyz', '/version']}
        if path == '/api':
            return {'kind': 'APIVersions', 'versions': ['v1'], 'serverAddressByClientCIDRs': []}
        if path == '/apis':
            return _resources.group_list(served)
        if path == '/api/v1':
            return _resources.resource_list(served, '', 'v1')
        if parts[0] == 'apis' and len(parts) == 2 and parts[1] in groups:
            return {'kind': 'APIGroup', 'apiVersion': 'v1', **_resources.group_document(parts[1], groups[parts[1]])}
        if parts[0] == 'apis' and len(parts) == 3 and parts[2] in groups.get(parts[1], []):
            return _resources.resource_list(served, parts[1], parts[2])
        return None

    def _version_document(self) -> Json:
        major, minor = self.configuration.version
        return {
            'major': str(major),
            'minor': str(minor),
            'gitVersion': _version.text(),
            'gitCommit': 'stand-in',
            'gitTreeState': 'clean',
            'buildDate': '1970-01-01T00:00:00Z',
            'goVersion': 'none',
            'compiler': 'none',
            'platform': 'linux/amd64',
        }

    def _openapi(self, request: web.Request) -> web.Response:
        """Answer with a schema that says nothing, so that kubectl checks nothing. Empty is a valid protobuf message."""
        if 'protobuf' in request.headers.get('Accept', ''):
            return web.Response(body=b'', content_type='application/octet-stream')
        info = {'title': 'Kubernetes', 'version': _version.text()}
        return web.json_response({'swagger': '2.0', 'info': info, 'paths': {}, 'definitions': {}})

    def _target(self, parts: list[str]) -> tuple[_rest.Target, bool]:
        """Return what a path names, and whether it is of the old form /watch/."""
        group, version, rest = ('', parts[1], parts[2:]) if parts[0] == 'api' else (parts[1], parts[2], parts[3:])
        watching = rest[0] == 'watch'
        rest = rest[1:] if watching else rest
        namespace = ''
        if len(rest) > 2 and rest[0] == 'namespaces' and not (len(rest) == 3 and rest[2] in ('status', 'finalize')):
            namespace, rest = rest[1], rest[2:]
        resource = self.catalogue.find(group, version, rest[0]) if rest else None
        if rest and resource is None:
            resource = self._served().find(group, version, rest[0])
        if resource is None or len(rest) > 3 or bool(namespace) > resource.namespaced:
            raise _statuses.no_such_path()
        name, subresource = [*rest[1:], '', ''][:2]
        if subresource and subresource not in resource.subresources:
            raise _statuses.no_such_path()
        return _rest.Target(resource, namespace, name, subresource), watching

    async def _resource(self, request: web.Request, parts: list[str], user: _identity.User) -> web.StreamResponse:
        target, watching = self._target(parts)
        watching = watching or request.query.get('watch', '') in ('1', 'true')
        verb = _verb(request.method, target, watching)
        resource = target.resource
        plural = f'{resource.plural}/{target.subresource}' if target.subresource else resource.plural
        namespace = target.namespace or (target.name if resource.storage == 'namespaces' else '')
        named = target.name or (_selectors.named(request.query.get('fieldSelector', '')) if verb != 'create' else '')
        what = _access.Attributes(verb, resource.group, plural, namespace, named)
        self._authorize(user, what)
        if resource.storage.startswith('review:'):
            return await self._review(request, target, user)
        if verb in ('get', 'list', 'watch'):
            return await self._read(request, target, verb)
        return await self._write(request, target, verb, user)

    async def _read(self, request: web.Request, target: _rest.Target, verb: str) -> web.StreamResponse:
        if verb == 'watch':
            return await _lists.watch(request, self.storage, target)
        if request.query.get('resourceVersion') != '0':
            await self.storage.refresh()
        if verb == 'list':
            return web.json_response(_lists.listed(request, self.storage, target), dumps=_lists.dumps)
        if target.subresource == 'scale':
            return web.json_response(self.rest.scale_of(target))
        if target.subresource == 'log':
            return await self._log(request, target)
        obj = _rest.filled_view(target.get(self.storage), target.resource)
        return web.json_response(_lists.shown(request, target.resource, obj), dumps=_lists.dumps)

    async def _log(self, request: web.Request, target: _rest.Target) -> web.Response:
        pod = target.get(self.storage)
        node = self.storage.get('nodes', '', pod['spec'].get('nodeName', ''))
        container = request.query.get('container', '')
        return web.Response(text=await _pod_logs.read(pod, node, container, self.configuration.values))

    async def _write(
        self, request: web.Request, target: _rest.Target, verb: str, user: _identity.User
    ) -> web.StreamResponse:
        dry_run = 'All' in request.query.getall('dryRun', [])
        if verb == 'deletecollection':
            return await self._delete_collection(request, target, user, dry_run)
        body = await _body(request)
        if verb == 'delete':
            return await self._delete(request, target, body, user, dry_run)
        if verb == 'create':
            return await self._create(request, target, body, user, dry_run)
        if target.subresource == 'scale':
            obj = await self._scale(request, target, body, user)
        elif target.subresource == 'finalize':
            obj = await self.rest.finalize(target, body)
        elif verb == 'patch':
            kind = _PATCHES.get(request.content_type)
            custom = self.catalogue.find(target.resource.group, target.resource.version, target.resource.plural) is None
            if kind is None or (custom and kind == 'strategic'):
                raise _statuses.StatusError(
                    415,
                    f'{_UNKNOWN_FORMAT}{", ".join(_PATCHES)}',
                )
            obj, made = await self.rest.patch(target, kind, body, user, dry_run=dry_run)
            return _object(request, target, obj, 201 if made else 200)
        else:
            obj = await self.rest.replace(target, body, user, dry_run=dry_run)
        return _object(request, target, obj, 200)

    async def _scale(self, request: web.Request, target: _rest.Target, body: Any, user: _identity.User) -> Json:
        kind = _PATCHES.get(request.content_type, 'replace')
        return await self.rest.scale(
            target, lambda old: body if kind == 'replace' else _rest.patched(kind, old, body), user
        )

    async def _create(
        self, request: web.Request, target: _rest.Target, body: Json, user: _identity.User, dry_run: bool
    ) -> web.StreamResponse:
        created = {'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Success', 'code': 201}
        if target.subresource == 'eviction':
            await self.rest.evict(target, body, user, dry_run=dry_run)
            return web.json_response(created, status=201)
        if target.subresource == 'binding':
            await self.rest.bind(target, body)
            return web.json_response(created, status=201)
        if target.name:
            raise _statuses.not_allowed()
        _check_kind(target.resource, body)
        obj = await self.rest.create(target, body, user, dry_run=dry_run)
        return _object(request, target, obj, 201)

    async def _delete(
        self, request: web.Request, target: _rest.Target, body: Json, user: _identity.User, dry_run: bool
    ) -> web.StreamResponse:
        options = _options(request, body)
        dry_run = dry_run or 'All' in (options.get('dryRun') or [])
        obj, gone = await self.rest.delete(target, options, user, dry_run=dry_run)
        resource, meta = target.resource, obj['metadata']
        if gone and resource.storage != 'pods':
            return web.json_response(_statuses.success(resource.group, resource.plural, target.name, meta['uid']))
        return _object(request, target, obj, 200)

    async def _delete_collection(
        self, request: web.Request, target: _rest.Target, user: _identity.User, dry_run: bool
    ) -> web.StreamResponse:
        await self.storage.refresh()
        options = _options(request, await _body(request))
        found = _lists.selected(request, self.storage, target)
        for obj in found:
            meta = obj['metadata']
            one = _rest.Target(target.resource, meta.get('namespace', ''), meta['name'])
            try:
                await self.rest.delete(one, options, user, dry_run=dry_run)
            except _statuses.StatusError as error:
                if error.code != 404:
                    raise
        return web.json_response(_lists.collection(self.storage, target.resource, found), dumps=_lists.dumps)

    async def _review(self, request: web.Request, target: _rest.Target, user: _identity.User) -> web.StreamResponse:
        body = await _body(request)
        if target.resource.plural == 'bindings':
            pod = self.catalogue.resources['', 'v1', 'pods']
            await self.rest.bind(_rest.Target(pod, target.namespace, body['metadata']['name']), body)
            return web.json_response(
                {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Success', 'code': 201}, status=201
            )

        def allows(who: _identity.User, what: _access.Attributes) -> bool:
            return _access.is_allowed(self.configuration.modes, who, what, self.storage.objects)

        return web.json_response(_reviews.answer(target.resource.plural, body, user, self.users, allows), status=201)


def _verb(method: str, target: _rest.Target, watching: bool) -> str:
    if method == 'GET':
        return 'watch' if watching else 'get' if target.name else 'list'
    verb = {'POST': 'create', 'PUT': 'update', 'PATCH': 'patch', 'DELETE': 'delete'}.get(method)
    if verb is None or (verb in ('update', 'patch') and not target.name):
        raise _statuses.not_allowed()
    return 'deletecollection' if verb == 'delete' and not target.name else verb


def _request(message: Any, body: Any, protocol: Any, writer: Any, task: Any) -> web.Request:
    return web.Request(message, body, protocol, writer, task, asyncio.get_running_loop(), client_max_size=8 * 2**20)


async def _body(request: web.Request) -> Any:
    """Return the decoded body; {} for none."""
    raw = await request.read()
    if not raw:
        return {}
    if 'protobuf' in request.content_type:
        raise _statuses.StatusError(
            415,
            f'{_UNKNOWN_FORMAT}application/json, application/yaml',
        )
    try:
        body = yaml.safe_load(raw) if 'yaml' in request.content_type else json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise _statuses.StatusError(
            400, f'the object provided is unrecognized (must be of type json): {error}'
        ) from error
    if not isinstance(body, dict | list):
        raise _statuses.StatusError(400, 'the object provided is unrecognized: not an object')
    return body


def _check_kind(resource: _resources.Resource, body: Json) -> None:
    sent = (body.get('apiVersion') or resource.api_version, body.get('kind') or resource.kind)
    body['apiVersion'], body['kind'] = sent
    if sent != (resource.api_version, resource.kind):
        why = f'{sent[1]} in version "{sent[0]}" cannot be handled as a {resource.kind}'
        raise _statuses.StatusError(400, why)


def _options(request: web.Request, body: Any) -> Json:
    options: Json = dict(body) if isinstance(body, dict) else {}
    if 'gracePeriodSeconds' in request.query:
        options['gracePeriodSeconds'] = int(request.query['gracePeriodSeconds'])
    if 'propagationPolicy' in request.query:
        options['propagationPolicy'] = request.query['propagationPolicy']
    return options


def _object(request: web.Request, target: _rest.Target, obj: Json, status: int) -> web.Response:
    if 'spec' in obj and obj.get('kind') == 'Scale':
        return web.json_response(obj, status=status)
    obj = _rest.filled_view(obj, target.resource)
    return web.json_response(_lists.shown(request, target.resource, obj), status=status, dumps=_lists.dumps)


def _failed(error: _statuses.StatusError) -> web.Response:
    headers = {'Retry-After': '1'} if error.code == 429 and not error.details else {}
    return web.json_response(error.body(), status=error.code, headers=headers)


__all__ = ['Server', 'main']
