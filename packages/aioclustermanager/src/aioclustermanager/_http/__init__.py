"""HTTP to one server, for everything in this package that talks to one. Standard library only.

    async with Transport(
        'https://10.0.0.1:6443',
        tls=Tls(ca=pem, client=ClientCertificate(certificate_file='...')),
        authentication=bearer(token),           # or basic(), Fixed(name, value), TokenFile(path), any Authentication
        limits=Limits(qps=50, burst=100),
    ) as transport:
        answer = await transport.request('GET', '/api/v1/nodes?limit=10', timeout_s=5)
        answer.status, answer.headers, answer.body, answer.json()
        async with transport.stream('GET', '/v1/event/stream', idle_s=60) as stream:
            async for lines in stream.lines(): ...      # lists of lines; `async for piece in stream` for raw bytes
        with deadline(30):                      # all calls within, together
            ...

Errors: see `Error` and its kinds. An answer with a status of 400 or more is raised as the kind of HttpError for its
status. What is repeated without asking: GET, HEAD, PUT, DELETE after a broken connection and 500, 502, 503, 504; any
method where the server certainly did nothing (no connection, 429, 503 with Retry-After); after a 401 once, with a new
grant, if the authentication is renewable. `repeat=` says otherwise for one call. Everything of the standard library's
that goes wrong is chained as `__cause__`.
"""

from ._authentication import Authentication, Fixed, Grant, TokenFile, basic, bearer
from ._errors import (
    AlreadyExists,
    AnswerTooLong,
    BadRequest,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    Error,
    Forbidden,
    Gone,
    HttpError,
    Invalid,
    InvalidConfiguration,
    MethodNotAllowed,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from ._errors import (
    from_text as from_text,
)
from ._errors import (
    kind as kind,
)
from ._json import dumps, loads
from ._limits import Limits, deadline, urgent
from ._limits import until as until
from ._messages import Response
from ._retry import Repeat, Retries, pause_s
from ._shared import Shared
from ._stream import Stream
from ._tls import ClientCertificate, Tls
from ._transport import Transport
from ._turns import Pace

__all__ = [
    'AlreadyExists',
    'AnswerTooLong',
    'Authentication',
    'BadRequest',
    'ClientCertificate',
    'Conflict',
    'ConnectionFailed',
    'DeadlineExceeded',
    'Error',
    'Fixed',
    'Forbidden',
    'Gone',
    'Grant',
    'HttpError',
    'Invalid',
    'InvalidConfiguration',
    'Limits',
    'MethodNotAllowed',
    'NotFound',
    'Pace',
    'Repeat',
    'Response',
    'Retries',
    'ServerError',
    'Shared',
    'Stream',
    'Tls',
    'TokenFile',
    'TooManyRequests',
    'Transport',
    'Unauthorized',
    'Unavailable',
    'basic',
    'bearer',
    'deadline',
    'dumps',
    'loads',
    'pause_s',
    'urgent',
]
