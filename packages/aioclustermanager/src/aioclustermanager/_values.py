"""What people write into a configuration dictionary, key by key. Faults are gathered: one error can name them all.

It looks whether files are there; it reads none.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ._http import ClientCertificate

_PEM = b'-----BEGIN '
_KEY = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----')
_SHOWN = 40  # characters; hosts are shorter, tokens longer
_BOOLEANS = {'true': True, 'false': False}


class Values:
    """Readers of the kinds of values there are, for a reader of one configuration to inherit."""

    def __init__(self, config: Mapping[str, Any], is_file: Callable[[str], bool]) -> None:
        self.faults: list[str] = []
        self._config = {key: value for key, value in config.items() if value is not None}
        self._is_file = is_file

    def _fault(self, key: str, why: str) -> None:
        self.faults.append(f'{key}: {why}')

    def _unknown(self, known: Sequence[str]) -> None:
        for key in sorted(set(map(str, self._config)) - set(known)):
            self._fault(key, f'no such key (known: {", ".join(known)})')

    # where the server is

    def _scheme_and_endpoint(self, endpoint: str, default: str) -> tuple[str, str]:
        """Return both; `endpoint` may be a whole URL, as people write it."""
        scheme = self._scheme()
        prefix, found, rest = endpoint.partition('://')
        if found:  # people write the whole URL
            if prefix.lower() not in ('http', 'https') or (scheme and scheme != prefix.lower()):
                self._fault('endpoint', f'{prefix}:// contradicts http_scheme, which is http or https')
            scheme, endpoint = prefix.lower(), rest
        endpoint = endpoint.rstrip('/')
        if endpoint and not _is_host_and_port(endpoint):
            self._fault('endpoint', f'{shown(endpoint)} is no HOST:PORT (an IPv6 host stands in brackets)')
        return scheme or default, endpoint

    def _scheme(self) -> str:
        value = self._config.get('http_scheme', '')
        scheme = str(value).lower()
        if scheme not in ('', 'http', 'https'):
            self._fault('http_scheme', f'{shown(value)} is neither http nor https')
            return ''
        return scheme

    # who we are, whom we trust

    def _is_path(self, key: str) -> bool:
        value = self._config.get(key)
        if isinstance(value, os.PathLike):
            return True
        return isinstance(value, str) and not decoded(value).startswith(_PEM) and self._is_file(value)

    def _certificate(self) -> ClientCertificate:
        certificate, key = self._pem('certificate'), self._pem('key', needed=False)
        if certificate and b'-----BEGIN CERTIFICATE' not in certificate:
            self._fault('certificate', 'holds no certificate')
        if certificate and not _KEY.search(key or certificate):
            self._fault('key', 'holds no private key' if key else 'missing, and the certificate holds none')
        return ClientCertificate(certificate, key)

    def _given_authorities(self) -> tuple[bytes, str]:
        if 'ca' in self._config and 'ca_file' in self._config:
            self._fault('ca, ca_file', 'contradict each other: give one of them')
        return self._pem('ca', needed=False), self._path('ca_file')

    # values

    def _boolean(self, key: str) -> bool:
        value = self._config.get(key, False)
        found = value if isinstance(value, bool) else _BOOLEANS.get(str(value).strip().lower())
        if found is None:
            self._fault(key, f"{shown(value)} is neither 'true' nor 'false'")
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
        if path and not self._is_file(path):
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
        raw = text.encode() if text.lstrip().startswith(_PEM.decode()) else decoded(text)
        if _PEM not in raw:
            where = 'a path belongs to auth certificate_file' if key != 'ca' else 'a path belongs to ca_file'
            self._fault(key, f'expected PEM in base64 ({where})')
            return b''
        return raw


def shown(value: object) -> str:
    """Return a value for a message, unless it may be a secret: user and password in a URL, a token in a wrong place."""
    text = repr(value)
    return text if len(text) < _SHOWN and '@' not in text else 'what stands there'


def decoded(text: str) -> bytes:
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
