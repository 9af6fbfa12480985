"""What is sent and what comes back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import _json, _parser
from ._authentication import Grant

JSON = 'application/json'
_OF_THE_CONNECTION = frozenset({b'host', b'connection', b'upgrade', b'proxy-authorization', b'transfer-encoding'})
_LINE_BREAK = re.compile(r'[\r\n\0]')


class Response:
    """An answer, all of it. `repeated`: an earlier try of the same request may have been carried out too."""

    __slots__ = ('_data', 'head', 'repeated', 'status')

    def __init__(self, status: int, head: bytes, data: bytes | bytearray) -> None:
        self.status = status
        self.head = head
        self._data = data
        self.repeated = False

    @property
    def body(self) -> bytes:
        return bytes(self._data)  # of bytes no copy

    @property
    def headers(self) -> dict[str, str]:
        return _parser.headers(self.head)

    def header(self, name: str) -> str:
        """Return a header's value, '' if absent."""
        return _parser.value(self.head, name.lower().encode('latin-1'))

    def json(self) -> Any:
        """Return the decoded body. Raises ValueError."""
        return _json.loads(self._data)


class Request:
    """What is sent: `target` is path and query, `lines` the header lines, each with its end."""

    __slots__ = ('body', 'lines', 'method', 'target')

    def __init__(self, method: str, target: str, lines: bytes, body: bytes | None = None) -> None:
        self.method = method
        self.target = target
        self.lines = lines
        self.body = body

    def http1(self) -> bytes:
        """Return it as HTTP/1.1 writes it."""
        return b'%b %b HTTP/1.1\r\n%b\r\n%b' % (
            self.method.encode('ascii'), self.target.encode('ascii'), self.lines, self.body or b'',
        )  # fmt: skip

    def http2(self, scheme: str) -> list[tuple[bytes, bytes]]:
        """Return its fields as HTTP/2 orders and names them (RFC 9113, 8.3.1)."""
        fields = [line.split(b': ', 1) for line in self.lines.split(b'\r\n')[:-1]]
        named = [(name.lower(), text) for name, text in fields]
        authority = next(text for name, text in named if name == b'host')
        pseudo = [
            (b':method', self.method.encode('ascii')), (b':scheme', scheme.encode('ascii')),
            (b':authority', authority), (b':path', self.target.encode('ascii')),
        ]  # fmt: skip
        return pseudo + [(name, text) for name, text in named if name not in _OF_THE_CONNECTION]


class Call:
    """A request, whatever it is sent with and however often."""

    __slots__ = ('accept', 'body', 'content_type', 'grant', 'headers', 'method', 'target')

    def __init__(
        self,
        method: str,
        target: str,
        body: bytes | None,
        content_type: str,
        accept: str,
        headers: Mapping[str, str] | None,
    ) -> None:
        self.method = method
        self.target = target
        self.body = body
        self.content_type = content_type
        self.accept = accept
        self.headers = headers
        self.grant: Grant | None = None  # with which it was sent

    @property
    def name(self) -> str:
        """What errors call it: the query may carry more than a log should."""
        return f'{self.method} {self.target.partition("?")[0]}'


def block(headers: Mapping[str, str]) -> bytes:
    """Return header lines. Raises ValueError for text that would make more of them."""
    for name, text in headers.items():
        if _LINE_BREAK.search(name) or _LINE_BREAK.search(text):
            raise ValueError(f'header {name!r} has a line break in it')
    return ''.join(f'{name}: {text}\r\n' for name, text in headers.items()).encode('latin-1')
