"""Credentials from a program, as client-go asks for them (client.authentication.k8s.io, v1 and v1beta1)."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
from asyncio import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import _http
from .._http import _limits

_VERSIONS = ('client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1')
_PATIENCE_S = 60.0
_SHOWN = 256


@dataclass(frozen=True)
class Plugin:
    """What to run, and what to tell it."""

    owner: str  # who it speaks for, in messages
    command: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    version: str = _VERSIONS[0]
    hint: str = ''
    cluster: Mapping[str, Any] | None = None
    renewable: bool = True

    async def grant(self) -> _http.Grant:
        """Run it. Raises InvalidConfiguration with what it said on its standard error."""
        return granted(await self._output(), self.owner, self.version, time.time(), time.monotonic())

    async def _output(self) -> bytes:
        told = {'kind': 'ExecCredential', 'apiVersion': self.version, 'spec': {'interactive': False}}
        if self.cluster is not None:
            told['spec'] = {'interactive': False, 'cluster': self.cluster}
        environment = {**os.environ, **self.environment, 'KUBERNETES_EXEC_INFO': _http.dumps(told).decode()}
        try:
            process = await asyncio.create_subprocess_exec(
                self.command, *self.arguments, env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            hint = f' {self.hint}' if self.hint else ''
            why = f'{self.owner}: cannot run {self.command}: {error.strerror}.{hint}'
            raise _http.InvalidConfiguration(why) from error
        try:
            out, err = await _limits.within(_PATIENCE_S, process.communicate())
        except BaseException as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError | asyncio.TimeoutError):
                why = f'{self.owner}: {self.command} did not end within {_PATIENCE_S:g} s'
                raise _http.InvalidConfiguration(why) from error
            raise
        if process.returncode:
            said = err.decode('utf-8', 'replace').strip()[-_SHOWN:] or 'it said nothing'
            raise _http.InvalidConfiguration(f'{self.owner}: {self.command} failed ({process.returncode}): {said}')
        return out


def plugin(owner: str, entry: Mapping[str, Any], cluster: Mapping[str, Any]) -> Plugin:
    """Return the plugin of a user entry's `exec`. Raises InvalidConfiguration."""
    version = entry.get('apiVersion', '')
    if version not in _VERSIONS:
        raise _http.InvalidConfiguration(
            f'{owner}: exec has apiVersion {version!r}, expected one of {", ".join(_VERSIONS)}'
        )
    if not entry.get('command'):
        raise _http.InvalidConfiguration(f'{owner}: exec has no command')
    if entry.get('interactiveMode') == 'Always':
        raise _http.InvalidConfiguration(f'{owner}: exec wants a terminal (interactiveMode Always), and there is none')
    arguments, variables = entry.get('args') or [], entry.get('env') or []
    if not isinstance(arguments, list) or not isinstance(variables, list):
        raise _http.InvalidConfiguration(f'{owner}: args and env of exec have to be lists')
    if not all(isinstance(each, dict) and isinstance(each.get('name'), str) for each in variables):
        raise _http.InvalidConfiguration(f'{owner}: env of exec has an entry without a name')
    about = None
    if entry.get('provideClusterInfo'):
        keys = ('server', 'tls-server-name', 'insecure-skip-tls-verify', 'certificate-authority-data', 'proxy-url')
        about = {key: cluster[key] for key in keys if key in cluster}
    return Plugin(
        owner, str(entry['command']), tuple(map(str, arguments)),
        {each['name']: str(each.get('value', '')) for each in variables},
        version, str(entry.get('installHint') or ''), about,
    )  # fmt: skip


def granted(output: bytes, owner: str, version: str, now: float, monotonic: float) -> _http.Grant:
    """Return what a plugin's output grants. Raises InvalidConfiguration, quoting nothing of it: it holds secrets."""
    try:
        document = _http.loads(output)
        status = document['status']
        if document['kind'] != 'ExecCredential' or document['apiVersion'] != version:
            raise ValueError('not an ExecCredential')
        token, certificate = status.get('token') or '', status.get('clientCertificateData') or ''
        key = status.get('clientKeyData') or ''
        expires = _moment(status.get('expirationTimestamp') or '', now, monotonic)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _http.InvalidConfiguration(f'{owner}: exec printed no ExecCredential of {version}') from None
    if not token and not (certificate and key):
        raise _http.InvalidConfiguration(f'{owner}: exec gave neither a token nor a certificate with its key')
    pair = _http.ClientCertificate(certificate.encode(), key.encode()) if certificate and key else None
    return _http.Grant({'Authorization': f'Bearer {token}'} if token else {}, pair, expires)


def _moment(text: str, now: float, monotonic: float) -> float:
    if not text:
        return float('inf')
    at = datetime.datetime.fromisoformat(text.replace('Z', '+00:00').replace('z', '+00:00'))
    return monotonic + at.timestamp() - now
