"""The journal: what units print, a line each with its time, in a file per unit."""

from __future__ import annotations

import os
import time

from .. import core

FOLDER = f'{core.HOME}/journal'
FILE_MAX = 4 * 1024 * 1024  # bytes; then the file becomes UNIT.1, which is overwritten
LINE_MAX = 48 * 1024  # as journald's LineMax
READ_MAX = 64 * 1024


class Stream:
    """A pipe that one command of a unit writes to; whoever starts the command closes `writer`."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.source = ''  # NAME[PID] of who writes
        self._rest = b''
        self.descriptor, self.writer = os.pipe()
        os.set_blocking(self.descriptor, False)

    def fileno(self) -> int:
        return self.descriptor

    def drain(self) -> bool:
        """Write what has come to the journal; False when nobody can write any more."""
        try:
            data = os.read(self.descriptor, READ_MAX)
        except BlockingIOError:
            return True
        *lines, self._rest = (self._rest + data).split(b'\n')
        if not data or len(self._rest) > LINE_MAX:
            lines, self._rest = [*lines, self._rest], b''
        write(self.unit, self.source, [line.decode('utf-8', 'replace') for line in lines if line])
        return bool(data)

    def close(self) -> None:
        os.close(self.descriptor)


def write(unit: str, source: str, lines: list[str]) -> None:
    """Append lines to a unit's file as `SECONDS SOURCE: TEXT`."""
    if not lines:
        return
    place = core.path(f'{FOLDER}/{unit}')
    os.makedirs(os.path.dirname(place), exist_ok=True)
    now = f'{time.time():.6f}'
    text = ''.join(f'{now} {source}: {line}\n' for line in lines)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        os.write(descriptor, text.encode('utf-8', 'replace'))
        full = os.fstat(descriptor).st_size > FILE_MAX
    finally:
        os.close(descriptor)
    if full:
        os.replace(place, f'{place}.1')


def note(unit: str, text: str) -> None:
    """Write what init itself has to say of a unit."""
    write(unit, 'systemd[1]', [text])
