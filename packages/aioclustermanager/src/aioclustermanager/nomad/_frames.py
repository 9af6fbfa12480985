"""The frames in which Nomad streams files: JSON objects one after another, with nothing between them. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# a text, whole (its last quote is the group) or as much as there is, or a brace outside of texts
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:(")|\\?\Z)|[{}]', re.DOTALL)
LONGEST = 1 << 20  # a frame carries 64 KiB: what grows beyond this is none


@dataclass(frozen=True)
class Frame:
    """A piece of a file. `event` is 'file deleted' or 'file truncated', or '' for none; a heartbeat has nothing."""

    file: str = ''
    data: bytes = b''
    event: str = ''


class Frames:
    """Takes bytes as they arrive, gives the frames that are complete."""

    def __init__(self) -> None:
        self._rest = b''
        self._scanned = 0
        self._depth = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that end within the data. Raises ValueError for what is no frame."""
        self._rest += data
        while (end := self._end()) is not None:
            found, self._rest, self._scanned = self._rest[:end], self._rest[end:], 0
            yield _frame(json.loads(found))
        if not self._rest.lstrip().startswith(b'{') and self.pending:
            raise ValueError(f'a frame begins with a brace, not with {self._rest.lstrip()[:20]!r}')
        if len(self._rest) > LONGEST:
            raise ValueError(f'no frame ends within {LONGEST} bytes')

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._rest.strip())

    def _end(self) -> int | None:
        """Return where the first frame of what is left ends; None when it has not ended yet."""
        for token in _TOKEN.finditer(self._rest, self._scanned):
            if token[0] == b'{':
                self._depth += 1
            elif token[0] == b'}':
                self._depth -= 1
                if self._depth <= 0:
                    self._depth = 0
                    return token.end()
            elif not token[1]:
                self._scanned = token.start()  # a text that goes on in what will follow
                return None
            self._scanned = token.end()
        return None


def _frame(fields: Any) -> Frame:
    if not isinstance(fields, dict):
        raise ValueError(f'a frame is an object, not {type(fields).__name__}')
    try:
        data = base64.b64decode(fields.get('Data') or '', validate=True)
    except binascii.Error as error:
        raise ValueError(f'the data of a frame is no base64: {error}') from None
    return Frame(fields.get('File') or '', data, fields.get('FileEvent') or '')
