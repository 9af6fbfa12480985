"""WebSocket frames (RFC 6455), a client's side. No I/O."""

from __future__ import annotations

import os
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_LIMIT = 64 * 1024 * 1024  # a message no API server sends


class Broken(Exception):
    """The peer does not keep to the protocol."""


class Message(NamedTuple):
    kind: int  # TEXT, BINARY, CLOSE, PING, PONG
    payload: bytes


def frame(kind: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """Return one whole message as a frame, masked as a client's have to be."""
    mask = os.urandom(4) if mask is None else mask
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | kind, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | kind, 0x80 | 126)) + size.to_bytes(2, 'big')
    else:
        head = bytes((0x80 | kind, 0x80 | 127)) + size.to_bytes(8, 'big')
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return the payload masked, or unmasked: the same."""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, 'big') ^ int.from_bytes(pattern, 'big')).to_bytes(size, 'big')


class Parser:
    """Messages out of a server's bytes, however they are cut."""

    def __init__(self) -> None:
        self._rest = b''
        self._kind = 0
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now. Raises Broken."""
        self._rest += data
        messages = []
        while (cut := _size(self._rest)) and len(self._rest) >= sum(cut):
            head, size = cut
            first, payload = self._rest[0], self._rest[head : head + size]
            self._rest = self._rest[head + size :]
            if message := self._take(first, payload):
                messages.append(message)
        return messages

    def _take(self, first: int, payload: bytes) -> Message | None:
        last, kind = first & 0x80, first & 0x0F
        if first & 0x70:
            raise Broken('an extension that was not agreed on')
        if kind >= CLOSE:
            return Message(kind, payload)
        if kind == CONTINUATION:
            if not self._pieces:
                raise Broken('a continuation of nothing')
        elif self._pieces:
            raise Broken('a new message within another')
        else:
            self._kind = kind
        self._pieces.append(payload)
        if sum(map(len, self._pieces)) > _LIMIT:
            raise Broken('a message without end')
        if not last:
            return None
        whole, self._pieces = b''.join(self._pieces), []
        return Message(self._kind, whole)


def _size(data: bytes) -> tuple[int, int] | None:
    """Return the sizes of the first frame's head and payload, None while they cannot be seen."""
    if len(data) < 2:
        return None
    size = data[1]
    if size & 0x80:
        raise Broken('a server masks nothing')
    extra = {126: 2, 127: 8}.get(size, 0)
    if len(data) < 2 + extra:
        return None
    if extra:
        size = int.from_bytes(data[2 : 2 + extra], 'big')
    if size > _LIMIT:
        raise Broken('a frame without end')
    return 2 + extra, size
