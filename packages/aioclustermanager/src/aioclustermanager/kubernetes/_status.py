"""The errors of an API server: what its Status says."""

from __future__ import annotations

from .. import _http


def explain(request: str, status: int, body: bytes, retry_after_s: float | None = None) -> _http.HttpError:
    """Return the error for an answer; bodies that are no Status (a proxy's) keep their text."""
    try:
        document = _http.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get('kind') != 'Status':
        return _http.from_text(request, status, body, retry_after_s)
    return from_status(document, request=request, status=status, retry_after_s=retry_after_s, body=body)


def from_status(
    document: dict[str, object],
    *,
    request: str = '',
    status: int = 0,
    retry_after_s: float | None = None,
    body: bytes = b'',
) -> _http.HttpError:
    """Return the error for a Status object, of an answer or of a watch's ERROR event."""
    code = status or int(str(document.get('code') or 500))
    reason = str(document.get('reason') or '')
    details = document.get('details')
    details = details if isinstance(details, dict) else {}
    if retry_after_s is None and details.get('retryAfterSeconds'):
        retry_after_s = float(details['retryAfterSeconds'])
    message = str(document.get('message') or reason or 'no explanation')
    if reason == 'Expired':  # the same as Gone, and what servers since 1.6 say
        code = 410
    return _http.kind(code, reason)(
        message, status=code, reason=reason, details=details, retry_after_s=retry_after_s, body=body, request=request
    )
