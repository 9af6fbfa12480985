"""The event stream: what happened in the cluster, in order, as long as the server's buffer reaches back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from .. import _http
from .._http import ConnectionFailed, DeadlineExceeded, ServerError, TooManyRequests
from ._agent import Agent
from ._errors import EventsLost

IDLE_S = 35.0  # a heartbeat comes every ten seconds
HEAD_S = 45.0  # the head of the answer comes with the first heartbeat


@dataclass(frozen=True)
class Event:
    """Something that happened. `payload` holds the object under its kind: {'Job': ...}, {'Allocation': ...}."""

    index: int
    topic: str
    type: str
    key: str  # the ID of the object
    namespace: str
    filter_keys: tuple[str, ...]
    payload: dict[str, Any]


class Position:
    """Where in the stream a reader is, over all its connections. Computes only.

    A new connection asks for the last message once more: if it comes, nothing lies between. The server begins with the
    message asked for, else with the next one it keeps, else (it is behind) with its last one.
    """

    def __init__(self, after: int = 0) -> None:
        self.after = after
        self._seen = False  # whether `after` is the index of a message that this reader got
        self._unproved = False
        self._older = 0

    def connect(self) -> int:
        """Return the index to ask for."""
        self._unproved, self._older = self._seen, 0
        return self.after if self._seen or not self.after else self.after + 1

    def accept(self, index: int) -> bool:
        """Tell whether a message is news. Raises EventsLost when one may be missing before it."""
        if index > self.after:
            if self._unproved:
                raise EventsLost(self.after)
            self.after, self._seen = index, True
            return True
        if index == self.after:
            self._unproved = False
        elif self._seen:
            self._older += 1
            if self._older > 1:  # not behind, then, but counting anew after a snapshot was restored
                raise EventsLost(self.after)
        return False


def message(line: bytes) -> tuple[int, list[Event]]:
    """Return the index and the events of one line; index 0 is a heartbeat. Raises ValueError."""
    fields = _http.loads(line)
    if not isinstance(fields, dict):
        raise ValueError('a message is an object')
    if 'Error' in fields:
        raise ValueError(f'the server says: {fields["Error"]}')
    return int(fields.get('Index') or 0), [_event(one) for one in fields.get('Events') or []]


def _event(fields: dict[str, Any]) -> Event:
    return Event(
        int(fields['Index']),
        fields['Topic'],
        fields['Type'],
        fields.get('Key') or '',
        fields.get('Namespace') or '',
        tuple(fields.get('FilterKeys') or ()),
        fields.get('Payload') or {},
    )


async def events(agent: Agent, topics: Sequence[str], after: int) -> AsyncGenerator[Event, None]:
    """Yield the events after an index, over as many connections as it takes. Raises EventsLost."""
    position, attempt = Position(after), 0
    while True:
        try:
            async with aclosing(_connection(agent, topics, position)) as arriving:
                async for one in arriving:
                    attempt = 0
                    yield one
            broken: _http.Error = ConnectionFailed('the event stream ended', sent=True)
        except (ConnectionFailed, ServerError, TooManyRequests, DeadlineExceeded) as error:
            broken = error
        await agent.weather(broken, attempt)
        attempt += 1


async def _connection(agent: Agent, topics: Sequence[str], position: Position) -> AsyncGenerator[Event, None]:
    target = agent.target('event/stream', {'topic': tuple(topics), 'index': position.connect()})
    rest = b''
    async with agent.transport.stream('GET', target, idle_s=IDLE_S, timeout_s=HEAD_S) as stream:
        while piece := await stream.read():
            *lines, rest = (rest + piece).split(b'\n')  # what has no end yet counts only when it gets one
            for line in lines:
                index, found = _parsed(line)
                if found and position.accept(index):
                    for one in found:
                        yield one


def _parsed(line: bytes) -> tuple[int, list[Event]]:
    if not line.strip():
        return 0, []
    try:
        return message(line)
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectionFailed(f'the event stream has a line that is no message: {error}', sent=True) from error
