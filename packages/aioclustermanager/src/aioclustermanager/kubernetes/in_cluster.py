"""The configuration of a program that runs in a pod."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .. import _http
from ._configuration import Configuration

ACCOUNT = Path('/var/run/secrets/kubernetes.io/serviceaccount')


def load(
    environment: Mapping[str, str] | None = None,
    account: Path = ACCOUNT,
    *,
    limits: _http.Limits | None = None,
    retries: _http.Retries | None = None,
) -> Configuration:
    """Return the configuration that kubelet gives to every pod with a service account.

    The token is read again as it rotates. Raises InvalidConfiguration outside a pod.
    """
    variables = os.environ if environment is None else environment
    host, port = variables.get('KUBERNETES_SERVICE_HOST', ''), variables.get('KUBERNETES_SERVICE_PORT', '')
    if not (host and port):
        raise _http.InvalidConfiguration(
            'not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set'
        )
    token = account / 'token'
    if not token.is_file():
        raise _http.InvalidConfiguration(f'not in a pod with a service account: there is no {token}')
    authority = account / 'ca.crt'
    tls = _http.Tls(ca_file=str(authority)) if authority.is_file() else _http.Tls()
    return Configuration(
        f'https://{_bracketed(host)}:{port}', tls, _http.TokenFile(str(token)), '', _namespace(account),
        limits or _http.Limits(), retries or _http.Retries(),
    )  # fmt: skip


def _bracketed(host: str) -> str:
    return f'[{host}]' if ':' in host else host


def _namespace(account: Path) -> str:
    try:
        return (account / 'namespace').read_text(encoding='utf-8').strip() or 'default'
    except OSError:
        return 'default'
