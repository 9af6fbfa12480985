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

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._values import Values, decoded, shown
from ..kubernetes import (
    Authentication,
    ClientCertificate,
    Configuration,
    Fixed,
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
_TOKEN = re.compile(r'[!-~]+')


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

    @property
    def configuration(self) -> Configuration:
        """For the client."""
        return Configuration(f'{self.scheme}://{self.endpoint}', tls=self.tls, authentication=self.authentication)

    def headers(self) -> dict[str, str]:
        """Return what a request carries now. Raises OSError where a token is in a file that cannot be read."""
        if isinstance(self.authentication, TokenFile):
            return {'Authorization': f'Bearer {Path(self.authentication.path).read_text().strip()}'}
        return {self.authentication.name: self.authentication.text} if isinstance(self.authentication, Fixed) else {}


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


class _Reader(Values):
    """Goes through a configuration once and gathers its faults."""

    def __init__(self, config: Mapping[str, Any], surroundings: Surroundings) -> None:
        super().__init__(config, surroundings.is_file)
        self._around = surroundings

    def read(self) -> Settings:
        self._unknown(KEYS)
        auth = self._auth()
        authentication, certificate = self._identity(auth)
        scheme, endpoint = self._address(auth)
        verify = not self._boolean('skip_ssl')
        ca, ca_file = self._authorities(auth, verify and scheme == 'https')
        return Settings(scheme, endpoint, Tls(ca, ca_file, verify, client=certificate), authentication)

    # who we are

    def _auth(self) -> str:
        auth = self._config.get('auth')
        if auth is None:
            return self._inferred()
        if not isinstance(auth, str) or auth not in _CREDENTIALS:
            self._fault('auth', f'{shown(auth)} is none of {", ".join(_CREDENTIALS)}')
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

    def _identity(self, auth: str) -> tuple[Authentication | None, ClientCertificate | None]:
        if auth == 'in_cluster':
            return self._service_account()
        if auth == 'certificate':
            return None, self._certificate()
        if auth == 'certificate_file':
            certificate, key = self._path('certificate', needed=True), self._path('key')
            return None, ClientCertificate(certificate_file=certificate, key_file=key)
        if auth == 'basic_auth':
            user, credentials = self._text('user'), self._text('credentials')
            if ':' in user:
                self._fault('user', 'a colon ends a user name in basic authentication')
            return basic(user, credentials), None
        return bearer(self._token()) if auth == 'token' else None, None

    def _service_account(self) -> tuple[Authentication, None]:
        if token := self._around.environ.get(SERVICE_TOKEN, '').strip():
            return bearer(token), None
        path = self._around.token_file
        if not self._around.is_file(path):
            self._fault(
                'auth', f'in_cluster needs a token in the variable {SERVICE_TOKEN} or the file {path}: there is none'
            )
        return TokenFile(path), None

    def _token(self) -> str:
        value = self._text('token').strip()
        plain = decoded(value).decode('latin-1').strip()
        token = plain if _TOKEN.fullmatch(plain) else value
        if value and not _TOKEN.fullmatch(token):
            self._fault('token', 'is no bearer token, neither as it is nor decoded from base64')
        return token

    # where the server is

    def _address(self, auth: str) -> tuple[str, str]:
        endpoint = self._in_cluster_endpoint() if auth == 'in_cluster' else ''
        if not endpoint:
            endpoint = self._text('endpoint', f' (or the variable {SERVICE_HOST})' if auth == 'in_cluster' else '')
        return self._scheme_and_endpoint(endpoint, 'https')

    def _in_cluster_endpoint(self) -> str:
        host, port = (self._around.environ.get(name, '') for name in (SERVICE_HOST, SERVICE_PORT))
        return join_host_port(host, port or 443) if host else ''

    # whom we trust

    def _authorities(self, auth: str, counts: bool) -> tuple[bytes, str]:
        ca, ca_file = self._given_authorities()
        if auth == 'in_cluster' and counts and not ca and 'ca_file' not in self._config:
            ca_file = self._around.ca_file
            if not self._around.is_file(ca_file):
                self._fault('ca_file', f'missing, and in_cluster finds no {ca_file}')
        return ca, ca_file


def join_host_port(host: str, port: object) -> str:
    """Return HOST:PORT, an IPv6 host in brackets."""
    return f'[{host}]:{port}' if ':' in host or '%' in host else f'{host}:{port}'
