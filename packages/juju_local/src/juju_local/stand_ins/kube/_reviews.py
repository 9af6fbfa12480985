"""TokenReview and the access reviews: questions that are answered and not stored. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _access, _identity, _statuses

Json = dict[str, Any]
Allows = Callable[[_identity.User, _access.Attributes], bool]


def answer(plural: str, review: Json, user: _identity.User, users: _identity.Authenticator, allows: Allows) -> Json:
    """Return the review with its status."""
    spec = review.get('spec') or {}
    if plural == 'tokenreviews':
        return {**review, 'status': _token_status(spec.get('token', ''), users)}
    if plural == 'subjectaccessreviews':
        user = _identity.User(spec.get('user', ''), tuple(spec.get('groups') or spec.get('group') or ()))
    return {**review, 'status': {'allowed': allows(user, _attributes(spec))}}


def _token_status(token: str, users: _identity.Authenticator) -> Json:
    try:
        user = users.user(f'Bearer {token}', None)
    except _statuses.StatusError:
        return {'user': {}, 'error': 'invalid bearer token'}
    return {'authenticated': True, 'user': {'username': user.name, 'uid': user.uid, 'groups': list(user.groups)}}


def _attributes(spec: Json) -> _access.Attributes:
    if path := spec.get('nonResourceAttributes'):
        return _access.Attributes(path.get('verb', ''), path=path.get('path', ''))
    what = spec.get('resourceAttributes') or {}
    plural = what.get('resource', '')
    if what.get('subresource'):
        plural += f'/{what["subresource"]}'
    return _access.Attributes(
        what.get('verb', ''), what.get('group', ''), plural, what.get('namespace', ''), what.get('name', '')
    )
