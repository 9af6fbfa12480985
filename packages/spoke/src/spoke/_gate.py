"""Who may see more than health: whom the management cluster knows, and lets GET that path."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Resource, resources

_log = logging.getLogger(__name__)
_CACHED_S = 35.0
_MOST_KNOWN = 100
_MASTERS = 'system:masters'  # allowed everything, without asking: as API servers do
_TOKEN_REVIEWS = Resource('authentication.k8s.io', 'v1', 'tokenreviews', 'TokenReview', False)
_ACCESS_REVIEWS = Resource('authorization.k8s.io', 'v1', 'subjectaccessreviews', 'SubjectAccessReview', False)
_AUTHENTICATION = (
    'extension-apiserver-authentication'  # the ConfigMap in kube-system that says whose certificates count
)


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()


def of_certificate(subject: Mapping[str, Any] | None) -> User | None:
    """Return whom a verified client certificate names (as `getpeercert()` gives it), None for nobody."""
    pairs = [pair for part in (subject or {}).get('subject', ()) for pair in part]
    name = next((text for key, text in pairs if key == 'commonName'), '')
    return User(name, tuple(text for key, text in pairs if key == 'organizationName')) if name else None


class Gate:
    """`status()` tells who may pass."""

    def __init__(self, management: Client, *, is_open: bool = False) -> None:
        self._management, self._is_open = management, is_open
        self._known: dict[tuple[object, str], tuple[float, int]] = {}
        self._said = ''

    async def authorities(self) -> str:
        """Return the authorities (PEM) whose client certificates the management cluster takes, '' where we cannot know.

        Raises what management answers when that says nothing of our rights.
        """
        if self._is_open:
            return ''
        try:
            found = await self._management.find(resources.CONFIG_MAPS, _AUTHENTICATION, 'kube-system')
        except kubernetes.Forbidden as error:
            if str(error) != self._said:
                _log.info('client certificates are not asked for: %s', error)
            self._said = str(error)
            return ''
        return str(((found or {}).get('data') or {}).get('client-ca-file') or '')

    async def status(self, authorization: str, certificate: User | None, path: str) -> int:
        """Return 200, 401 or 403. Raises what management answers."""
        if self._is_open:
            return 200
        scheme, _, token = authorization.partition(' ')
        token = token.strip() if scheme.lower() == 'bearer' else ''
        who: object = certificate or token
        if not who:
            return 401
        known_at, status = self._known.get((who, path), (0.0, 0))
        if status and time.monotonic() - known_at < _CACHED_S:
            return status
        user = certificate or await self._of_token(token)
        status = await self._asked(user, path) if user else 401
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known[who, path] = (time.monotonic(), status)
        return status

    async def _of_token(self, token: str) -> User | None:
        review = (await self._management.create(_TOKEN_REVIEWS, {'spec': {'token': token}}))['status']
        if not review.get('authenticated'):
            return None
        return User(review['user']['username'], tuple(review['user'].get('groups') or ()))

    async def _asked(self, user: User, path: str) -> int:
        if _MASTERS in user.groups:
            return 200
        what = {'path': path, 'verb': 'get'}
        body = {'spec': {'user': user.name, 'groups': list(user.groups), 'nonResourceAttributes': what}}
        allowed = (await self._management.create(_ACCESS_REVIEWS, body))['status'].get('allowed')
        return 200 if allowed else 403


def trust(context: ssl.SSLContext, authorities: str) -> None:
    """Let clients show certificates of these authorities; who shows none is somebody with a token, or nobody."""
    context.load_verify_locations(cadata=authorities)
    context.verify_mode = ssl.CERT_OPTIONAL
