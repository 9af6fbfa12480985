"""What a configuration dictionary of 0.3.44 means. It reads files' names, not files; nothing is connected to.

Every key that is wrong, missing or contradicts another is named in one error.

    auth              keys
    in_cluster        none: token, authority and address of the pod's service account
    certificate       certificate, key: PEM in base64, or as it is
    certificate_file  certificate, key: paths; key may be left out where the certificate's file holds it
    basic_auth        user, credentials
    token             token: in base64 as `kubectl get secret -o yaml` shows it, or as it is
    (left out)        by what is given: user, token, certificate (a path or not); in_cluster when none of them is
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..kubernetes import (
    Authentication,
    ClientCertificate,
    Configuration,
    InvalidConfiguration,
    Tls,
    TokenFile,
    basic,
    bearer,
)

SERVICE_HOST = 'KUBERNETES_SERVICE_HOST'
SERVICE_PORT = 'KUBERNETES_SERVICE_PORT'
SERVICE_TOKEN = 'KUBERNETES_SERVICE_TOKEN'  # noqa: S105  (the name of a variable)

_CREDENTIALS: dict[str, tuple[str, ...]] = {
    'in_cluster': (),
    'certificate': ('certificate', 'key'),
    'certificate_file': ('certificate', 'key'),
    'basic_auth': ('user', 'credentials'),
    'token': ('token',),
}
_OF_CONNECTION = ('auth', 'endpoint', 'http_scheme', 'skip_ssl', 'ca', 'ca_file')
KEYS = (*_OF_CONNECTION, 'certificate', 'key', 'user', 'credentials', 'token')
_PEM = b'-----BEGIN '
_KEY = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----')
_TOKEN = re.compile(r'[!-~]+')
_BOOLEANS = {'true': True, 'false': False}


@dataclass(frozen=True)
class Surroundings:
    """What in_cluster reads: the variables of the process, and where the pod's service account is mounted."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    token_file: str = '/var/run/secrets/kubernetes.io/serviceaccount/token'  # noqa: S105  (a path)
    ca_file: str = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'
    is_file: Callable[[str], bool] = os.path.isfile


@dataclass(frozen=True)
class Settings:
    """Where the API server is, whom we trust and who we are."""

    scheme: str
    endpoint: str  # HOST:PORT, an IPv6 host in brackets
    tls: Tls
    authentication: Authentication | None = None
    header: tuple[str, str] | None = field(default=None, repr=False)  # what a request carries now; None: nothing

    @property
    def configuration(self) -> Configuration:
        """For the client."""
        return Configuration(f'{self.scheme}://{self.endpoint}', tls=self.tls, authentication=self.authentication)


def settings(config: Mapping[str, Any], surroundings: Surroundings | None = None) -> Settings:
    """Return what a configuration means; it stays as it is.

    Raises:
        InvalidConfiguration: a key is wrong, missing or contradicts another. The message has all of them.
    """
    reader = _Reader(config, surroundings or Surroundings())
    found = reader.read()
    if reader.faults:
        raise InvalidConfiguration(f'cannot use the configuration for Kubernetes: {"; ".join(reader.faults)}')
    return found


class _Reader:
    """Goes through a configuration once and gathers its faults."""

    def __init__(self, config: Mapping[str, Any], surroundings: Surroundings) -> None:
        self.faults: list[str] = []
        self._config = {key: value for key, value in config.items() if value is not None}
        self._around = surroundings

    def read(self) -> Settings:
        self._unknown()
        auth = self._auth()
        authentication, certificate, header = self._identity(auth)
        scheme, endpoint = self._address(auth)
        verify = not self._boolean('skip_ssl')
        ca, ca_file = self._authorities(auth, verify and scheme == 'https')
        return Settings(scheme, endpoint, Tls(ca, ca_file, verify, client=certificate), authentication, header)

    def _fault(self, key: str, why: str) -> None:
        self.faults.append(f'{key}: {why}')

    def _unknown(self) -> None:
        for key in sorted(set(map(str, self._config)) - set(KEYS)):
            self._fault(key, f'no such key (known: {", ".join(KEYS)})')

    # who we are

    def _auth(self) -> str:
        auth = self._config.get('auth')
        if auth is None:
            return self._inferred()
        if auth not in _CREDENTIALS:
            self._fault('auth', f'{auth!r} is none of {", ".join(_CREDENTIALS)}')
            return ''
        others = [key for keys in _CREDENTIALS.values() for key in keys if key not in _CREDENTIALS[auth]]
        for key in dict.fromkeys(others):
            if key in self._config:
                self._fault(key, f'contradicts auth {auth!r}')
        return str(auth)

    def _inferred(self) -> str:
        """Return the auth that the keys given belong to."""
        groups = [keys for keys in dict.fromkeys(_CREDENTIALS.values()) if any(key in self._config for key in keys)]
        if len(groups) > 1:
            both = [key for keys in groups for key in keys if key in self._config]
            self._fault(
                ', '.join(both), 'contradict each other: say by auth which of them counts, leave the others out'
            )
            return ''
        if not groups:
            return 'in_cluster'
        if groups[0] == _CREDENTIALS['certificate']:
            return 'certificate_file' if self._is_path('certificate') or self._is_path('key') else 'certificate'
        return next(auth for auth, keys in _CREDENTIALS.items() if keys == groups[0])

    def _is_path(self, key: str) -> bool:
        value = self._config.get(key)
        if isinstance(value, os.PathLike):
            return True
        return isinstance(value, str) and not _decoded(value).startswith(_PEM) and self._around.is_file(value)

    def _identity(self, auth: str) -> tuple[Authentication | None, ClientCertificate | None, tuple[str, str] | None]:
        if auth == 'in_cluster':
            return self._service_account()
        if auth == 'certificate':
            return None, self._certificate(), None
        if auth == 'certificate_file':
            certificate, key = self._path('certificate', needed=True), self._path('key')
            return None, ClientCertificate(certificate_file=certificate, key_file=key), None
        fixed = None
        if auth == 'basic_auth':
            user, credentials = self._text('user'), self._text('credentials')
            if ':' in user:
                self._fault('user', 'a colon ends a user name in basic authentication')
            fixed = basic(user, credentials)
        if auth == 'token':
            fixed = bearer(self._token())
        return fixed, None, (fixed.name, fixed.text) if fixed else None

    def _service_account(self) -> tuple[Authentication, None, tuple[str, str] | None]:
        if token := self._around.environ.get(SERVICE_TOKEN, '').strip():
            fixed = bearer(token)
            return fixed, None, (fixed.name, fixed.text)
        path = self._around.token_file
        if not self._around.is_file(path):
            self._fault(
                'auth', f'in_cluster needs a token in the variable {SERVICE_TOKEN} or the file {path}: there is none'
            )
        return TokenFile(path), None, None

    def _certificate(self) -> ClientCertificate:
        certificate, key = self._pem('certificate'), self._pem('key', needed=False)
        if certificate and b'-----BEGIN CERTIFICATE' not in certificate:
            self._fault('certificate', 'holds no certificate')
        if certificate and not _KEY.search(key or certificate):
            self._fault('key', 'holds no private key' if key else 'missing, and the certificate holds none')
        return ClientCertificate(certificate, key)

    def _token(self) -> str:
        value = self._text('token').strip()
        decoded = _decoded(value).decode('latin-1').strip()
        token = decoded if _TOKEN.fullmatch(decoded) else value
        if value and not _TOKEN.fullmatch(token):
            self._fault('token', 'is no bearer token, neither as it is nor decoded from base64')
        return token

    # where the server is

    def _address(self, auth: str) -> tuple[str, str]:
        scheme = self._scheme()
        endpoint = self._in_cluster_endpoint() if auth == 'in_cluster' else ''
        if not endpoint:
            endpoint = self._text('endpoint', f' (or the variable {SERVICE_HOST})' if auth == 'in_cluster' else '')
        prefix, found, rest = endpoint.partition('://')
        if found:  # people write the whole URL
            if prefix.lower() not in ('http', 'https') or (scheme and scheme != prefix.lower()):
                self._fault('endpoint', f'{prefix}:// contradicts http_scheme, which is http or https')
            scheme, endpoint = prefix.lower(), rest
        endpoint = endpoint.rstrip('/')
        if endpoint and not _is_host_and_port(endpoint):
            shown = 'what stands there' if '@' in endpoint else repr(endpoint)  # user and password belong to no message
            self._fault('endpoint', f'{shown} is no HOST:PORT (an IPv6 host stands in brackets)')
        return scheme or 'https', endpoint

    def _scheme(self) -> str:
        value = self._config.get('http_scheme', '')
        scheme = str(value).lower()
        if scheme not in ('', 'http', 'https'):
            self._fault('http_scheme', f'{value!r} is neither http nor https')
            return ''
        return scheme

    def _in_cluster_endpoint(self) -> str:
        host, port = (self._around.environ.get(name, '') for name in (SERVICE_HOST, SERVICE_PORT))
        return join_host_port(host, port or 443) if host else ''

    # whom we trust

    def _authorities(self, auth: str, counts: bool) -> tuple[bytes, str]:
        if 'ca' in self._config and 'ca_file' in self._config:
            self._fault('ca, ca_file', 'contradict each other: give one of them')
        ca, ca_file = self._pem('ca', needed=False), self._path('ca_file')
        if auth == 'in_cluster' and counts and not ca and 'ca_file' not in self._config:
            ca_file = self._around.ca_file
            if not self._around.is_file(ca_file):
                self._fault('ca_file', f'missing, and in_cluster finds no {ca_file}')
        return ca, ca_file

    # values

    def _boolean(self, key: str) -> bool:
        value = self._config.get(key, False)
        found = value if isinstance(value, bool) else _BOOLEANS.get(str(value).strip().lower())
        if found is None:
            self._fault(key, f"{value!r} is neither 'true' nor 'false'")
        return bool(found)

    def _text(self, key: str, instead: str = '') -> str:
        value = self._config.get(key, '')
        if isinstance(value, bytes):
            value = value.decode('utf-8', 'replace')
        if not isinstance(value, str):
            self._fault(key, f'expected text, got {type(value).__name__}')
            return ''
        if not value.strip():
            self._fault(key, f'missing{instead}')
        return value

    def _path(self, key: str, *, needed: bool = False) -> str:
        value = self._config.get(key, '')
        if not isinstance(value, str | os.PathLike):
            self._fault(key, f'expected a path, got {type(value).__name__}')
            return ''
        path = os.fspath(value) if value else ''
        if not path and needed:
            self._fault(key, 'missing')
        if path and not self._around.is_file(path):
            self._fault(key, 'no such file' if len(path) > 200 or '\n' in path else f'no such file: {Path(path)}')
        return path

    def _pem(self, key: str, *, needed: bool = True) -> bytes:
        value = self._config.get(key)
        if value is None and not needed:
            return b''
        text = value.decode('latin-1') if isinstance(value, bytes) else value
        if not isinstance(text, str) or not text.strip():
            self._fault(key, 'missing' if not value else f'expected text, got {type(value).__name__}')
            return b''
        raw = text.encode() if text.lstrip().startswith(_PEM.decode()) else _decoded(text)
        if _PEM not in raw:
            where = 'a path belongs to auth certificate_file' if key != 'ca' else 'a path belongs to ca_file'
            self._fault(key, f'expected PEM in base64 ({where})')
            return b''
        return raw


def join_host_port(host: str, port: object) -> str:
    """Return HOST:PORT, an IPv6 host in brackets."""
    return f'[{host}]:{port}' if ':' in host or '%' in host else f'{host}:{port}'


def _decoded(text: str) -> bytes:
    """Return what base64 text stands for; b'' if it is none. Line breaks may stand anywhere."""
    try:
        return base64.b64decode(''.join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b''


def _is_host_and_port(endpoint: str) -> bool:
    """Tell whether this is HOST or HOST:PORT; without a port the scheme's counts."""
    match = re.fullmatch(r'(?:\[([^\]]+)\]|([^\[\]:/?#@\s]+))(?::(\d{1,5}))?', endpoint)
    if not match or (match[3] and not 0 < int(match[3]) < 65536):
        return False
    if not match[1]:
        return True
    try:
        return ipaddress.ip_address(match[1].partition('%')[0]).version == 6
    except ValueError:
        return False
