"""Errors as the API server words them. Pure."""

from __future__ import annotations

from typing import Any

REASONS = {
    400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 409: 'Conflict',
    410: 'Expired', 415: 'UnsupportedMediaType', 422: 'Invalid', 429: 'TooManyRequests', 500: 'InternalError',
    503: 'ServiceUnavailable',
}  # fmt: skip


class StatusError(Exception):
    """An answer that is a Status with a failure."""

    def __init__(self, code: int, message: str, *, reason: str = '', details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS.get(code, 'Unknown')
        self.details = details

    def body(self) -> dict[str, Any]:
        status: dict[str, Any] = {'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Failure'}
        status |= {'message': self.message, 'reason': self.reason}
        if self.details:
            status['details'] = self.details
        return {**status, 'code': self.code}


def _details(group: str, plural: str, name: str) -> dict[str, Any]:
    details = {'name': name, 'group': group, 'kind': plural}
    return {key: value for key, value in details.items() if value}


def _qualified(group: str, plural: str) -> str:
    return f'{plural}.{group}' if group else plural


def not_found(group: str, plural: str, name: str) -> StatusError:
    return StatusError(404, f'{_qualified(group, plural)} "{name}" not found', details=_details(group, plural, name))


def no_such_path() -> StatusError:
    return StatusError(404, 'the server could not find the requested resource', details={})


def not_allowed() -> StatusError:
    return StatusError(405, 'the server does not allow this method on the requested resource')


def already_exists(group: str, plural: str, name: str) -> StatusError:
    message = f'{_qualified(group, plural)} "{name}" already exists'
    return StatusError(409, message, reason='AlreadyExists', details=_details(group, plural, name))


def conflict(group: str, plural: str, name: str, why: str = '') -> StatusError:
    why = why or ('the object has been modified; please apply your changes to the latest version and try again')
    message = f'Operation cannot be fulfilled on {_qualified(group, plural)} "{name}": {why}'
    return StatusError(409, message, details=_details(group, plural, name))


def invalid(group: str, kind: str, name: str, causes: list[tuple[str, str]]) -> StatusError:
    """Make a 422 of (field, what is wrong) pairs."""
    texts = [f'{field}: {wrong}' for field, wrong in causes]
    what = texts[0] if len(texts) == 1 else f'[{", ".join(texts)}]'
    message = f'{_qualified(group, kind)} "{name}" is invalid: {what}'
    listed = [{'reason': 'FieldValueInvalid', 'message': wrong, 'field': field} for field, wrong in causes]
    return StatusError(422, message, details={**_details(group, kind, name), 'causes': listed})


def forbidden(user: str, verb: str, group: str, plural: str, name: str, namespace: str, why: str = '') -> StatusError:
    named = f' "{name}"' if name else ''
    scope = f'in the namespace "{namespace}"' if namespace else 'at the cluster scope'
    message = (
        f'{_qualified(group, plural.partition("/")[0])}{named} is forbidden: User "{user}" cannot {verb} resource '
        f'"{plural}" in API group "{group}" {scope}{": " + why if why else ""}'
    )
    return StatusError(403, message, details=_details(group, plural.partition('/')[0], name))


def refused(group: str, plural: str, name: str, why: str) -> StatusError:
    """Make the 403 of an admission plug-in."""
    named = f' "{name}"' if name else ''
    message = f'{_qualified(group, plural)}{named} is forbidden: {why}'
    return StatusError(403, message, details=_details(group, plural, name))


def unauthorized() -> StatusError:
    return StatusError(401, 'Unauthorized')


def success(group: str, plural: str, name: str, uid: str) -> dict[str, Any]:
    """Return the answer to a delete whose object is gone."""
    details = {**_details(group, plural, name), 'uid': uid}
    return {'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Success', 'details': details}
