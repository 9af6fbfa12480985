"""Kubeconfig files: the same file gives the same access as kubectl.

    async with Client(kubeconfig.load()) as client: ...

Differs from kubectl: proxies come from `proxy-url` only, not from the environment, and those of socks5 are refused, as
are `auth-provider`s (Kubernetes dropped them in 1.26; `exec` took their place).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _http
from . import _exec_plugin
from ._configuration import Configuration

Document = Mapping[str, Any]
_KINDS = (('clusters', 'cluster'), ('users', 'user'), ('contexts', 'context'))
_SCALAR = (str, int, float)
_TEXTS = (
    'name', 'server', 'certificate-authority', 'certificate-authority-data', 'proxy-url', 'tls-server-name',
    'client-certificate', 'client-certificate-data', 'client-key', 'client-key-data', 'tokenFile', 'token', 'username',
    'password', 'as', 'as-uid', 'cluster', 'user', 'namespace',
)  # fmt: skip
_SHAPES: Mapping[str, Any] = {**dict.fromkeys(_TEXTS, _SCALAR), 'exec': dict, 'auth-provider': dict, 'as-groups': list}


def load(
    path: str | Path | None = None,
    *,
    context: str = '',
    limits: _http.Limits | None = None,
    retries: _http.Retries | None = None,
) -> Configuration:
    """Return the configuration of a context, the current one by default.

    path: default $KUBECONFIG (several files with colons between: the first to name a thing wins), else ~/.kube/config.
    Raises InvalidConfiguration, naming file and entry.
    """
    files = [Path(path)] if path else _default_files()
    documents = [read(file) for file in files if path or file.exists()]
    if not documents:
        raise _http.InvalidConfiguration(f'no kubeconfig: none of {", ".join(map(str, files))} exists')
    return configuration(merged(documents), context, limits=limits, retries=retries)


def _default_files() -> list[Path]:
    if named := os.environ.get('KUBECONFIG', ''):
        return [Path(name) for name in named.split(os.pathsep) if name]
    return [Path.home() / '.kube' / 'config']


def read(path: Path) -> Document:
    """Return a file's content, relative paths in it made absolute. Raises InvalidConfiguration."""
    import yaml  # here: who configures by hand does without

    try:
        loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # of libyaml, where there is one: ten times as fast
        document = yaml.load(path.read_text(encoding='utf-8'), loader)  # noqa: S506  (a safe one)
    except OSError as error:
        raise _http.InvalidConfiguration(f'cannot read the kubeconfig {path}: {error.strerror}') from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no text, or a date that there is not
        at = getattr(error, 'problem_mark', None)
        where = f' at line {at.line + 1}' if at else ''
        raise _http.InvalidConfiguration(
            f'the kubeconfig {path} is no YAML{where}'
        ) from None  # the error quotes secrets
    if not isinstance(document, dict):
        raise _http.InvalidConfiguration(f'the kubeconfig {path} is no mapping')
    if fault := _misshapen(document):
        raise _http.InvalidConfiguration(f'the kubeconfig {path} cannot be used: {fault}')
    return _absolute(document, path.absolute().parent)


def _misshapen(document: Document) -> str:
    """Return what has another shape than in a kubeconfig, quoting no value; '' for nothing. Unknown keys are free."""
    if not isinstance(document.get('current-context') or '', _SCALAR):
        return 'current-context is no text'
    for kind, inner in _KINDS:
        entries = document.get(kind) or []
        if not isinstance(entries, list):
            return f'{kind} is no list'
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get(inner) or {}, dict):
                return f'{kind} holds something that is no mapping with a {inner}'
            for key, value in (('name', entry.get('name')), *(entry.get(inner) or {}).items()):
                if value is not None and not isinstance(value, _SHAPES.get(key, object)):
                    return f'{key} of an entry in {kind} is of the wrong kind'
    return ''


def _absolute(document: Document, folder: Path) -> Document:
    def entries(kind: str, inner: str, keys: Sequence[str]) -> list[Document]:
        return [{**entry, inner: _placed(entry.get(inner) or {}, keys, folder)} for entry in document.get(kind) or []]

    users = entries('users', 'user', ('client-certificate', 'client-key', 'tokenFile'))
    for user in users:
        plugin = user['user'].get('exec') or {}
        command = str(plugin.get('command') or '')
        if os.sep in command and not os.path.isabs(command):  # noqa: PTH117  (a bare name is looked for on PATH)
            user['user']['exec'] = {**plugin, 'command': str(folder / command)}
    return {**document, 'clusters': entries('clusters', 'cluster', ('certificate-authority',)), 'users': users}


def _placed(inner: Document, keys: Sequence[str], folder: Path) -> dict[str, Any]:
    return {key: str(folder / str(value)) if key in keys and value else value for key, value in inner.items()}


def merged(documents: Sequence[Document]) -> Document:
    """Return several files as one: of things with the same name the first counts, and the first current-context."""
    result: dict[str, Any] = {'clusters': {}, 'users': {}, 'contexts': {}, 'current-context': ''}
    for document in documents:
        result['current-context'] = result['current-context'] or document.get('current-context') or ''
        for kind, inner in _KINDS:
            for entry in document.get(kind) or []:
                result[kind].setdefault(entry.get('name', ''), entry.get(inner) or {})
    return result


def configuration(
    document: Document,
    context: str = '',
    *,
    limits: _http.Limits | None = None,
    retries: _http.Retries | None = None,
) -> Configuration:
    """Return the configuration of a context in what `merged` returned. Raises InvalidConfiguration."""
    name = context or document['current-context']
    if not name:
        raise _http.InvalidConfiguration('the kubeconfig has no current-context, and none was named')
    chosen = _entry(document, 'contexts', name, 'asked for' if context else 'the current one')
    by = f'named by context {name!r}'
    cluster = _entry(document, 'clusters', chosen.get('cluster', ''), by)
    user = _entry(document, 'users', chosen['user'], by) if chosen.get('user') else {}
    if not (server := cluster.get('server')):
        raise _http.InvalidConfiguration(f'cluster {chosen.get("cluster")!r} of the kubeconfig has no server')
    who = _Who(f'user {chosen.get("user")!r} of the kubeconfig', user)
    where = f'cluster {chosen.get("cluster")!r} of the kubeconfig'
    ca, ca_file = _embedded(cluster, 'certificate-authority', where)
    tls = _http.Tls(
        ca, '' if ca else ca_file, not cluster.get('insecure-skip-tls-verify', False),
        str(cluster.get('tls-server-name') or ''), who.certificate(),
    )  # fmt: skip
    return Configuration(
        str(server), tls, who.authentication(cluster), str(cluster.get('proxy-url') or ''),
        str(chosen.get('namespace') or 'default'), limits or _http.Limits(), retries or _http.Retries(),
    )  # fmt: skip


def _entry(document: Document, kind: str, name: str, why: str) -> Document:
    try:
        found: Document = document[kind][name]
    except KeyError:
        known = ', '.join(sorted(map(str, document[kind]))) or 'none'
        text = f'the kubeconfig has no {kind[:-1]} {name!r} ({why}); it has {known}'
        raise _http.InvalidConfiguration(text) from None
    return found


@dataclass(frozen=True)
class _Who:
    """A user entry."""

    name: str
    user: Document

    def certificate(self) -> _http.ClientCertificate | None:
        certificate, certificate_file = _embedded(self.user, 'client-certificate', self.name)
        key, key_file = _embedded(self.user, 'client-key', self.name)
        if not (certificate or certificate_file):
            if key or key_file:
                raise _http.InvalidConfiguration(f'{self.name} has a client key, but no client certificate')
            return None
        return _http.ClientCertificate(
            certificate, key, '' if certificate else certificate_file, '' if key else key_file
        )

    def authentication(self, cluster: Document) -> _http.Authentication | None:
        user = self.user
        found: _http.Authentication | None = None
        if user.get('exec'):
            found = _exec_plugin.plugin(self.name, user['exec'], cluster)
        elif user.get('tokenFile'):
            found = _http.TokenFile(str(user['tokenFile']))
        elif user.get('token'):
            found = _http.bearer(str(user['token']))
        elif user.get('username'):
            found = _http.basic(str(user['username']), str(user.get('password') or ''))
        elif user.get('auth-provider'):
            provider = user['auth-provider'].get('name', '')
            raise _http.InvalidConfiguration(f'{self.name}: auth-provider {provider!r} is not supported; use exec')
        headers = self._impersonation()
        return Impersonating(found, headers) if headers else found

    def _impersonation(self) -> dict[str, str]:
        user, headers = self.user, {}
        if user.get('as'):
            headers['Impersonate-User'] = str(user['as'])
        if user.get('as-uid'):
            headers['Impersonate-Uid'] = str(user['as-uid'])
        if user.get('as-groups') or user.get('as-user-extra'):
            if len(user.get('as-groups') or []) > 1 or user.get('as-user-extra'):
                raise _http.InvalidConfiguration(
                    f'{self.name}: as-user-extra and more than one of as-groups are not supported'
                )
            headers['Impersonate-Group'] = str(user['as-groups'][0])
        return headers


@dataclass(frozen=True)
class Impersonating:
    """Somebody who acts as somebody else."""

    inner: _http.Authentication | None
    headers: Mapping[str, str]

    @property
    def renewable(self) -> bool:
        return self.inner is not None and self.inner.renewable

    async def grant(self) -> _http.Grant:
        grant = await self.inner.grant() if self.inner else _http.Grant()
        return _http.Grant({**grant.headers, **self.headers}, grant.certificate, grant.expires)


def _embedded(entry: Document, key: str, where: str) -> tuple[bytes, str]:
    """Return the PEM in `key-data`, and the path in `key`: kubectl prefers the data."""
    data = entry.get(f'{key}-data') or ''
    try:
        return base64.b64decode(data, validate=True), str(entry.get(key) or '')
    except (binascii.Error, ValueError, TypeError) as error:
        raise _http.InvalidConfiguration(f'{where}: {key}-data is no base64') from error
