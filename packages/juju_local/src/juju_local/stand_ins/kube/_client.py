"""A small Kubernetes client for the programs here: kubeconfig, requests, watches. Threads and the standard library."""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from . import _program

Json = dict[str, Any]
MERGE = 'application/merge-patch+json'
STRATEGIC = 'application/strategic-merge-patch+json'


class ApiError(Exception):
    """The server refused: `code` and `reason` of its Status. Code 0: no answer at all."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, repr=False)
class Access:
    """Where the server is and what to show it."""

    url: str
    context: ssl.SSLContext | None = None
    authorization: str = ''


def from_kubeconfig(path: str) -> Access:
    """Read a kubeconfig; raises Fatal in the real programs' words."""
    try:
        text = Path(path).read_text(encoding='utf-8')
    except OSError as error:
        raise _program.Fatal(f'stat {path}: {str(error.strerror).lower()}') from error
    try:
        return _access(yaml.load(text, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader)) or {})  # noqa: S506
    except yaml.YAMLError as error:
        raise _program.Fatal(f'invalid kubeconfig: error loading config file "{path}": {error}') from error
    except (KeyError, StopIteration, TypeError, AttributeError) as error:
        why = f'invalid configuration: no configuration has been provided, or {error!r} is missing'
        raise _program.Fatal(f'invalid kubeconfig: {why}') from error
    except (ssl.SSLError, OSError, binascii.Error) as error:
        raise _program.Fatal(f'invalid kubeconfig: unable to load certificates: {error}') from error


def _access(config: Json) -> Access:
    chosen = _named(config, 'contexts', config['current-context'])['context']
    cluster = _named(config, 'clusters', chosen['cluster'])['cluster']
    user = _named(config, 'users', chosen['user'])['user'] or {}
    return Access(cluster['server'].rstrip('/'), _context(cluster, user), _authorization(user))


def _named(config: Json, kind: str, name: str) -> Json:
    return next(item for item in config.get(kind) or [] if item['name'] == name)


def _authorization(user: Json) -> str:
    if user.get('token'):
        return f'Bearer {user["token"]}'
    if user.get('username'):
        pair = f'{user["username"]}:{user.get("password", "")}'
        return 'Basic ' + base64.b64encode(pair.encode()).decode()
    return ''


def _context(cluster: Json, user: Json) -> ssl.SSLContext | None:
    if not cluster['server'].startswith('https'):
        return None
    data = cluster.get('certificate-authority-data')
    text = base64.b64decode(data, validate=True).decode() if data else None
    context = ssl.create_default_context(cafile=cluster.get('certificate-authority'), cadata=text)
    if cluster.get('insecure-skip-tls-verify'):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with _file(user, 'client-certificate') as certificate, _file(user, 'client-key') as key:
        if certificate:
            context.load_cert_chain(certificate, key or None)
    return context


@contextlib.contextmanager
def _file(user: Json, name: str) -> Iterator[str]:
    """Give the path of a credential, which may be embedded; '' if there is none."""
    data = user.get(f'{name}-data')
    if not data:
        yield user.get(name) or ''
        return
    descriptor, path = tempfile.mkstemp()  # 0600
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(base64.b64decode(data))
        yield path
    finally:
        Path(path).unlink()


class Client:
    """Requests to one server; a connection a thread."""

    def __init__(self, access: Access, agent: str) -> None:
        self._access = access
        self._agent = agent
        self._parts = urlsplit(access.url)
        self._local = threading.local()

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or '', self._parts.port
        if self._access.context:
            return http.client.HTTPSConnection(host, port or 443, timeout=timeout_s, context=self._access.context)
        return http.client.HTTPConnection(host, port or 80, timeout=timeout_s)

    def _headers(self, kind: str) -> dict[str, str]:
        headers = {'Accept': 'application/json', 'User-Agent': self._agent, 'Content-Type': kind}
        return headers | ({'Authorization': self._access.authorization} if self._access.authorization else {})

    def request(self, method: str, path: str, body: object = None, kind: str = 'application/json') -> Json:
        """Return the decoded answer; raises ApiError."""
        data = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            kept = getattr(self._local, 'connection', None)
            connection = kept or self._connect(10)
            try:
                connection.request(method, self._parts.path + path, data, self._headers(kind))
                response = connection.getresponse()
                raw = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                # A kept connection may have been closed by the server while it was idle: once more with a new one.
                if kept and attempt == 1:
                    continue
                raise ApiError(0, 'Unreachable', f'{method} {self._access.url}{path}: {error}') from error
            self._local.connection = connection
            return _answer(response.status, raw, f'{method} {path}')
        raise AssertionError('unreachable')

    def close(self) -> None:
        """Close this thread's connection."""
        if kept := getattr(self._local, 'connection', None):
            kept.close()
            self._local.connection = None

    def watch(self, path: str) -> Iterator[Json]:
        """Yield events until the server ends the stream; raises ApiError."""
        connection = self._connect(120)
        try:
            connection.request('GET', self._parts.path + path, headers=self._headers('application/json'))
            response = connection.getresponse()
            if response.status != 200:
                _answer(response.status, response.read(), f'watch {path}')
            for line in response:
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(0, 'Unreachable', f'watch {self._access.url}{path}: {error}') from error
        finally:
            connection.close()


def _answer(status: int, raw: bytes, what: str) -> Json:
    try:
        body = json.loads(raw)
    except ValueError:
        body = {'message': raw.decode(errors='replace')[:256]}
    if status >= 400:
        raise ApiError(status, str(body.get('reason', '')), f'{what}: {body.get("message")}')
    return dict(body)


class Informer(threading.Thread):
    """Keeps a copy of one collection current; calls `changed` (from its thread) after each change."""

    def __init__(self, client: Client, path: str, changed: Callable[[], None], *, selector: str = '') -> None:
        super().__init__(daemon=True)
        self._client = client
        self._path = path
        self._selector = selector
        self._changed = changed
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, str], Json] = {}
        self.synced = False
        self.revision = 0  # as new as this the copy is

    def objects(self) -> list[Json]:
        with self._lock:
            return [self._objects[key] for key in sorted(self._objects)]

    def run(self) -> None:
        while True:
            try:
                self._follow(self._list())
            except ApiError as error:
                if error.code != 410:
                    _program.log('E', f'Failed to watch {self._path}: {error}')
                    time.sleep(1)

    def _list(self) -> str:
        listed = self._client.request('GET', f'{self._path}?{self._selector}')
        with self._lock:
            self._objects = {_key(item): item for item in listed['items']}
        self.revision = int(listed['metadata']['resourceVersion'])
        self.synced = True
        self._changed()
        return str(listed['metadata']['resourceVersion'])

    def _follow(self, version: str) -> None:
        while True:
            query = f'watch=1&allowWatchBookmarks=true&timeoutSeconds=600&resourceVersion={version}&{self._selector}'
            for event in self._client.watch(f'{self._path}?{query}'):
                if event['type'] == 'ERROR':
                    raise ApiError(int(event['object'].get('code', 0)), 'Expired', str(event['object'].get('message')))
                version = event['object']['metadata']['resourceVersion']
                self._note(event['type'], event['object'])
                self.revision = int(version)

    def _note(self, kind: str, obj: Json) -> None:
        if kind == 'BOOKMARK':
            return
        with self._lock:
            if kind == 'DELETED':
                self._objects.pop(_key(obj), None)
            else:
                self._objects[_key(obj)] = obj
        self._changed()


def _key(obj: Json) -> tuple[str, str]:
    return obj['metadata'].get('namespace', ''), obj['metadata']['name']
