"""Events on the management cluster, about the agent's Deployment. Best effort: no event is worth a failure."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Protocol

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, resources

from . import _certificates

_log = logging.getLogger(__name__)
_MOST = 100  # that wait to be written
_AGAIN_S = 600.0  # the same text is said again after that


class Recorder(Protocol):
    """Where an agent says what happened."""

    def event(self, reason: str, message: str) -> None: ...

    def warning(self, reason: str, message: str) -> None: ...


class Events:
    """A recorder that writes core/v1 Events; `run()` writes what was said."""

    def __init__(self, client: Client, namespace: str, *, pod: str | None = None) -> None:
        self._client = client
        self._namespace = namespace
        self._pod = os.environ.get('POD_NAME', '') if pod is None else pod
        self._queue: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue(_MOST)
        self._said: dict[tuple[str, str], float] = {}
        self._about: Object | None = None

    def event(self, reason: str, message: str) -> None:
        self._say('Normal', reason, message)

    def warning(self, reason: str, message: str) -> None:
        self._say('Warning', reason, message)

    def _say(self, kind: str, reason: str, message: str) -> None:
        now = time.monotonic()
        if now - self._said.get((reason, message), -_AGAIN_S) < _AGAIN_S:
            return
        if len(self._said) > _MOST:
            self._said.clear()
        self._said[reason, message] = now
        if not self._queue.full():
            self._queue.put_nowait((kind, reason, message))

    async def run(self) -> None:
        while True:
            kind, reason, message = await self._queue.get()
            try:
                if self._about is None:
                    self._about = await self._owner()
                await self._client.create(resources.EVENTS, self._body(self._about, kind, reason, message))
            except kubernetes.Error as error:
                _log.debug('event %s is not written: %s', reason, error)

    def _body(self, about: Object, kind: str, reason: str, message: str) -> Object:
        now = f'{_certificates.utc_now():%Y-%m-%dT%H:%M:%SZ}'
        meta = {'name': f'{about["name"]}.{time.time_ns():x}', 'namespace': self._namespace}
        return {
            'metadata': meta, 'involvedObject': about, 'reason': reason, 'message': message[:1024], 'type': kind,
            'count': 1, 'firstTimestamp': now, 'lastTimestamp': now, 'source': {'component': 'registration-agent'},
        }  # fmt: skip

    async def _owner(self) -> Object:
        """Return a reference to the Deployment of our pod, to the namespace where there is none."""
        resource, name = resources.PODS, self._pod
        for kind, next_resource in (('ReplicaSet', resources.REPLICA_SETS), ('Deployment', resources.DEPLOYMENTS)):
            try:
                found = await self._client.find(resource, name, self._namespace) if name else None
            except kubernetes.HttpError:
                found = None
            owners = ((found or {}).get('metadata') or {}).get('ownerReferences') or []
            owner = next((each for each in owners if each['kind'] == kind), None)
            if owner is None:
                return {'apiVersion': 'v1', 'kind': 'Namespace', 'name': self._namespace, 'namespace': self._namespace}
            resource, name = next_resource, owner['name']
            about = {'apiVersion': owner['apiVersion'], 'kind': kind, 'name': name, 'uid': owner['uid']}
        return {**about, 'namespace': self._namespace}
