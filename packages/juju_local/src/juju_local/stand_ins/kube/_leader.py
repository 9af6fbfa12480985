"""Leader election as the controller manager and the scheduler do it: a lock in an Endpoints object of kube-system.

One difference: the identity is the host's name alone, so that a restarted program goes on at once and need not wait for
its own lease to run out.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from . import _client, _flags, _program, _times

Json = dict[str, Any]
_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader'
_PATH = '/api/v1/namespaces/kube-system/endpoints'


class Lock:
    """The lock of one name, as one candidate sees it."""

    def __init__(self, client: _client.Client, name: str, identity: str, lease_s: float) -> None:
        self._client = client
        self._name = name
        self._identity = identity
        self._lease_s = lease_s
        self._seen: tuple[str, float] = ('', 0.0)  # the other's record, and when it was first seen so

    def take(self, now: float) -> bool:
        """Take or renew the lock; False while another holds it. Raises ApiError. `now`: of a monotonic clock."""
        try:
            return self._try(now)
        except _client.ApiError as error:
            if error.code == 409:  # somebody was quicker
                return False
            raise

    def _try(self, now: float) -> bool:
        try:
            held = self._client.request('GET', f'{_PATH}/{self._name}')
        except _client.ApiError as error:
            if error.code != 404:
                raise
            meta = {'name': self._name, 'namespace': 'kube-system', 'annotations': {_ANNOTATION: self._record()}}
            self._client.request('POST', _PATH, {'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': meta})
            return True
        record = (held['metadata'].get('annotations') or {}).get(_ANNOTATION, '')
        if record and json.loads(record)['holderIdentity'] != self._identity and not self._is_expired(record, now):
            return False
        annotations = {**(held['metadata'].get('annotations') or {}), _ANNOTATION: self._record()}
        self._client.request(
            'PUT', f'{_PATH}/{self._name}', {**held, 'metadata': {**held['metadata'], 'annotations': annotations}}
        )
        return True

    def _is_expired(self, record: str, now: float) -> bool:
        """Tell whether the holder has not renewed for a whole lease, by our own clock only."""
        if record != self._seen[0]:
            self._seen = (record, now)
        return now - self._seen[1] > self._lease_s

    def _record(self) -> str:
        known = {'holderIdentity': self._identity, 'leaseDurationSeconds': int(self._lease_s)}
        return json.dumps({**known, 'renewTime': _times.micro()})


def elect(client: _client.Client, name: str, values: Mapping[str, str]) -> None:
    """Wait until this program leads; a program that later loses the lock ends, as the real one does."""
    if not _flags.is_set(values, 'leader-elect'):
        return
    lease, deadline, retry = (
        _flags.seconds(values[f'leader-elect-{part}'])
        for part in ('lease-duration', 'renew-deadline', 'retry-period')
    )  # fmt: skip
    lock = Lock(client, name, socket.gethostname(), lease)
    while not _attempt(lock):
        time.sleep(retry / 4)
    _program.log('I', f'successfully acquired lease kube-system/{name}')
    threading.Thread(target=_keep, args=(lock, deadline, retry), daemon=True).start()


def _attempt(lock: Lock) -> bool:
    try:
        return lock.take(time.monotonic())
    except _client.ApiError as error:
        _program.log('E', f'error retrieving resource lock: {error}')
        return False


def _keep(lock: Lock, deadline_s: float, retry_s: float) -> None:
    renewed = time.monotonic()
    while time.monotonic() - renewed < deadline_s:
        time.sleep(retry_s)
        if _attempt(lock):
            renewed = time.monotonic()
    _program.log('F', 'leaderelection lost')
    os._exit(255)
