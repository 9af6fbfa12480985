"""What a configuration dictionary for Nomad means. 0.3.44 knew `endpoint` only. Nothing is connected to.

endpoint      HOST:PORT, or the whole URL; the port is 4646 when it is left out
http_scheme   http or https; http unless a certificate or an authority is given
skip_ssl, ca, ca_file, auth, certificate, key    as for Kubernetes: `auth` is certificate or certificate_file
token         the secret ID of an ACL token, as it is
region        another region than the agent's
datacenter    where jobs run ('*' anywhere); the agent is not asked for its own then
namespaces    emulated (the default): a job's ID begins with its namespace; real: those of Nomad
timeout       seconds that one call may take, with its repeats
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._http import ClientCertificate, Fixed, InvalidConfiguration, Limits, Tls
from .._values import Values

PORT = 4646
KEYS = (
    'endpoint', 'http_scheme', 'skip_ssl', 'ca', 'ca_file', 'auth', 'certificate', 'key', 'token', 'region',
    'datacenter', 'namespaces', 'timeout',
)  # fmt: skip
_TOKEN = re.compile(r'[!-~]+')


@dataclass(frozen=True)
class Settings:
    """Where the agent is, whom we trust, who we are, and where jobs go."""

    scheme: str
    endpoint: str  # HOST:PORT, an IPv6 host in brackets
    tls: Tls = field(default_factory=Tls)
    token: str = field(default='', repr=False)
    region: str = ''
    datacenter: str = ''  # '': ask the agent
    real_namespaces: bool = False
    timeout_s: float = Limits().call_s

    @property
    def server(self) -> str:
        return f'{self.scheme}://{self.endpoint}'

    @property
    def authentication(self) -> Fixed | None:
        return Fixed('X-Nomad-Token', self.token) if self.token else None


def settings(config: Mapping[str, Any], is_file: Callable[[str], bool] = os.path.isfile) -> Settings:
    """Return what a configuration means; it stays as it is.

    Raises:
        InvalidConfiguration: a key is wrong, missing or contradicts another. The message has all of them.
    """
    reader = _Reader(config, is_file)
    found = reader.read()
    if reader.faults:
        raise InvalidConfiguration(f'cannot use the configuration for Nomad: {"; ".join(reader.faults)}')
    return found


class _Reader(Values):
    def read(self) -> Settings:
        self._unknown(KEYS)
        client = self._client()
        secure = client is not None or 'ca' in self._config or 'ca_file' in self._config
        scheme, endpoint = self._scheme_and_endpoint(self._text('endpoint'), 'https' if secure else 'http')
        if scheme == 'http' and secure:
            self._fault(
                'http_scheme', 'http takes no certificates: https, or leave certificate, key, ca and ca_file out'
            )
        ca, ca_file = self._given_authorities()
        if endpoint and not re.search(r':\d+$', endpoint):
            endpoint = f'{endpoint}:{PORT}'
        return Settings(
            scheme,
            endpoint,
            Tls(ca, ca_file, verify=not self._boolean('skip_ssl'), client=client),
            token=self._printable('token'),
            region=self._printable('region'),
            datacenter=self._printable('datacenter'),
            real_namespaces=self._real_namespaces(),
            timeout_s=self._seconds('timeout', Limits().call_s),
        )

    def _client(self) -> ClientCertificate | None:
        auth = self._config.get('auth')
        if auth not in (None, 'certificate', 'certificate_file'):
            self._fault('auth', f'{auth!r} is none of certificate, certificate_file')
        if auth is None and 'certificate' not in self._config and 'key' not in self._config:
            return None
        if auth == 'certificate_file' or (auth is None and (self._is_path('certificate') or self._is_path('key'))):
            certificate, key = self._path('certificate', needed=True), self._path('key')
            return ClientCertificate(certificate_file=certificate, key_file=key)
        return self._certificate()

    def _real_namespaces(self) -> bool:
        value = self._config.get('namespaces', 'emulated')
        if value not in ('emulated', 'real'):
            self._fault('namespaces', f'{value!r} is neither emulated nor real')
        return bool(value == 'real')

    def _printable(self, key: str) -> str:
        """Return what goes into a header or a query; a fault's message has no secret in it."""
        text = self._text(key).strip() if key in self._config else ''
        if text and not _TOKEN.fullmatch(text):
            self._fault(key, 'has characters in it that no request can carry')
        return text

    def _seconds(self, key: str, default: float) -> float:
        value = self._config.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float('inf'):
            self._fault(key, f'{value!r} is no number of seconds')
            return default
        return float(value)
