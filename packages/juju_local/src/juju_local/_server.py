"""Answers the hook tools, over a Unix socket that every machine sees.

A request is a list of fields: the context's id, the tool's name, how many arguments, the arguments, then pairs of a
path and that file's content (`-` is standard input). The answer: exit code, stdout, stderr, pairs of a path and what to
write there. A list is its length and a newline, then for each field its length, a newline and its bytes; both sides
send one and close. (Not JSON: the client starts in half the time without it.)
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from juju_local import _logs, _tools
from juju_local._context import HookContext
from juju_local._db import Database

LONGEST = 64 << 20  # bytes of a request
NAME = 'agent.sock'
COMMANDS = ('juju-run', 'juju-exec')


def encode(fields: Sequence[bytes]) -> bytes:
    return b'%d\n' % len(fields) + b''.join(b'%d\n%s' % (len(each), each) for each in fields)


def decode(data: bytes) -> list[bytes]:
    """Return the fields.

    Raises:
        ValueError: when it is no list, or cut off.
    """
    fields = []
    count, start = _number(data, 0)
    for _ in range(count):
        size, start = _number(data, start)
        if start + size > len(data):
            raise ValueError('cut off')
        fields.append(data[start : start + size])
        start += size
    return fields


def _number(data: bytes, start: int) -> tuple[int, int]:
    end = data.index(b'\n', start, start + 20)
    if not data[start:end].isdigit():
        raise ValueError('expected a length')
    return int(data[start:end]), end + 1


@dataclass
class Live:
    """A context that hook tools may use now."""

    context: HookContext
    kill: Callable[[], None]  # ends the hook's processes
    calls: int = 0
    kill_at: int = 0  # the call at which the hook is killed, 0 for none
    dead: bool = False
    tools: dict[str, int] = field(default_factory=dict)  # tool -> calls


@dataclass(frozen=True)
class Request:
    """One call; it is its own `Caller`, since the client sends what the tool may read along."""

    context: str
    tool: str
    arguments: list[str]
    files: Mapping[str, bytes]

    def stdin(self) -> bytes:
        return self.files.get('-', b'')

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, 'No such file or directory', path)
        return self.files[path]


def request(data: bytes) -> Request:
    """Return the request in these bytes, or raise ValueError."""
    context, tool, number, *rest = [each.decode('utf-8', 'surrogateescape') for each in decode(data)]
    raw = decode(data)[3 + int(number) :]
    paths = rest[int(number) :: 2]
    return Request(context, tool, rest[: int(number)], dict(zip(paths, raw[1::2], strict=True)))


class Server:
    """The socket of a model while an engine runs. `run_command` carries out `juju-run` in a unit."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        *,
        log: _logs.Log,
        run_command: Callable[[Sequence[str]], Awaitable[_tools.Output]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.live: dict[str, Live] = {}
        self._database, self._directory, self._log, self._clock = database, directory, log, clock
        self._run_command = run_command
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / NAME).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            listener.bind(f'/proc/self/fd/{folder}/{NAME}')  # a socket's path is short, a model's may be long
        finally:
            os.close(folder)
        listener.setblocking(False)
        self._server = await asyncio.start_unix_server(self._answer, sock=listener, limit=LONGEST)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        (self._directory / NAME).unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            output = await self._output(await reader.read(-1))
            files = [each for path, data in output.files.items() for each in (os.fsencode(path), data)]
            writer.write(encode([b'%d' % output.code, output.stdout, output.stderr, *files]))
            await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the hook, or its tool, was killed meanwhile; or the engine ends, and its guests with it
        finally:
            writer.close()

    async def _output(self, data: bytes) -> _tools.Output:
        try:
            asked = request(data)
        except ValueError as error:
            return _refusal(f'bad request: {error}')
        if asked.tool in COMMANDS:
            return await self._run_command(asked.arguments)
        live = self.live.get(asked.context)
        if live is None:
            known = ', '.join(f'"{name}"' for name in self.live) or 'none'
            return _refusal(f'bad request: expected context id {known}, got "{asked.context}"')
        return self._run(live, asked)

    def _run(self, live: Live, asked: Request) -> _tools.Output:
        """Run a tool. Nothing is awaited here, so there is one tool at a time, as in Juju."""
        live.calls += 1
        live.tools[asked.tool] = live.tools.get(asked.tool, 0) + 1
        if live.dead or live.calls == live.kill_at:
            live.dead = True
            live.kill()
            return _refusal('killed')
        now = self._clock()
        with self._database.transaction() as model:
            output = _tools.run(model, live.context, asked.tool, asked.arguments, asked, now)
        lines, live.context.logs = live.context.logs, []
        tag = _logs.unit_tag(live.context.unit)
        self._log.append(_logs.Record(now, tag, line.level, line.module, line.message) for line in lines)
        if live.context.reboot == 'now':
            live.dead = True
            live.kill()
        return output


def _refusal(message: str) -> _tools.Output:
    return _tools.Output(1, stderr=f'ERROR {message}\n'.encode())
