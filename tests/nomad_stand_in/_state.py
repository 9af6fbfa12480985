"""What the cluster knows: rows in tables, one index that grows with every write, and the events of those writes.

As in Nomad each write takes the next index, leaves it on the row as ModifyIndex and on its table, and is published as
one message of the event stream. Nothing here speaks HTTP.
"""

from __future__ import annotations

import asyncio
import copy
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
TABLES = ('jobs', 'allocs', 'evals', 'deployments', 'nodes', 'namespaces')
TOPICS = {
    'jobs': ('Job', 'Job'),
    'allocs': ('Allocation', 'Allocation'),
    'evals': ('Evaluation', 'Evaluation'),
    'deployments': ('Deployment', 'Deployment'),
    'nodes': ('Node', 'Node'),
}
EVENT_BUFFER = 100  # messages, as the agent's event_buffer_size


@dataclass
class Table:
    rows: dict[tuple[str, ...], Row] = field(default_factory=dict)
    index: int = 1


@dataclass(frozen=True)
class Message:
    """The events of one write."""

    index: int
    events: tuple[Row, ...]


class State:
    def __init__(self, event_buffer: int = EVENT_BUFFER) -> None:
        self.index = 1
        self.tables = {name: Table() for name in TABLES}
        self.events: deque[Message] = deque(maxlen=event_buffer)
        self.change = asyncio.Event()  # set by the next write

    def get(self, table: str, *key: str) -> Row | None:
        return self.tables[table].rows.get(key)

    def rows(self, table: str, where: Callable[[Row], bool] = lambda row: True) -> Iterator[Row]:
        return (row for _, row in sorted(self.tables[table].rows.items()) if where(row))

    def put(self, table: str, key: tuple[str, ...], row: Row, event: str) -> Row:
        """Store a row under the next index and tell of it; what is stored is returned."""
        self.index += 1
        old = self.tables[table].rows.get(key)
        stored = {**row, 'CreateIndex': old['CreateIndex'] if old else self.index, 'ModifyIndex': self.index}
        self.tables[table].rows[key] = stored
        self._written(table, stored, event)
        return stored

    def drop(self, table: str, key: tuple[str, ...], event: str) -> None:
        self.index += 1
        self._written(table, self.tables[table].rows.pop(key), event)

    def _written(self, table: str, row: Row, kind: str) -> None:
        self.tables[table].index = self.index
        if table in TOPICS:
            self.events.append(Message(self.index, (_event(table, row, kind, self.index),)))
        self.wake()

    def wake(self) -> None:
        """Let every blocking query look again (a change, or as a spurious return)."""
        self.change.set()
        self.change = asyncio.Event()

    async def changed(self, timeout_s: float) -> bool:
        """Wait for the next write; False when none came in time."""
        return await is_set(self.change, timeout_s)


async def is_set(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for an event; False when the time is over. (asyncio.wait_for may swallow the cancellation of a handler.)"""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=max(timeout_s, 0))
    finally:
        waiting.cancel()
    return event.is_set()


def _event(table: str, row: Row, kind: str, index: int) -> Row:
    topic, name = TOPICS[table]
    payload = {key: value for key, value in row.items() if not (table == 'allocs' and key == 'Job')}
    keys = [row['JobID']] if 'JobID' in row else []
    if table == 'allocs' and row.get('DeploymentID'):
        keys.append(row['DeploymentID'])
    if table == 'jobs' and row.get('ParentID'):
        keys.append(row['ParentID'])
    return {
        'Topic': topic,
        'Type': kind,
        'Key': row['ID'],
        'Namespace': row.get('Namespace', ''),
        'FilterKeys': keys or None,
        'Index': index,
        'Payload': {name: copy.deepcopy(payload)},
    }


def new_id() -> str:
    return str(uuid.uuid4())


def now_ns() -> int:
    return time.time_ns()
