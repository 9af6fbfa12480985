"""A copy of what the API server has, kept fresh by watches. The door to the API."""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
RETRY_S = 2.0
WATCH_S = 300
Object = dict[str, Any]


class Api:
    """Requests in the name of the pod's service account."""

    def __init__(self, environment: Mapping[str, str] = os.environ, account: str = ACCOUNT) -> None:
        host = environment['KUBERNETES_SERVICE_HOST']
        self.server = f'https://{f"[{host}]" if ":" in host else host}:{environment["KUBERNETES_SERVICE_PORT"]}'
        self._account = account
        self._context = ssl.create_default_context(cafile=f'{account}/ca.crt')

    def open(self, path: str) -> Any:
        with open(f'{self._account}/token', encoding='ascii') as file:
            token = file.read().strip()
        headers = {'Authorization': f'Bearer {token}', 'Accept': 'application/json'}
        request = urllib.request.Request(self.server + path, headers=headers)
        return urllib.request.urlopen(request, context=self._context, timeout=WATCH_S + 60)

    def get(self, path: str) -> Object:
        with self.open(path) as answer:
            found: Object = json.load(answer)
        return found

    def has(self, group: str, resource: str) -> bool:
        """Return whether the server has a resource in a group and version."""
        try:
            return any(each['name'] == resource for each in self.get(f'/apis/{group}')['resources'])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise


class Cache:
    """All objects of some resources, by resource and (namespace, name)."""

    def __init__(self, api: Api, resources: Mapping[str, str]) -> None:
        """Make an empty cache; `resources` maps names to paths such as /api/v1/services."""
        self._api, self._resources = api, resources
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._lock = threading.Lock()
        self.changed = threading.Event()

    def start(self) -> None:
        for name, path in self._resources.items():
            threading.Thread(target=self._follow, args=(name, path), daemon=True).start()

    def is_complete(self) -> bool:
        """Return whether everything was listed once."""
        with self._lock:
            return set(self._objects) == set(self._resources)

    def snapshot(self) -> dict[str, dict[tuple[str, str], Object]]:
        with self._lock:
            return {name: dict(objects) for name, objects in self._objects.items()}

    def _follow(self, name: str, path: str) -> None:
        while True:
            try:
                self._watch(name, path, self._list(name, path))
            except (OSError, ValueError, KeyError) as error:
                print(f'{name}: {error}: again in {RETRY_S} s', file=sys.stderr, flush=True)
                time.sleep(RETRY_S)

    def _list(self, name: str, path: str) -> str:
        found = self._api.get(path)
        with self._lock:
            self._objects[name] = {_key(item): item for item in found.get('items') or []}
        self.changed.set()
        return str(found['metadata']['resourceVersion'])

    def _watch(self, name: str, path: str, version: str) -> None:
        """Take in what happens until the server breaks off; return when it no longer knows the version."""
        while True:
            for event in self._events(f'{path}?watch=1&timeoutSeconds={WATCH_S}&resourceVersion={version}'):
                item = event['object']
                if event['type'] == 'ERROR':
                    return
                with self._lock:
                    if event['type'] == 'DELETED':
                        self._objects[name].pop(_key(item), None)
                    else:
                        self._objects[name][_key(item)] = item
                version = item['metadata']['resourceVersion']
                self.changed.set()

    def _events(self, path: str) -> Iterator[Object]:
        with self._api.open(path) as stream:
            for line in stream:
                yield json.loads(line)


def _key(item: Object) -> tuple[str, str]:
    return item['metadata'].get('namespace', ''), item['metadata']['name']
