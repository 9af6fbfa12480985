"""A loop of asyncio whose time jumps to the next timer when nothing is ready, with a network in memory.

Stand-ins both: of the clock and of TCP with TLS. What is said on a connection arrives in order, later, whole or never;
who a client is, is what its TLS context was made with. Nothing here waits, so an hour takes what its work takes.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_ROUND_S = 1e-6  # what a round takes: who waits until a moment has come must see it come
_MOST_STEPS = 5_000  # of the loop without time going on: somebody runs in circles


class Stuck(AssertionError):
    """Nobody will ever do anything again, or somebody does so without end."""


@dataclass(eq=False)
class Process:
    """What can be killed: from its step `dies_at` on, nothing that it does has any effect."""

    dies_at: int = 0  # 0: it lives
    steps: int = 0
    dead: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            self.die()

    def die(self) -> None:
        self.dead = True
        self.died.set()
        for end in self.ends:
            end.vanish()


PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar('process', default=None)


class _Handle(asyncio.TimerHandle):
    """A callback to be, with what the loop needs of it and no more: half of a life is such callbacks."""

    __slots__ = ()

    def __init__(
        self, when: float, callback: Callable[..., object], arguments: tuple[Any, ...], loop: Loop,
        context: contextvars.Context,
    ) -> None:  # fmt: skip
        self._when, self._callback, self._args, self._loop, self._context = when, callback, arguments, loop, context
        self._cancelled, self._repr, self._source_traceback = False, None, None

    def cancel(self) -> None:
        self._cancelled, self._callback, self._args = True, _nothing, ()


def _nothing() -> None:
    pass


class Loop(asyncio.BaseEventLoop):
    """Run it with `run_until_complete`. `services` are the servers there are, by host and port."""

    _ready: deque[_Handle]
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, _Handle]] = []  # with a number: those of one moment come in turn
        self._numbers = itertools.count()
        self._without_time = 0
        self.services: dict[tuple[str, int], Service] = {}
        self.set_task_factory(_task)

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Any, *arguments: Any, context: contextvars.Context | None = None) -> Any:
        if context is None:
            context = contextvars.copy_context()
        elif (process := context.get(PROCESS)) and not process.dead:
            process.step()
        handle = _Handle(0.0, callback, arguments, self, context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *arguments: Any, context: Any = None) -> Any:
        return self.call_at(self._now + delay, callback, *arguments, context=context)

    def call_at(self, when: float, callback: Any, *arguments: Any, context: Any = None) -> Any:
        handle = _Handle(when, callback, arguments, self, context or contextvars.copy_context())
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def _run_once(self) -> None:
        """Call what is ready; where nothing is, it is the moment of the next timer at once."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        before = self._now
        if not ready and not self._stopping:
            if not timers:
                raise Stuck('nothing is ready, and no timer is set')
            self._now = max(before, timers[0][0])
        self._without_time = 0 if self._now > before else self._without_time + 1
        if self._without_time > _MOST_STEPS:
            raise Stuck(f'{_MOST_STEPS} rounds at {self._now:.6f} s: somebody runs in circles')
        self._now += _ROUND_S
        until = self._now + _ROUND_S
        while timers and timers[0][0] < until:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            try:
                handle._context.run(handle._callback, *handle._args)
            except Exception as error:
                self.call_exception_handler({'message': f'{handle._callback} failed', 'exception': error})

    def _write_to_self(self) -> None:
        pass  # nobody sleeps who would have to be woken

    def _check_closed(self) -> None:
        pass  # what a run that failed has left is collected later, and may still say so

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:  # type: ignore[override]
        """Say that a name is its own address: services are known by their names."""
        await asyncio.sleep(0.001)
        return [(0, 0, 0, '', (host, port))]

    async def create_connection(  # type: ignore[override]
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, *, ssl: Any = None, **_: Any
    ) -> tuple[End, asyncio.Protocol]:
        """Connect to a service. Raises OSError."""
        process, service = PROCESS.get(), self.services.get((host, port))
        if service and service.silent and process:
            await asyncio.Event().wait()
        await asyncio.sleep(0.001)
        if process and process.dead:
            await asyncio.Event().wait()
        if service is None or (service.down and process):
            raise ConnectionRefusedError(111, f'Connect call failed ({host}, {port})')
        service.check(ssl)
        protocol = factory()
        chosen = 'h2' if 'h2' in service.protocols and 'h2' in getattr(ssl, 'protocols', ()) else 'http/1.1'
        client = End(self, contextvars.copy_context(), process, {'socket': _Socket(), 'ssl_object': _Chosen(chosen)})
        server = End(self, service.context.copy(), None, {'ssl_object': ssl, 'identity': ssl})
        client.peer, server.peer = server, client
        client.protocol, server.protocol = protocol, service.protocols[chosen]()
        if process:
            process.ends.append(client)
        service.ends = [end for end in service.ends if not end.lost]
        service.ends.append(server)
        server.context.run(server.protocol.connection_made, server)
        protocol.connection_made(client)
        return client, protocol


def _task(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **more)
    if process := PROCESS.get():
        process.tasks.append(task)
    return task


@dataclass(frozen=True)
class _Chosen:
    """What a handshake came to."""

    protocol: str

    def selected_alpn_protocol(self) -> str:
        return self.protocol


class _Socket:
    def setsockopt(self, *_: object) -> None:
        pass


@dataclass
class Service:
    """A server that can be reached. `context`: in which it runs, so that what it does is nobody else's doing.

    What is wrong with it is so for processes; who is none (administrators, controllers) gets through.
    """

    protocols: dict[str, Callable[[], asyncio.Protocol]]
    ca: bytes
    context: contextvars.Context
    down: bool = False
    silent: bool = False
    ends: list[End] = field(default_factory=list)

    def check(self, context: Any) -> None:
        """Raises SSLCertVerificationError for a client that does not trust us."""
        if getattr(context, 'trusted', self.ca).strip() != self.ca.strip():
            raise ssl.SSLCertVerificationError(1, 'certificate verify failed: self-signed certificate')

    def cut(self) -> None:
        """Cut the connections of processes."""
        for end in self.ends:
            if end.peer.process:
                end.vanish()


class End(asyncio.Transport):
    """One end of a connection."""

    peer: End
    protocol: asyncio.Protocol

    def __init__(
        self, loop: Loop, context: contextvars.Context, process: Process | None, extra: dict[str, Any]
    ) -> None:
        super().__init__(extra)
        self._loop, self.context, self.process = loop, context, process
        self._out = bytearray()
        self._flushing = self._closing = self.lost = False

    def write(self, data: Any) -> None:
        if self._closing or self.lost or (self.process and self.process.dead):
            return
        self._out += data
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_later(0.0005, self._flush, context=self.peer.context)

    def _flush(self) -> None:
        self._flushing = False
        data, self._out = bytes(self._out), bytearray()
        peer = self.peer
        if data and not peer.lost and not (peer.process and peer.process.dead):
            peer.protocol.data_received(data)
        if self._closing:
            self._end()
            peer._end()

    def _end(self) -> None:
        if not self.lost:
            self.lost = self._closing = True
            self._out.clear()
            self._loop.call_soon(self.protocol.connection_lost, None, context=self.context)

    def vanish(self) -> None:
        """Break the connection: what is under way never arrives."""
        self._out.clear()
        self._end()
        self.peer._out.clear()
        self._loop.call_soon(self.peer._end, context=self.peer.context)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._flush_soon()

    def abort(self) -> None:
        self._out.clear()
        self._end()
        self._loop.call_soon(self.peer._end, context=self.peer.context)

    def is_closing(self) -> bool:
        return self._closing or self.lost

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol  # type: ignore[assignment]

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_reading(self) -> bool:
        return True

    def can_write_eof(self) -> bool:
        return False
