"""The model on disk: one SQLite file. The one door to it.

The database is the truth; the `Model` in memory is a copy that is reloaded whenever another process wrote. What was
committed survives the death of any process (WAL; the kernel has it), but not every power cut (synchronous=NORMAL).
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from juju_local import _json
from juju_local._state import KINDS, Model

FILE = 'model.db'
BUSY_TIMEOUT_S = 30.0  # how long to wait for another process's transaction; each takes milliseconds
SCHEMA = """
create table if not exists entity (
    kind text not null, key text not null, json text not null, primary key (kind, key)) without rowid;
create table if not exists run (
    id integer primary key, unit text, name text, started real, seconds real, calls integer, reason text);
"""
# kind -> the mapping of Model that holds it
PLACES = {
    'charm': 'charms',
    'application': 'applications',
    'unit': 'units',
    'relation': 'relations',
    'bag': 'bags',
    'machine': 'machines',
    'action': 'actions',
}


@dataclass(frozen=True)
class Run:
    """One hook, action or command that ran: what the benchmarks add up."""

    unit: str
    name: str
    started: float  # seconds since the epoch
    seconds: float
    calls: int  # of hook tools
    reason: str  # of its failure, '' if it succeeded


class Database:
    """A model's database; `directory` is the model's folder. Not for several threads."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / FILE
        self._connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._connection.execute('pragma journal_mode = wal')
        self._connection.execute('pragma synchronous = normal')
        self._connection.executescript(SCHEMA)
        self._model: Model | None = None
        self._version = 0
        self._open = False

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Model]:
        """Change the model: what was touched is stored at the end, all or nothing.

        No other process writes meanwhile, so be quick. May not be nested.
        """
        if self._open:
            raise RuntimeError('a transaction is open already')
        self._open = True
        try:
            self._connection.execute('begin immediate')
            try:
                model = self._current()
                yield model
                self._store(model)
                self._connection.execute('commit')
            except BaseException:
                self._model = None  # what memory holds may be half changed
                self._connection.execute('rollback')
                raise
        finally:
            self._open = False

    def read(self) -> Model:
        """Return the model as it is now; not to be changed."""
        if self._open:
            raise RuntimeError('a transaction is open already')
        self._connection.execute('begin')
        try:
            return self._current()
        finally:
            self._connection.execute('commit')

    def changed(self) -> bool:
        """Tell whether another process wrote since the model was last read here."""
        return self._model is None or self._data_version() != self._version

    def record(self, run: Run) -> None:
        """Note a run; inside a transaction."""
        names = 'unit, name, started, seconds, calls, reason'
        self._connection.execute(f'insert into run ({names}) values (?, ?, ?, ?, ?, ?)', astuple(run))  # noqa: S608

    def runs(self, after: int = 0) -> list[tuple[int, Run]]:
        """Return what ran, with ascending ids, from the first id greater than `after`."""
        query = 'select id, unit, name, started, seconds, calls, reason from run where id > ? order by id'
        return [(row[0], Run(*row[1:])) for row in self._connection.execute(query, (after,))]

    def _data_version(self) -> int:
        return int(self._connection.execute('pragma data_version').fetchone()[0])

    def _current(self) -> Model:
        # the first read inside a transaction fixes what we see; data_version tells of commits of other connections
        version = self._data_version()
        if self._model is None or version != self._version:
            dice = self._model.random if self._model is not None else None
            self._model, self._version = self._load(), version
            if dice is not None:
                self._model.random = dice
        return self._model

    def _load(self) -> Model:
        model = Model()
        for kind, key, text in self._connection.execute('select kind, key, json from entity order by kind, key'):
            entity: Any = _json.decode(kind, text)
            if kind == 'settings':
                model.settings = entity
            else:
                getattr(model, PLACES[kind])[_key(kind, key)] = entity
        for place in PLACES.values():  # relation 2 before 10, whatever SQLite's order of text
            mapping = getattr(model, place)
            ordered = sorted(mapping.items(), key=lambda item: _natural(item[0]))
            mapping.clear()
            mapping.update(ordered)
        if model.settings.seed is not None:
            model.random = random.Random(model.settings.seed)  # noqa: S311  decides orders, no secrets
        return model

    def _store(self, model: Model) -> None:
        for kind, key in sorted(model.dirty):
            entity = model.settings if kind == 'settings' else getattr(model, PLACES[kind]).get(_key(kind, key))
            if entity is None:
                self._connection.execute('delete from entity where kind = ? and key = ?', (kind, key))
            else:
                self._connection.execute(
                    'insert or replace into entity values (?, ?, ?)', (kind, key, _json.encode(entity))
                )
        model.dirty.clear()


def _key(kind: str, key: str) -> Any:
    if kind not in KINDS:
        raise KeyError(f'unknown kind of entity {kind}')
    if kind == 'relation':
        return int(key)
    if kind == 'bag':
        relation, _, name = key.partition('/')
        return int(relation), name
    return key


def _natural(key: object) -> list[tuple[int, int | str]]:
    words = ' '.join(map(str, key)) if isinstance(key, tuple) else str(key)
    parts: list[tuple[int, int | str]] = []
    for word in words.replace('/', ' ').split():
        parts.append((0, int(word)) if word.isdigit() else (1, word))
    return parts
