"""API servers in memory: the stand-in of kube-apiserver as it is, with a stand-in of etcd in its own process."""

from __future__ import annotations

import asyncio
import base64
import contextvars
import ipaddress
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from juju_local.stand_ins.kube import (
    _addresses,
    _apiserver,
    _configuration,
    _http2,
    _identity,
    _rest,
    _statuses,
    _storage,
)

from tests.unit.spoke.simulated.answering import Answering
from tests.unit.spoke.simulated.loop import Loop, Service

ADMIN, BOOTSTRAP, AGENT, NOBODY = 'admin-token', 'bootstrap-token', 'agent-token', 'nobody-token'
TOKENS = f"""\
{ADMIN},admin,admin,"system:masters"
{BOOTSTRAP},bootstrap,bootstrap
{AGENT},agent,agent,"system:masters"
{NOBODY},nobody,nobody
"""
_STREAMS = 250  # of a connection at once
Stored = dict[str, dict[tuple[str, str], Any]]


class _Ordered(dict[Any, None]):
    """A set that is gone through in the order in which it was filled: a run has to be the same twice."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)


class Storage(_storage.Storage):
    """etcd in memory: each write is one revision, guarded by the one it is based on."""

    def __init__(self) -> None:
        super().__init__(['memory'], None)
        self.floor = 1
        self.revision = 1
        self.written: Callable[[str, str, str, Any], None] = lambda *_: None

    async def refresh(self) -> None:
        return

    async def compact(self, revision: int) -> None:
        self.floor = revision
        self._history.clear()

    async def _guarded(self, storage: str, namespace: str, name: str, operation: Any, expected: int) -> int:
        present = self.get(storage, namespace, name)
        if (_storage.revision_of(present) if present else 0) != expected:
            raise _storage.Clash
        self.revision += 1
        put = operation.get('request_put')
        kv = {'key': _storage._key(storage, namespace, name), 'mod_revision': str(self.revision)}
        self._note('PUT' if put else 'DELETE', {**kv, 'value': put['value']} if put else kv)
        self.written(storage, namespace, name, self.get(storage, namespace, name))
        return self.revision

    def subscribe(self, storage: str) -> _storage.Subscription:
        subscription = _storage.Subscription()
        self._subscriptions.setdefault(storage, _Ordered()).add(subscription)  # type: ignore[arg-type]
        return subscription

    def saved(self) -> tuple[int, Stored]:
        return self.revision, {kind: dict(objects) for kind, objects in self._objects.items()}

    def restore(self, saved: tuple[int, Stored]) -> None:
        self.revision = self.floor = saved[0]
        self._objects, self._order = {kind: dict(objects) for kind, objects in saved[1].items()}, {}
        self._history = {kind: deque(maxlen=_storage.HISTORY) for kind in self._objects}


class Server(_apiserver.Server):
    """An API server, and what is wrong with it now."""

    def __init__(self, name: str, host: str, ca: bytes, tokens: Path) -> None:
        values = {'token-auth-file': str(tokens), 'anonymous-auth': 'true', 'authorization-mode': 'RBAC'}
        ranges = _addresses.Ranges(ipaddress.ip_network('10.152.183.0/24'), range(30000, 32768))
        settings = _rest.Settings(ranges, frozenset({'NamespaceLifecycle'}), True)
        super().__init__(
            _configuration.Configuration({**values, 'etcd-servers': 'memory'}, (1, 20), ('RBAC',), settings)
        )
        self.storage: Storage = Storage()
        self.rest.storage = self.storage
        self.name, self.host, self.ca = name, host, ca
        self.is_http2 = False
        self.now: Callable[[], datetime]
        self.slow_s = 0.0
        self.refuse = 0
        self.gone = False  # every watch is told that what it asks for is forgotten
        self.losing = 0.0  # the share of requests whose answer is lost, half of them before they are carried out
        self.chance = random.Random(0)
        self.told: Callable[[str, str, str], None] = lambda *_: None
        self.service: Service

    @property
    def url(self) -> str:
        return f'https://{self.host}:6443'

    async def start(self, loop: Loop) -> None:
        http = self.server(secure=True)
        protocols: dict[str, Callable[[], asyncio.Protocol]] = {'http/1.1': lambda: Answering(http)}
        if self.is_http2:
            protocols['h2'] = lambda: _http2.Connection(http, _STREAMS, set())
        self.service = Service(protocols, self.ca, contextvars.copy_context())
        loop.services[self.host, 6443] = self.service

    async def stop(self) -> None:
        for end in self.service.ends:
            end.vanish()
        await asyncio.sleep(0.01)  # until whoever answers knows

    async def _user(self, request: web.Request) -> _identity.User:
        tls: Any = request.transport.get_extra_info('identity') if request.transport else None
        if (ends := getattr(tls, 'ends', None)) and ends < self.now():
            raise _statuses.unauthorized()
        return await super()._user(request)

    async def _answer(self, request: web.Request, secure: bool) -> web.StreamResponse:
        user = (await self._user(request)).name
        self.told(self.name, user, f'{request.method} {request.path_qs}')
        if user == 'admin':  # a person, or the hub itself, whose watches break for no reason of ours: none needs marks
            if 'allowWatchBookmarks' in request.path_qs:
                request = request.clone(rel_url=request.rel_url.update_query(allowWatchBookmarks='false'))
            return await super()._answer(request, secure)
        if self.service.silent:
            await asyncio.Event().wait()
        if self.slow_s:
            await asyncio.sleep(self.slow_s * self.chance.random())
        if self.refuse:
            raise _statuses.StatusError(self.refuse, 'a fault of the simulation')
        if self.gone and 'watch=true' in request.path_qs:
            raise _statuses.StatusError(410, 'a fault of the simulation', reason='Expired')
        drawn = self.chance.random() if self.losing else 1.0
        if drawn < self.losing / 2:
            self._cut(request)
        answer = await super()._answer(request, secure)
        if drawn < self.losing:
            self._cut(request)
        return answer

    @staticmethod
    def _cut(request: web.Request) -> None:
        if request.transport:
            request.transport.abort()
        raise asyncio.CancelledError


def secret_data(obj: Any) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in ((obj or {}).get('data') or {}).items()}
