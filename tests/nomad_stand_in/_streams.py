"""The two endpoints that answer without end: the event stream and the logs of a task. And the list of log files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

from . import _access, _wire
from ._api import Answer, Call
from ._logs import frame
from ._scheduler import Scheduler
from ._state import Row, State, is_set
from ._wire import Refused

HEARTBEAT_S = 10.0  # of Nomad's seconds: the pace applies
NAMESPACED = ('Job', 'Allocation', 'Deployment', 'Evaluation')


class Streams:
    def __init__(self, state: State, scheduler: Scheduler, pace: float) -> None:
        self.state = state
        self.scheduler = scheduler
        self.heartbeat_s = HEARTBEAT_S * pace

    def open(self, call: Call) -> AsyncIterator[bytes] | None:
        """Return the body of a stream, None when the path is none; raises Refused before anything is sent."""
        if call.path == '/v1/event/stream':
            return self._events(call)
        if call.path.startswith('/v1/client/fs/logs/'):
            return self._logs(call, call.path.removeprefix('/v1/client/fs/logs/'))
        return None

    # events

    def _events(self, call: Call) -> AsyncIterator[bytes]:
        topics: dict[str, set[str]] = {}
        for one in call.topics or ['*:*']:
            topic, _, key = one.partition(':')
            topics.setdefault(topic, set()).add(key or '*')
        for topic in topics:
            if topic in NAMESPACED:
                _access.require(call.token.allows(call.namespace, 'read-job'))
            else:
                _access.require(call.token.management or (topic == 'Node' and call.token.node_read))
        return self._event_lines(call, topics, self._closest(_wire.number(call.query, 'index')))

    def _closest(self, index: int) -> int:
        """Return the index of the first message to send: the one asked for, the next one kept, or else the last one."""
        kept = [message.index for message in self.state.events]
        return next((one for one in kept if one >= index), kept[-1] if kept else index)

    async def _event_lines(self, call: Call, topics: Mapping[str, set[str]], begin: int) -> AsyncIterator[bytes]:
        while True:
            changed = self.state.change
            for message in [one for one in self.state.events if one.index >= begin]:
                begin = message.index + 1
                if events := [event for event in message.events if _wanted(event, call.namespace, topics)]:
                    yield json.dumps({'Index': message.index, 'Events': events}).encode() + b'\n'
            if not await is_set(changed, self.heartbeat_s):
                yield b'{}\n'

    # logs

    def _files(self, call: Call, allocation_id: str) -> Row:
        allocation = self.state.get('allocs', allocation_id)
        if allocation is None:
            raise Refused(404, f'Unknown allocation "{allocation_id}"')
        return allocation

    def _logs(self, call: Call, allocation_id: str) -> AsyncIterator[bytes]:
        allocation = self._files(call, allocation_id)
        call.may('read-logs', 'read-fs', namespace=allocation['Namespace'])
        task, stream, origin = (call.query.get(name, '') for name in ('task', 'type', 'origin'))
        if not task:
            raise Refused(400, 'must provide task name')
        if stream not in ('stdout', 'stderr'):
            raise Refused(400, 'must provide log type (stdout/stderr)')
        if origin not in ('', 'start', 'end'):
            raise Refused(400, 'origin must be start or end')
        if (allocation_id, task, stream) not in self.scheduler.logs:
            raise Refused(404, f'task group "{allocation["TaskGroup"]}" does not have task with name "{task}"')
        if task not in (allocation['TaskStates'] or {}):
            raise Refused(404, f'task "{task}" not started yet. No logs available')
        plain, follow = _wire.truth(call.query, 'plain'), _wire.truth(call.query, 'follow')
        files = self.scheduler.logs[allocation_id, task, stream]
        offset = _wire.number(call.query, 'offset')
        pieces = files.stream(offset, origin or 'start', follow=follow, heartbeat_s=self.heartbeat_s)
        return _plain(pieces) if plain else _framed(pieces)

    async def list_files(self, call: Call, allocation_id: str) -> Answer:
        allocation = self._files(call, allocation_id)
        call.may('read-fs', namespace=allocation['Namespace'])
        path = call.query.get('path', '/').strip('/')
        entries = []
        for (owner, _, _), files in self.scheduler.logs.items():
            folder, _, name = files.prefix.rpartition('/')
            if (owner, folder) == (allocation_id, path):
                for number, data in files.files.items():
                    entries.append(
                        {'Name': f'{name}.{number}', 'IsDir': False, 'Size': len(data), 'FileMode': '-rw-r--r--'}
                    )
        if not entries:
            raise Refused(404, f'open {path}: no such file or directory')
        return Answer(entries, 0)


def _wanted(event: Row, namespace: str, topics: Mapping[str, set[str]]) -> bool:
    keys = topics.get(event['Topic'], set()) | topics.get('*', set())
    if not keys or namespace not in ('*', event['Namespace'] or namespace):
        return False
    return '*' in keys or bool(keys & {event['Key'], *(event['FilterKeys'] or ())})


async def _plain(pieces: AsyncIterator[tuple[str, int, bytes]]) -> AsyncIterator[bytes]:
    async for _, _, data in pieces:
        yield data


async def _framed(pieces: AsyncIterator[tuple[str, int, bytes]]) -> AsyncIterator[bytes]:
    async for name, offset, data in pieces:
        yield frame(name, offset, data)
