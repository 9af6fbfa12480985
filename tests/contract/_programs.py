"""Starts stand-ins, and the real programs, as plain processes: a folder of their own, free ports, no machine."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import juju_local
from juju_local import _store

SNAPS = Path(juju_local.__file__).parent / 'stand_ins' / 'snaps'
VERSION = os.environ.get('CONTRACT_VERSION', 'v1.20.15')


def free_port() -> int:
    """Return a port that is free, and stays it until it is used: the kernel gives none of these to whoever connects."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(('127.0.0.1', port))
            return port


def real_programs() -> Path | None:
    """Return the folder of the real etcd and kube-apiserver: $KUBERNETES_BIN, or what `make store` built."""
    named = os.environ.get('KUBERNETES_BIN')
    folder = Path(named) if named else _store.cache() / _store.REAL / 'bin'
    return folder if all((folder / name).exists() for name in ('etcd', 'kube-apiserver')) else None


def command(program: str, flags: Mapping[str, object], real: Path | None = None) -> list[str]:
    words = [f'--{name}={value}' for name, value in flags.items()]
    return [str(real / program), *words] if real else [sys.executable, str(SNAPS / program / program), *words]


def environment(folder: Path, version: str = VERSION) -> dict[str, str]:
    return {**os.environ, 'STAND_IN_ROOT': str(folder), 'SNAP_VERSION': version.removeprefix('v')}


def run(
    folder: Path, program: str, *arguments: str, version: str = VERSION, real: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. `real`: the folder of the real ones, whose version is their own."""
    words = [*command(program, {}, real), *arguments]
    return subprocess.run(
        words,
        env=environment(folder, version),
        capture_output=True,
        encoding='utf-8',
        errors='replace',  # real ones print single bytes of what they read
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def started(
    folder: Path,
    program: str,
    flags: Mapping[str, object],
    *,
    version: str = VERSION,
    real: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon for as long as the block lasts; its log is FOLDER/PROGRAM.log. `real`: where real ones are."""
    with (folder / f'{program}.log').open('ab') as log:
        words = command(program, flags, real)
        process = subprocess.Popen(words, env=environment(folder, version), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Http:
    """A client with one identity: a token, or a certificate, or nothing."""

    def __init__(
        self, server: str, authority: Path | None, *, token: str = '', certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.server = server
        self.token = token
        self._context: ssl.SSLContext | None = None
        if server.startswith('https'):
            self._context = ssl.create_default_context(cafile=str(authority) if authority else None)
            if certificate:
                self._context.load_cert_chain(*certificate)

    def open(
        self, method: str, path: str, body: object = None, *, kind: str = 'application/json', timeout: float = 60
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {'Content-Type': kind, 'Accept': 'application/json'}
        if self.token:
            headers['Authorization'] = f'Bearer {self.token}'
        request = urllib.request.Request(self.server + path, data, headers, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=timeout, context=self._context)  # noqa: S310

    def call(self, method: str, path: str, body: object = None, *, kind: str = 'application/json') -> tuple[int, Any]:
        """Return status and decoded body, of failures too."""
        try:
            with self.open(method, path, body, kind=kind) as response:
                return response.status, _decoded(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read())

    def get(self, path: str) -> Any:
        status, body = self.call('GET', path)
        assert status == 200, body
        return body

    def post(self, path: str, body: object) -> Any:
        status, answer = self.call('POST', path, body)
        assert status in (200, 201), answer
        return answer


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


def eventually(check: Any, timeout_s: float = 180.0) -> Any:
    """Return the check's first true answer."""
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(AssertionError, OSError, LookupError):
            if answer := check():
                return answer
        assert time.monotonic() < deadline, f'still not so after {timeout_s} s: {check}'
        time.sleep(0.05)
