"""The log of a task, whole or followed to its end, over as many connections as it takes: no byte missing, none twice.

Nomad never ends a log that is followed: it goes on waiting for another file after the task has died. So the allocation
is watched beside, and what is left is read when the task is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from .._http import ConnectionFailed, DeadlineExceeded, Error, Forbidden, NotFound, ServerError, TooManyRequests
from .._http import Stream as HttpStream
from ._agent import Agent, segment
from ._frames import Frame, Frames
from ._types import Allocation, File, Stream

IDLE_S = 35.0  # a heartbeat comes every ten seconds
HEAD_S = 45.0
_FOLDER = 'alloc/logs'
_PASSING = (ConnectionFailed, ServerError, TooManyRequests, DeadlineExceeded)


@dataclass
class Place:
    """Where a reader is: in a file of the log and in bytes. Logs are rotated: TASK.stdout.0, TASK.stdout.1, ..."""

    number: int | None = None  # None: before the first byte
    offset: int = 0  # in that file
    total: int = 0

    def take(self, frame: Frame) -> None:
        """Go past a frame. (Its own Offset is of little use: Nomad says where the first of the merged pieces ended.)"""
        if frame.file:
            number = file_number(frame.file)
            if number != self.number:
                self.number, self.offset = number, 0
        if frame.event == 'file truncated':
            self.offset = 0
        self.offset += len(frame.data)
        self.total += len(frame.data)

    def resume(self, sizes: dict[int, int] | None) -> int:
        """Return the offset from the first byte that is still kept; `sizes` None where nobody may look."""
        if self.number is None:
            return 0
        if sizes is None:
            return self.total
        before = sum(size for number, size in sizes.items() if number < self.number)
        return before + (self.offset if self.number in sizes else 0)

    @classmethod
    def at(cls, sizes: dict[int, int], tail: int) -> Place:
        """Return the place of the last bytes."""
        skipped = max(sum(sizes.values()) - tail, 0)
        for number in sorted(sizes):
            if skipped <= sizes[number]:
                return cls(number, skipped)
            skipped -= sizes[number]
        return cls()


def file_number(name: str) -> int:
    """Return the number at the end of a log file's name. Raises ValueError."""
    return int(name.rpartition('.')[2])


def sizes(files: list[File], task: str, stream: Stream) -> dict[int, int]:
    """Return the sizes of a log's files by number."""
    prefix, found = f'{task}.{stream}.', {}
    for file in files:
        number = file['Name'].removeprefix(prefix)
        if file['Name'].startswith(prefix) and number.isdigit():
            found[int(number)] = file['Size']
    return found


def is_pending(allocation: Allocation | None, task: str) -> bool:
    """Whether a task may still start."""
    if allocation is None or is_over(allocation, task):
        return False
    state = (allocation.get('TaskStates') or {}).get(task)
    return state is None or state.get('State') == 'pending'


def is_over(allocation: Allocation | None, task: str) -> bool:
    """Whether a task will write no more: it is dead, or its allocation is gone or at its end."""
    if allocation is None or allocation.get('ClientStatus') in ('complete', 'failed', 'lost'):
        return True
    return (allocation.get('TaskStates') or {}).get(task, {}).get('State') == 'dead'


class Log:
    """One stream of one task of an allocation."""

    def __init__(self, agent: Agent, allocation: str, task: str, stream: Stream) -> None:
        self._agent = agent
        self._allocation = segment(allocation)
        self._task = task
        self._stream = stream
        self._place = Place()

    def _target(self, **query: str | int | bool) -> str:
        which = {'task': self._task, 'type': self._stream}
        return self._agent.target(f'client/fs/logs/{self._allocation}', {**which, **query})

    async def whole(self, tail: int | None = None) -> bytes:
        """Return what there is now, or the last bytes of it. Raises NotFound, also before the task has started."""
        if tail == 0:
            return b''
        offset: dict[str, str | int] = {} if tail is None else {'origin': 'end', 'offset': tail}
        target = self._target(plain=True, **offset)
        response = await self._agent.transport.request('GET', target, accept='*/*')
        return response.body

    async def follow(self, tail: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield what is there and what is written until the task is dead; waits for a task that has not started.

        Raises NotFound if there is no such allocation.
        """
        over: asyncio.Task[Any] = asyncio.create_task(self._over())
        try:
            async with aclosing(self._pieces(over, tail)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            over.cancel()
            await asyncio.gather(over, return_exceptions=True)

    async def _over(self) -> Any:
        """Return the allocation as it is when its task is over; None if it is gone."""
        return await self._agent.wait(
            f'allocation/{self._allocation}', lambda allocation: is_over(allocation, self._task), timeout_s=None
        )

    async def _pieces(self, over: asyncio.Task[Any], tail: int | None) -> AsyncGenerator[bytes, None]:
        attempt = 0
        if tail is not None:
            await self._started()
            self._place = Place.at(await self._sizes(), tail)
        while True:
            last = over.done()
            if last:
                over.result()
            try:
                async with aclosing(self._connection(None if last else over)) as arriving:
                    async for piece in arriving:
                        attempt = 0
                        yield piece
                if last:
                    return
                broken: Error = ConnectionFailed('the log ended before its task', sent=True)
            except NotFound as error:
                if last:
                    if over.result() is None and self._place.number is None:
                        raise  # there is no such allocation
                    return
                await self._started()
                broken = error
            except _PASSING as error:
                broken = error
            if last or not over.done():
                await self._agent.weather(broken, attempt)
            attempt += 1

    async def _started(self) -> None:
        await self._agent.wait(
            f'allocation/{self._allocation}', lambda allocation: not is_pending(allocation, self._task), timeout_s=None
        )

    async def _sizes(self) -> dict[int, int]:
        """Raises Forbidden for a token that may read logs, but not files."""
        files = (await self._agent.find(f'client/fs/ls/{self._allocation}', {'path': _FOLDER})).value
        return sizes(files or [], self._task, self._stream)

    async def _resume(self) -> int:
        if self._place.number is None:
            return 0
        try:
            return self._place.resume(await self._sizes())
        except Forbidden:
            return self._place.resume(None)

    async def _connection(self, over: asyncio.Task[Any] | None) -> AsyncGenerator[bytes, None]:
        """Yield what arrives over one connection; ends when the task `over` is done, without one where the log ends."""
        target = self._target(follow=over is not None, offset=await self._resume())
        frames = Frames()
        async with self._agent.transport.stream('GET', target, idle_s=IDLE_S, timeout_s=HEAD_S) as stream:
            while piece := await _read(stream, over):
                for frame in self._parsed(frames, piece):
                    self._place.take(frame)
                    if frame.data:
                        yield frame.data
        if frames.pending and not (over and over.done()):
            raise ConnectionFailed('the log ended within a frame', sent=True)

    def _parsed(self, frames: Frames, piece: bytes) -> list[Frame]:
        try:
            return list(frames.feed(piece))
        except ValueError as error:
            raise ConnectionFailed(f'the log is no sequence of frames: {error}', sent=True) from error


async def _read(stream: HttpStream, over: asyncio.Task[Any] | None) -> bytes:
    """Return what arrives next; b'' at the end, and as soon as the task is over while nothing arrives."""
    if over is None:
        return await stream.read()
    reading = asyncio.ensure_future(stream.read())
    try:
        await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else b''
    finally:
        if not reading.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
