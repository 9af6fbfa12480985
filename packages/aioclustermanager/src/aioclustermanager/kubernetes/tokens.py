"""Tokens of service accounts (TokenRequest, Kubernetes 1.12 and later)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._client import Client
from ._resources import SERVICE_ACCOUNTS, Object


async def request(
    client: Client, name: str, namespace: str, *, audiences: Sequence[str] = (), expires_s: int = 3600
) -> Object:
    """Return a TokenRequest: status.token and status.expirationTimestamp. The server makes expires_s 600 at least."""
    spec: dict[str, Any] = {'expirationSeconds': expires_s}
    if audiences:
        spec['audiences'] = list(audiences)
    body = {'kind': 'TokenRequest', 'apiVersion': 'authentication.k8s.io/v1', 'spec': spec}
    return await client.create(SERVICE_ACCOUNTS, body, namespace, name=name, subresource='token')
