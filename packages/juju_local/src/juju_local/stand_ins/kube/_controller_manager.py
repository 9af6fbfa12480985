"""kube-controller-manager: watches everything, asks `_controllers` what to do, does it. What is left out: see there."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from . import (
    _accounts,
    _client,
    _controllers,
    _health,
    _identity,
    _leader,
    _node_controller,
    _program,
    _proxy,
    _tokens,
    _version,
)

_SETTLE_S = 0.02  # changes come in bursts: decide once for all of them
_PATIENCE_S = 5.0
_IDLE_S = 5.0  # heartbeats that stop make no event


def main() -> None:
    """Run kube-controller-manager with the flags of the command line."""
    _program.run('kube-controller-manager', 'The Kubernetes controller manager embeds the core control loops.', _run)


def _run(values: dict[str, str], version: _version.Version) -> None:
    key, authority = (
        _text(name, values.get(name, '')) for name in ('service-account-private-key-file', 'root-ca-file')
    )
    signer = _accounts.Signer(_tokens.key(key), authority)
    access, agent = _proxy.access(values), f'kube-controller-manager/{_version.text()}'
    _health.serve(values)
    _leader.elect(_client.Client(access, agent), 'kube-controller-manager', values)
    if values.get('use-service-account-credentials') == 'true' and access.authorization.startswith('Bearer '):
        access = replace(access, authorization=access.authorization + _identity.AS_CONTROLLERS)
    Manager(_client.Client(access, agent), version, signer).run()


def _text(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding='utf-8') if path else ''
    except OSError as error:
        why = str(error.strerror).lower()
        raise _program.Fatal(f'error reading --{name}: open {path}: {why}') from error


class Manager:
    """The watches, and the loop that acts on what they say."""

    def __init__(self, client: _client.Client, version: _version.Version, signer: _accounts.Signer) -> None:
        self.client = client
        self.signer = signer
        self.changed = threading.Event()
        spans = {'leases': ((1, 14), (9, 9)), 'poddisruptionbudgets': ((0, 0), (1, 24))}
        self.informers = {
            plural: _client.Informer(client, f'{base}/{plural}', self.changed.set)
            for plural, base in _controllers.PATHS.items()
            if spans.get(plural, ((0, 0),))[0] <= version <= spans.get(plural, ((0, 0), (9, 9)))[1]
        }
        self.written: dict[str, int] = {}  # plural -> revision of our last write
        self.beats: dict[str, str] = {}
        self.seen: dict[str, float] = {}

    def run(self) -> None:
        for informer in self.informers.values():
            informer.start()
        while not all(informer.synced for informer in self.informers.values()):
            time.sleep(_SETTLE_S)
        while True:
            self.changed.wait(_IDLE_S)
            time.sleep(_SETTLE_S)
            self.changed.clear()
            self._catch_up()
            self._round()

    def _catch_up(self) -> None:
        """Wait until the watches have told of our own last writes, lest they be done twice."""
        deadline = time.monotonic() + _PATIENCE_S
        while any(self.informers[plural].revision < revision for plural, revision in self.written.items()):
            if time.monotonic() > deadline:
                _program.log('W', 'a watch lags behind our own writes')
                break
            time.sleep(_SETTLE_S)
        self.written.clear()

    def _round(self) -> None:
        state = {plural: informer.objects() for plural, informer in self.informers.items()}
        now = time.monotonic()
        for name, beat in _node_controller.heartbeats(state).items():
            if self.beats.get(name) != beat:
                self.beats[name], self.seen[name] = beat, now
        for action in (
            *_controllers.actions(state),
            *_accounts.tokens(state, self.signer),
            *_node_controller.actions(state, self.seen, now),
        ):
            self._do(action)

    def _do(self, action: _controllers.Action) -> None:
        try:
            if any(self._is_there(path) for path in action.absent):
                return
            answer = self.client.request(action.method, action.path, action.body, action.kind)
        except _client.ApiError as error:
            if error.code not in (404, 409):
                _program.log('E', f'{action.method} {action.path}: {error}')
                threading.Timer(1.0, self.changed.set).start()
            return
        parts = action.path.split('/')
        plural = next((part for part in reversed(parts) if part in self.informers), '')
        revision = (answer.get('metadata') or {}).get('resourceVersion', '')
        if plural and revision and action.method in ('POST', 'PATCH'):
            self.written[plural] = max(int(revision), self.written.get(plural, 0))

    def _is_there(self, path: str) -> bool:
        try:
            self.client.request('GET', path)
        except _client.ApiError as error:
            if error.code == 404:
                return False
            raise
        return True
