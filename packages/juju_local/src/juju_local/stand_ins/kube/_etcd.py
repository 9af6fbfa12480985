"""etcd: the v3 API in its JSON form (grpc-gateway), one member, durable.

What etcd's own gateway answers, so that a real etcd can stand in its place. Not here: several members that agree with
each other (peer flags are taken, and nothing listens on the peer port), leases that expire, users, the v2 API.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from . import _flags, _keyvalues, _program, _version

Body = dict[str, Any]
DEFAULT_VERSION = '3.4.23'
_MEMBER = '10501334649042878790'


def main() -> None:
    """Run etcd with the flags of the command line and the ETCD_* environment."""
    version = (os.environ.get('SNAP_VERSION') or DEFAULT_VERSION).removeprefix('v')
    flags = _flags.table('etcd', _version.parse(version))
    environment = _environment(flags)
    try:
        values = {**environment, **_given(_flags.parse(sys.argv[1:], flags, (0, 0)), flags)}
    except _flags.FlagError as error:
        sys.stderr.write(f"error verifying flags, {error}. See 'etcd --help'.\n")
        sys.exit(1)
    if 'help' in values:
        sys.stdout.write(_flags.usage('etcd', 'etcd, a key-value store', flags, _version.parse(version)))
    elif 'version' in values:
        sys.stdout.write(f'etcd Version: {version}\nGit SHA: stand-in\nGo Version: none\nGo OS/Arch: linux/amd64\n')
    else:
        values = {name: values.get(name, flag.default) for name, flag in flags.items()}
        _program.serve(lambda: Server(values, version).run())


def _environment(flags: Mapping[str, _flags.Flag]) -> dict[str, str]:
    names = {f'ETCD_{name.upper().replace("-", "_")}': name for name in flags}
    return {names[key]: value for key, value in os.environ.items() if key in names and value}


def _given(values: dict[str, str], flags: Mapping[str, _flags.Flag]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in flags or value != flags[name].default}


def _number(body: Mapping[str, Any], name: str) -> int:
    """Return a 64-bit number, which JSON may carry as text; names come in both spellings."""
    camel = ''.join(part.title() if index else part for index, part in enumerate(name.split('_')))
    return int(body.get(name) or body.get(camel) or 0)


def _raw(body: Mapping[str, Any], name: str) -> bytes:
    camel = ''.join(part.title() if index else part for index, part in enumerate(name.split('_')))
    return base64.b64decode(body.get(name) or body.get(camel) or '')


def _shown(kv: _keyvalues.KeyValue) -> Body:
    shown: Body = {'key': base64.b64encode(kv.key).decode(), 'mod_revision': str(kv.mod_revision)}
    if kv.version:
        shown |= {'create_revision': str(kv.create_revision), 'version': str(kv.version)}
    if kv.value:
        shown['value'] = base64.b64encode(kv.value).decode()
    return shown | ({'lease': str(kv.lease)} if kv.lease else {})


class Server:
    """One member: its keys, its watchers, its listeners."""

    def __init__(self, values: Mapping[str, str], version: str) -> None:
        self.values = values
        self.version = version
        folder = Path(values['data-dir']) / 'member'
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.keys = _keyvalues.KeyValues(folder / 'stand-in.db')
        self.watchers: set[asyncio.Queue[list[_keyvalues.KeyValue]]] = set()

    def run(self) -> None:
        context = self._tls()
        asyncio.run(self._serve(context))

    def _tls(self) -> ssl.SSLContext | None:
        if not any(url.startswith('https') for url in self.values['listen-client-urls'].split(',')):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.values['cert-file'], self.values['key-file'] or None)
            authority = self.values['trusted-ca-file'] or self.values.get('ca-file', '')
            if _flags.is_set(self.values, 'client-cert-auth') or authority:
                context.load_verify_locations(authority)
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:
            raise _program.Fatal(f'etcdmain: open {error.filename or self.values["cert-file"]}: {error}') from error
        return context

    async def _serve(self, context: ssl.SSLContext | None) -> None:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_get('/version', self.show_version)
        app.router.add_get('/health', self.health)
        for prefix in ('/v3', '/v3beta', '/v3alpha'):
            for path, handler in self._operations().items():
                app.router.add_post(prefix + path, handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        for url in self.values['listen-client-urls'].split(','):
            parts = urlsplit(url)
            tls = context if parts.scheme == 'https' else None
            try:
                await web.TCPSite(runner, parts.hostname, parts.port or 2379, ssl_context=tls).start()
            except OSError as error:
                raise _program.Fatal(f'etcdmain: listen tcp {parts.netloc}: bind: {error.strerror}') from error
        _program.log(
            'I', f'etcdmain: {self.values["name"]} serves client requests on {self.values["listen-client-urls"]}'
        )
        await asyncio.Event().wait()

    def _operations(self) -> dict[str, Any]:
        return {
            '/kv/range': self._unary(self.range),
            '/kv/put': self._unary(self.put),
            '/kv/deleterange': self._unary(self.delete_range),
            '/kv/txn': self._unary(self.txn),
            '/kv/compaction': self._unary(self.compaction),
            '/maintenance/status': self._unary(self.status),
            '/cluster/member/list': self._unary(self.members),
            '/watch': self.watch,
        }

    def _unary(self, operation: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            try:
                body = json.loads(await request.read() or b'{}')
                return web.json_response({'header': self._header(), **operation(body)})
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                return _failure(400, 3, f'invalid request: {error!r}')
            except _keyvalues.Compacted:
                return _failure(400, 11, 'etcdserver: mvcc: required revision has been compacted')

        return handle

    def _header(self) -> Body:
        return {
            'cluster_id': '14841639068965178418',
            'member_id': _MEMBER,
            'revision': str(self.keys.revision),
            'raft_term': '2',
        }

    async def show_version(self, _: web.Request) -> web.Response:
        return web.json_response({'etcdserver': self.version, 'etcdcluster': self.version.rsplit('.', 1)[0] + '.0'})

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({'health': 'true'})

    def status(self, _: Body) -> Body:
        return {'version': self.version, 'leader': _MEMBER, 'raftTerm': '2', 'dbSize': '0'}

    def members(self, _: Body) -> Body:
        urls = self.values['advertise-client-urls'].split(',')
        return {'members': [{'ID': _MEMBER, 'name': self.values['name'], 'clientURLs': urls}]}

    def range(self, body: Body) -> Body:
        found = self.keys.range(_raw(body, 'key'), _raw(body, 'range_end'))
        if body.get('sort_order') == 'DESCEND':
            found.reverse()
        limit = _number(body, 'limit')
        shown = found[:limit] if limit else found
        answer: Body = {'count': str(len(found))} if found else {}
        if shown and not body.get('count_only'):
            answer['kvs'] = [_shown(kv) for kv in shown]
        return answer | ({'more': True} if len(shown) < len(found) else {})

    def put(self, body: Body) -> Body:
        if not body.get('key'):
            raise ValueError('etcdserver: key is not provided')
        self._apply([(_raw(body, 'key'), _raw(body, 'value'), _number(body, 'lease'))])
        return {'header': self._header()}

    def delete_range(self, body: Body) -> Body:
        gone = self.keys.range(_raw(body, 'key'), _raw(body, 'range_end'))
        self._apply([(kv.key, None, 0) for kv in gone])
        return {'header': self._header(), **({'deleted': str(len(gone))} if gone else {})}

    def compaction(self, body: Body) -> Body:
        self.keys.compact(_number(body, 'revision'))
        return {}

    def txn(self, body: Body) -> Body:
        succeeded = all(self._holds(compare) for compare in body.get('compare') or [])
        operations = body.get('success' if succeeded else 'failure') or []
        changes: list[tuple[bytes, bytes | None, int]] = []
        responses: list[Body] = []
        for operation in operations:
            responses.append(self._operation(operation, changes))
        self._apply(changes)
        header = self._header()
        for response in responses:
            for answer in response.values():
                answer['header'] = {'revision': header['revision']}
        answered: Body = {'header': header, **({'succeeded': True} if succeeded else {})}
        return answered | ({'responses': responses} if responses else {})

    def _operation(self, operation: Body, changes: list[tuple[bytes, bytes | None, int]]) -> Body:
        if request := operation.get('request_range') or operation.get('requestRange'):
            return {'response_range': self.range(request)}
        if request := operation.get('request_put') or operation.get('requestPut'):
            changes.append((_raw(request, 'key'), _raw(request, 'value'), _number(request, 'lease')))
            return {'response_put': {}}
        request = operation.get('request_delete_range') or operation['requestDeleteRange']
        gone = self.keys.range(_raw(request, 'key'), _raw(request, 'range_end'))
        changes += [(kv.key, None, 0) for kv in gone]
        return {'response_delete_range': {'deleted': str(len(gone))} if gone else {}}

    def _holds(self, compare: Body) -> bool:
        kv = self.keys.get(_raw(compare, 'key'))
        target = str(compare.get('target', 'VERSION'))
        have: Any
        want: Any
        if target == 'VALUE':
            have, want = (kv.value if kv else None), _raw(compare, 'value')
        else:
            name = {'VERSION': 'version', 'CREATE': 'create_revision', 'MOD': 'mod_revision'}[target]
            have, want = (getattr(kv, name) if kv else 0), _number(compare, name)
        result = str(compare.get('result', 'EQUAL'))
        if result in ('EQUAL', 'NOT_EQUAL'):
            return bool((have == want) is (result == 'EQUAL'))
        return have is not None and bool(have > want if result == 'GREATER' else have < want)

    def _apply(self, changes: list[tuple[bytes, bytes | None, int]]) -> None:
        done = self.keys.apply(changes)
        for queue in self.watchers if done else ():
            queue.put_nowait(done)

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """Answer one create_request with a stream of results, one JSON document a line."""
        wanted = json.loads(await request.read())
        create = wanted.get('create_request') or wanted.get('createRequest') or {}
        key, end = _raw(create, 'key'), _raw(create, 'range_end')
        queue: asyncio.Queue[list[_keyvalues.KeyValue]] = asyncio.Queue()
        self.watchers.add(queue)
        response = web.StreamResponse(headers={'Content-Type': 'application/json'})
        try:
            await response.prepare(request)
            await _send(response, {'header': self._header(), 'created': True})
            seen = self.keys.revision
            if start := _number(create, 'start_revision'):
                await self._send_events(response, self.keys.since(start), key, end)
            while True:
                done = await queue.get()
                if done[0].mod_revision > seen:
                    await self._send_events(response, done, key, end)
        except _keyvalues.Compacted:
            compacted = str(self.keys.compacted)
            await _send(response, {'header': self._header(), 'canceled': True, 'compact_revision': compacted})
        except ConnectionResetError:
            pass
        finally:
            self.watchers.discard(queue)
        return response

    async def _send_events(
        self, response: web.StreamResponse, changes: list[_keyvalues.KeyValue], key: bytes, end: bytes
    ) -> None:
        events = [
            {'kv': _shown(kv)} if kv.version else {'type': 'DELETE', 'kv': _shown(kv)}
            for kv in changes
            if (kv.key == key if not end else key <= kv.key and (end == b'\0' or kv.key < end))
        ]
        if events:
            await _send(response, {'header': self._header(), 'events': events})


async def _send(response: web.StreamResponse, result: Body) -> None:
    await response.write(json.dumps({'result': result}).encode() + b'\n')


def _failure(status: int, code: int, message: str) -> web.Response:
    return web.json_response({'error': message, 'message': message, 'code': code}, status=status)
