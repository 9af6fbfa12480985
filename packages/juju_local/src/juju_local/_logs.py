"""The model's log, as `juju debug-log` shows it: a file of JSON lines that only grows. Reading and writing it.

Whole lines are appended with one write, so several processes may log at once; a line cut off by a kill is passed over.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FILE = 'model.log'
LEVELS = ('TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')
BLOCK = 65536
FOLLOW_S = 0.2


@dataclass(frozen=True)
class Record:
    """One line. `entity` is a tag (unit-u-0, machine-3, controller-0), `module` Juju's logger name."""

    time: float  # seconds since the epoch
    entity: str
    level: str
    module: str
    message: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filter:
    """What to show. All inclusions are ORed, all exclusions too, the groups ANDed (debuglog.go).

    An entity is a tag, a unit, an application or `machine N`, and may end in `*`; a module is a prefix.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_module: tuple[str, ...] = ()
    exclude_module: tuple[str, ...] = ()
    level: str = ''  # this and above
    include_label: tuple[str, ...] = ()
    exclude_label: tuple[str, ...] = ()

    def matches(self, record: Record) -> bool:
        if self.level and _rank(record.level) < _rank(self.level):
            return False
        if self.include and not any(names(entity, record.entity) for entity in self.include):
            return False
        if any(names(entity, record.entity) for entity in self.exclude):
            return False
        if self.include_module and not any(_is_below(record.module, module) for module in self.include_module):
            return False
        if any(_is_below(record.module, module) for module in self.exclude_module):
            return False
        if self.include_label and not set(self.include_label) & set(record.labels):
            return False
        return not set(self.exclude_label) & set(record.labels)


def unit_tag(unit: str) -> str:
    return 'unit-' + unit.replace('/', '-')


def names(pattern: str, entity: str) -> bool:
    """Tell whether what a user wrote (u/0, app, machine 1, unit-u-0, unit-u-*) means this entity's tag."""
    tag = pattern.replace('/', '-').replace(' ', '-')
    if pattern.isdigit():
        tag = f'machine-{pattern}'
    candidates = {tag, f'unit-{tag}'}
    for candidate in candidates:
        if candidate.endswith('*') and entity.startswith(candidate[:-1]):
            return True
        if entity == candidate:
            return True
    base, _, number = entity.rpartition('-')
    return number.isdigit() and base in candidates and base.startswith('unit-')  # an application: all its units


class Log:
    """A model's log; `directory` is the model's folder."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    def append(self, records: Iterable[Record]) -> None:
        data = b''.join(_encode(record) for record in records)
        if not data:
            return
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)

    def replay(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Yield all records, oldest first."""
        for record, _ in self._from(0):
            if wanted.matches(record):
                yield record

    def tail(self, count: int, wanted: Filter = Filter()) -> list[Record]:
        """Return the last records that match; reads no more of the file than it must."""
        found: list[Record] = []
        for line in _backwards(self.path):
            if len(found) == count:
                break
            record = _decode(line)
            if record is not None and wanted.matches(record):
                found.append(record)
        return found[::-1]

    def position(self) -> int:
        """Return where the log ends now, for `follow`."""
        return self.path.stat().st_size if self.path.exists() else 0

    def follow(self, position: int, wanted: Filter = Filter(), *, pause_s: float = FOLLOW_S) -> Iterator[Record | None]:
        """Yield records from a position on as they come, for ever, and None after each pause without any."""
        while True:
            for record, position in self._from(position):  # noqa: B007, B020  it goes on from where this ended
                if wanted.matches(record):
                    yield record
            yield None
            time.sleep(pause_s)

    def _from(self, position: int) -> Iterator[tuple[Record, int]]:
        if not self.path.exists():
            return
        with self.path.open('rb') as stream:
            stream.seek(position)
            for line in stream:
                if not line.endswith(b'\n'):
                    return  # still being written
                position += len(line)
                record = _decode(line)
                if record is not None:
                    yield record, position


def formatted(
    record: Record, *, date: bool = False, ms: bool = False, utc: bool = False, location: bool = False
) -> str:
    """Return a line of debug-log. There is no location (file:line) to show; the argument is accepted as juju's is."""
    moment = time.gmtime(record.time) if utc else time.localtime(record.time)
    stamp = time.strftime('%Y-%m-%d %H:%M:%S' if date else '%H:%M:%S', moment)
    if ms:
        stamp += f'.{int(record.time * 1000) % 1000:03d}'
    words: Sequence[str] = [f'{record.entity}:', stamp, record.level, record.module]
    if location:
        words = [*words, '-']
    if record.labels:
        words = [*words, ','.join(record.labels)]
    return ' '.join([*words, record.message])


def _rank(level: str) -> int:
    return LEVELS.index(level.upper()) if level.upper() in LEVELS else LEVELS.index('INFO')


def _is_below(module: str, prefix: str) -> bool:
    """Whole words count, as in Juju: `unit` includes `unit.u/0.install`, `uni` does not."""
    return module == prefix or module.startswith(f'{prefix}.')


def _encode(record: Record) -> bytes:
    fields = [round(record.time, 6), record.entity, record.level, record.module, record.message, *record.labels]
    return json.dumps(fields, ensure_ascii=False, separators=(',', ':')).encode('utf-8', 'replace') + b'\n'


def _decode(line: bytes) -> Record | None:
    try:
        moment, entity, level, module, message, *labels = json.loads(line)
    except ValueError:
        return None
    return Record(moment, entity, level, module, message, tuple(labels))


def _backwards(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file from the last to the first."""
    if not path.exists():
        return
    with path.open('rb') as stream:
        left = stream.seek(0, os.SEEK_END)
        rest = b''
        while left:
            size = min(BLOCK, left)
            left -= size
            stream.seek(left)
            first, *lines = (stream.read(size) + rest).split(b'\n')
            rest = first
            yield from (line for line in reversed(lines) if line)
        if rest:
            yield rest
