"""etcd's keys and values with their revisions, durable in one SQLite file.

Every change is a row of the log; the newest row of each key is also kept in memory, so that a range costs no I/O.
"""

from __future__ import annotations

import bisect
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    revision INTEGER, sub INTEGER, key BLOB, value BLOB, created INTEGER, version INTEGER, lease INTEGER,
    PRIMARY KEY (revision, sub));
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER);
"""


class Compacted(Exception):
    """The revision asked for is no longer there."""


@dataclass(frozen=True)
class KeyValue:
    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int  # 0: this change deleted the key
    lease: int = 0


class KeyValues:
    """The store. One process owns the file; the lock makes it safe between threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A killed process loses nothing; a power cut may lose the last moments, which is no concern of a stand-in.
        self._database.executescript('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;' + _SCHEMA)
        self._current: dict[bytes, KeyValue] = {}
        self._keys: list[bytes] = []  # sorted
        self.compacted = self._meta('compacted')
        self.revision = max(self._meta('revision'), 1)
        for change in self._rows('SELECT * FROM log ORDER BY revision, sub'):
            self._remember(change)
            self.revision = max(self.revision, change.mod_revision)

    def _meta(self, name: str) -> int:
        row = self._database.execute('SELECT value FROM meta WHERE name = ?', (name,)).fetchone()
        return int(row[0]) if row else 0

    def _rows(self, query: str, *arguments: object) -> Iterator[KeyValue]:
        for revision, _, key, value, created, version, lease in self._database.execute(query, arguments):
            yield KeyValue(key, value or b'', created, revision, version, lease)

    def _remember(self, change: KeyValue) -> None:
        if change.version:
            if change.key not in self._current:
                bisect.insort(self._keys, change.key)
            self._current[change.key] = change
        elif self._current.pop(change.key, None):
            del self._keys[bisect.bisect_left(self._keys, change.key)]

    def get(self, key: bytes) -> KeyValue | None:
        return self._current.get(key)

    def range(self, key: bytes, end: bytes) -> list[KeyValue]:
        """Return the keys in [key, end); end b'' means the one key, b'\\0' everything from key on."""
        if not end:
            return [self._current[key]] if key in self._current else []
        first = bisect.bisect_left(self._keys, key)
        last = len(self._keys) if end == b'\0' else bisect.bisect_left(self._keys, end)
        return [self._current[found] for found in self._keys[first:last]]

    def apply(self, changes: list[tuple[bytes, bytes | None, int]]) -> list[KeyValue]:
        """Put (value) or delete (None) keys in one revision, durably; returns what was done."""
        done: list[KeyValue] = []
        with self._lock:
            revision = self.revision + 1
            for key, value, lease in changes:
                old = self._current.get(key)
                if value is None:
                    if old:
                        done.append(KeyValue(key, b'', 0, revision, 0))
                else:
                    created, version = (old.create_revision, old.version + 1) if old else (revision, 1)
                    done.append(KeyValue(key, value, created, revision, version, lease))
            if done:
                self._store(revision, done)
        return done

    def _store(self, revision: int, done: list[KeyValue]) -> None:
        rows = [
            (revision, sub, kv.key, kv.value if kv.version else None, kv.create_revision, kv.version, kv.lease)
            for sub, kv in enumerate(done)
        ]
        self._database.execute('BEGIN')
        self._database.executemany('INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)', rows)
        self._database.execute('COMMIT')
        self.revision = revision
        for change in done:
            self._remember(change)

    def since(self, revision: int) -> list[KeyValue]:
        """Return all changes from this revision on; raises Compacted."""
        with self._lock:
            if revision <= self.compacted:
                raise Compacted
            return list(self._rows('SELECT * FROM log WHERE revision >= ? ORDER BY revision, sub', revision))

    def compact(self, revision: int) -> None:
        """Forget what was replaced or deleted up to this revision; raises Compacted."""
        with self._lock:
            if revision <= self.compacted:
                raise Compacted
            live = [(kv.mod_revision, kv.key) for kv in self._current.values() if kv.mod_revision <= revision]
            self._database.execute('BEGIN')
            self._database.execute('CREATE TEMP TABLE IF NOT EXISTS live (revision INTEGER, key BLOB)')
            self._database.execute('DELETE FROM live')
            self._database.executemany('INSERT INTO live VALUES (?, ?)', live)
            self._database.execute(
                'DELETE FROM log WHERE revision <= ? AND (revision, key) NOT IN (SELECT revision, key FROM live)',
                (revision,),
            )
            for name, value in (('compacted', revision), ('revision', self.revision)):
                self._database.execute('INSERT OR REPLACE INTO meta VALUES (?, ?)', (name, value))
            self._database.execute('COMMIT')
            self.compacted = revision
