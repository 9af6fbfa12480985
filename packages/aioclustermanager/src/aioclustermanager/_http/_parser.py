"""HTTP/1.1 answers out of bytes (RFC 9112). No I/O: whoever has bytes feeds them, however they are cut."""

from __future__ import annotations

_HEAD_LIMIT = 256 * 1024  # no API server sends more; a peer that does is none
_LINE_LIMIT = 4096  # of a chunk's size with its extensions, or of a trailer


class Malformed(Exception):
    """The peer does not speak HTTP/1.1."""


class Parser:
    """The answers to the requests of one connection, one after the other.

    After `expect()` feed bytes until `complete`. `status` is 0 until the head is there, and the caller takes the body
    out of `pieces` whenever it likes. After a status of 101 what follows is `rest`.
    """

    __slots__ = (
        '_bodiless', '_chunked', '_in_trailers', '_lead', '_left',
        'complete', 'head', 'keep', 'pieces', 'rest', 'status',
    )  # fmt: skip

    def __init__(self) -> None:
        self.rest = b''  # seen, not yet understood
        self.expect()

    def expect(self, *, bodiless: bool = False) -> None:
        """Begin with the next answer; `bodiless` when the request was HEAD or CONNECT."""
        self.status = 0
        self.head = b''
        self.pieces: list[bytes] = []
        self.complete = False
        self.keep = True  # whether the connection may carry another request
        self._bodiless = bodiless
        self._chunked = False
        self._left = 0  # bytes of the body, or of this chunk, to come; -1: until the connection ends
        self._lead = 0  # 2 when a chunk's own line end stands before the next size
        self._in_trailers = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived. Raises Malformed."""
        if self.rest:
            data = self.rest + data
            self.rest = b''
        while not self.status:
            end = data.find(b'\r\n\r\n')
            if end < 0:
                self._keep_for_later(data, _HEAD_LIMIT)
                return
            self._begin(data[:end])
            data = data[end + 4 :]
        if self.complete:
            self.rest = data
        elif self._chunked:
            self._feed_chunks(data)
        elif self._left < 0:
            if data:
                self.pieces.append(data)
        elif len(data) < self._left:
            if data:
                self.pieces.append(data)
                self._left -= len(data)
        else:
            self.pieces.append(data[: self._left])
            self.rest = data[self._left :]
            self.complete = True

    def end(self) -> None:
        """Take the end of the connection, which completes an answer without a length. Raises Malformed if cut off."""
        if self.status and self._left < 0 and not self._chunked:
            self.complete = True
        if not self.complete:
            raise Malformed('the answer was cut off')

    def upgrade(self) -> None:
        """Take everything from here on as the body."""
        self.pieces = [self.rest] if self.rest else []
        self.rest, self.complete, self._left = b'', False, -1

    def header(self, name: bytes) -> str:
        """Return a header's first value, '' if absent; `name` in lower case."""
        return value(self.head, name)

    def _begin(self, head: bytes) -> None:
        if head[:7] != b'HTTP/1.' or not head[9:12].isdigit() or head[8:9] != b' ':
            raise Malformed(f'the answer does not begin like one of HTTP/1.1: {head[:40]!r}')
        status = int(head[9:12])
        if 100 <= status < 200 and status != 101:
            return  # interim: the answer is still to come
        self.status, self.head = status, head
        lowered = head.lower()
        connection = value(lowered, b'connection')
        self.keep = 'close' not in connection if head[7:8] == b'1' else 'keep-alive' in connection
        if self._bodiless or status in (101, 204, 304):
            self.complete = True
        elif coding := value(lowered, b'transfer-encoding'):
            if coding != 'chunked':
                raise Malformed(f'unknown transfer coding {coding[:40]!r}')
            self._chunked = True
        elif length := value(lowered, b'content-length'):
            if not (length.isascii() and length.isdigit()):
                raise Malformed(f'content-length is {length[:40]!r}')
            self._left = int(length)
            self.complete = self._left == 0
        else:
            self._left, self.keep = -1, False

    def _feed_chunks(self, data: bytes) -> None:
        at, size, pieces = 0, len(data), self.pieces
        while at < size:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            end = data.find(b'\r\n', at + self._lead)
            if end < 0:
                self._keep_for_later(data[at:], _LINE_LIMIT)
                return
            if self._in_trailers:
                if end == at:
                    self.complete, self.rest = True, data[end + 2 :]
                    return
            else:
                if self._lead and data[at : at + 2] != b'\r\n':
                    raise Malformed('a chunk is longer than it said')
                self._chunk(data[at + self._lead : end])
            at = end + 2

    def _chunk(self, line: bytes) -> None:
        digits = line if line.isalnum() else line.partition(b';')[0].rstrip(b' \t')
        if not digits.isalnum():
            raise Malformed(f'the size of a chunk is {digits[:40]!r}')
        try:
            self._left = int(digits, 16)
        except ValueError as error:
            raise Malformed(f'the size of a chunk is {digits[:40]!r}') from error
        self._lead = 2
        if not self._left:
            self._in_trailers, self._lead = True, 0

    def _keep_for_later(self, data: bytes, limit: int) -> None:
        if len(data) > limit:
            raise Malformed('a line of the answer has no end')
        self.rest = data


def value(head: bytes, name: bytes) -> str:
    """Return the first value of a header in a head, '' if absent; case matters not."""
    key = b'\r\n' + name + b':'
    start = head.find(key)
    if start < 0:
        start = head.lower().find(key)
        if start < 0:
            return ''
    start += len(key)
    end = head.find(b'\r\n', start)
    return (head[start:] if end < 0 else head[start:end]).strip(b' \t').decode('latin-1')


def headers(head: bytes) -> dict[str, str]:
    """Return all headers, names in lower case; repeated ones are joined by a comma."""
    found: dict[str, str] = {}
    for line in head.split(b'\r\n')[1:]:
        name, _, text = line.decode('latin-1').partition(':')
        name = name.strip().lower()
        found[name] = f'{found[name]}, {text.strip()}' if name in found else text.strip()
    return found
