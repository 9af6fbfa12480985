"""What can go wrong in a call, cut where callers decide differently.

    Error
    ├── InvalidConfiguration    found before any connection is made
    ├── ConnectionFailed        no answer, or half of one; `.sent` tells whether the server may have acted
    ├── DeadlineExceeded        also a TimeoutError
    ├── AnswerTooLong           more than `Limits.answer_bytes`
    └── HttpError               an answer with a status of 400 or more
        ├── BadRequest 400, Unauthorized 401, Forbidden 403, NotFound 404, MethodNotAllowed 405
        ├── Conflict 409        └── AlreadyExists (reason AlreadyExists)
        ├── Gone 410
        ├── Invalid 422
        ├── TooManyRequests 429
        └── ServerError 5xx     └── Unavailable 503

The transport's own exceptions (OSError, ssl.SSLError) are chained as `__cause__`, never raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _parser

_SHOWN = 256  # characters of a body that no one understood; more would only carry secrets into logs


class Error(Exception):
    """Anything this package raises on purpose."""


class InvalidConfiguration(Error):
    """A key, file or value that no connection can be made with; the message names it."""


class ConnectionFailed(Error):
    """The server could not be reached, or the connection broke.

    `sent` is False when not one byte of the request had left: the server cannot have acted.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class DeadlineExceeded(Error, TimeoutError):
    """The time for a call, or for everything within `deadline()`, is over. `sent`: the server may have acted."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class AnswerTooLong(Error):
    """The server sends more than this client takes in."""


class HttpError(Error):
    """The server refused.

    `reason` and `details` are those of a Kubernetes Status (reason is '' where the body was none), `retry_after_s` is
    what the server asked to wait, None if it did not, `body` the answer as it came.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str = '',
        details: Mapping[str, Any] | None = None,
        retry_after_s: float | None = None,
        body: bytes = b'',
        request: str = '',
    ) -> None:
        super().__init__(f'{request}: {status} {reason}: {message}' if request else message)
        self.message = message
        self.status = status
        self.reason = reason
        self.details = details or {}
        self.retry_after_s = retry_after_s
        self.body = body
        self.repeated = False  # an earlier try of the same request may have been carried out
        self.request = request  # 'GET /api/v1/nodes', without the query
        self.head = b''  # of the answer; the transport knows it

    def header(self, name: str) -> str:
        """Return a header of the answer, '' if absent."""
        return _parser.value(self.head, name.lower().encode('latin-1'))


class BadRequest(HttpError):
    """400."""


class Unauthorized(HttpError):
    """401: the server does not know who asks."""


class Forbidden(HttpError):
    """403."""


class NotFound(HttpError):
    """404."""


class MethodNotAllowed(HttpError):
    """405."""


class Conflict(HttpError):
    """409: somebody else changed it, or it is being changed."""


class AlreadyExists(Conflict):
    """409 to a create."""


class Gone(HttpError):
    """410: the resourceVersion or the continue token is too old."""


class Invalid(HttpError):
    """422: the server understood and does not want it."""


class TooManyRequests(HttpError):
    """429. For an eviction: the disruption budget does not allow it now."""


class ServerError(HttpError):
    """5xx."""


class Unavailable(ServerError):
    """503."""


_KINDS: dict[int, type[HttpError]] = {
    400: BadRequest, 401: Unauthorized, 403: Forbidden, 404: NotFound, 405: MethodNotAllowed, 409: Conflict,
    410: Gone, 422: Invalid, 429: TooManyRequests, 503: Unavailable,
}  # fmt: skip


def kind(status: int, reason: str = '') -> type[HttpError]:
    """Return the class for a status; for 409 the reason decides too."""
    if reason == 'AlreadyExists':
        return AlreadyExists
    return _KINDS.get(status) or (ServerError if status >= 500 else HttpError)


def from_text(request: str, status: int, body: bytes, retry_after_s: float | None = None) -> HttpError:
    """Return the error for an answer whose body is for people (Nomad, a proxy)."""
    message = ' '.join(body[: 4 * _SHOWN].decode('utf-8', 'replace').split())[:_SHOWN] or 'no explanation'
    return kind(status)(message, status=status, retry_after_s=retry_after_s, body=body, request=request)
