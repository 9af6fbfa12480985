"""The log files of a task, rotated as Nomad's log collector does, and the frames of /v1/client/fs/logs."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from ._state import is_set

FRAME_BYTES = 64 * 1024
HEARTBEAT = b'{}'


@dataclass
class LogFiles:
    """One stream (stdout or stderr) of one task: NAME.stdout.0 and so on, the oldest dropped at the limit."""

    prefix: str  # alloc/logs/TASK.stdout
    max_files: int
    max_bytes: int
    files: dict[int, bytearray] = field(default_factory=lambda: {0: bytearray()})
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, data: bytes) -> None:
        while data:
            last = max(self.files)
            room = self.max_bytes - len(self.files[last])
            if not room:
                self.files[last + 1] = bytearray()
                if len(self.files) > self.max_files:
                    del self.files[min(self.files)]
                continue
            self.files[last] += data[:room]
            data = data[room:]
        self._changed.set()
        self._changed = asyncio.Event()

    def start(self, offset: int, origin: str) -> tuple[int, int]:
        """Return (file, place in it) where a reader begins."""
        if origin == 'end':
            offset = max(sum(map(len, self.files.values())) - offset, 0)
        for number in sorted(self.files):
            if offset <= len(self.files[number]):
                return number, offset
            offset -= len(self.files[number])
        last = max(self.files)
        return last, len(self.files[last])

    def _after(self, number: int) -> int | None:
        return min((other for other in self.files if other > number), default=None)

    def available(self, number: int, place: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield (file, place, data) of everything from there that is still kept."""
        following: int | None = number
        while following is not None:
            data = self.files.get(following, bytearray())
            for begin in range(place, len(data), FRAME_BYTES):
                yield following, begin, bytes(data[begin : begin + FRAME_BYTES])
            following, place = self._after(following), 0

    async def stream(
        self, offset: int, origin: str, *, follow: bool, heartbeat_s: float
    ) -> AsyncIterator[tuple[str, int, bytes]]:
        """Yield (file name, offset after the data, data); an empty name is a heartbeat.

        Who follows is never told that the task ended: Nomad goes on waiting for the next file, too.
        """
        number, place = self.start(offset, origin)
        while True:
            changed = self._changed
            for current, begin, data in list(self.available(number, place)):
                yield f'{self.prefix}.{current}', begin + len(data), data
                number, place = current, begin + len(data)
            if not follow:
                return
            if not await is_set(changed, heartbeat_s):
                yield '', 0, b''


def frame(name: str, offset: int, data: bytes) -> bytes:
    """Return one frame; its fields are left out where they are empty, and nothing stands between two frames."""
    if not name:
        return HEARTBEAT
    fields: dict[str, object] = {'File': name, 'Data': base64.b64encode(data).decode()}
    if offset:
        fields['Offset'] = offset
    return json.dumps(fields).encode()
