"""Runs the processes of hooks: their output line by line, their end, and that nothing of them is left over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LINGER_S = 0.1  # after the hook's end, for output still in the pipe; a daemon it left may hold the pipe for ever
KILL_ROUNDS, KILL_PAUSE_S = 20, 0.003
KEPT = 1 << 20  # bytes of an action's output that become its result
OnLine = Callable[[str, str], None]  # stream (stdout, stderr), line


@dataclass(frozen=True)
class Ended:
    code: int  # 128 + n for a signal n
    stdout: bytes
    stderr: bytes


class Process:
    """One running hook. Its session is its own, so that all of it can be found."""

    def __init__(self, process: asyncio.subprocess.Process, outputs: list[_Output]) -> None:
        self._process, self._outputs = process, outputs

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        kill_session(self._process.pid)

    async def wait(self) -> Ended:
        code = await self._process.wait()
        readers = [output.task for output in self._outputs]
        await asyncio.wait(readers, timeout=LINGER_S)
        stdout, stderr = [await output.close() for output in self._outputs]
        return Ended(code if code >= 0 else 128 - code, stdout, stderr)


class _Output:
    def __init__(self, name: str, on_line: OnLine) -> None:
        self.name, self._on_line = name, on_line
        self._read, self.write = os.pipe()
        self.task: asyncio.Task[None] = None  # type: ignore[assignment]  # set by start
        self._transport: asyncio.ReadTransport | None = None
        self._kept = bytearray()
        self._rest = b''

    async def start(self) -> None:
        os.close(self.write)
        reader = asyncio.StreamReader()
        stream = os.fdopen(self._read, 'rb', 0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), stream
        )
        self.task = asyncio.create_task(self._pump(reader))

    async def _pump(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            if len(self._kept) < KEPT:
                self._kept += data[: KEPT - len(self._kept)]
            *lines, self._rest = (self._rest + data).split(b'\n')
            for line in lines:
                self._on_line(self.name, line.decode('utf-8', 'replace'))

    async def close(self) -> bytes:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        if self._transport is not None:
            self._transport.close()
        if self._rest:
            self._on_line(self.name, self._rest.decode('utf-8', 'replace'))
        return bytes(self._kept)


async def spawn(command: Sequence[str], environment: Mapping[str, str], on_line: OnLine) -> Process:
    outputs = [_Output('stdout', on_line), _Output('stderr', on_line)]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=outputs[0].write,
            stderr=outputs[1].write,
            start_new_session=True,
        )
    finally:
        for output in outputs:
            await output.start()
    return Process(process, outputs)


def kill_session(leader: int) -> None:
    """Kill all processes of a session, those in other PID namespaces too.

    The leader (nsenter) is left to reap its child and to end by itself: an orphan of it would be a zombie until the
    outer machine's init takes notice, and would hold up the end of its machine.
    """
    for _ in range(KILL_ROUNDS):  # a process may fork while we look
        members = {pid for pid in _processes() if _session(pid) == leader}
        others = members - {leader}
        if not members:
            return
        for pid in others or members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(KILL_PAUSE_S)


def kill_left_over(machines: Collection[int], marker: bytes = b'JUJU_CONTEXT_ID=') -> int:
    """Kill the hooks that a dead engine left in machines, given by the pids of their init; return how many.

    A hook's process here is an nsenter into the machine, which lives as long as the hook does and has its environment.
    """
    targets = {str(pid).encode() for pid in machines}
    found = 0
    for pid in _processes():
        try:
            argv = Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')
            if not argv[0].endswith(b'nsenter') or argv[1:2] != [b'-t'] or argv[2] not in targets:
                continue
            if marker not in Path(f'/proc/{pid}/environ').read_bytes():
                continue
        except (OSError, IndexError):
            continue
        if _session(pid) == pid:
            kill_session(pid)
            found += 1
    return found


def _processes() -> list[int]:
    return [int(path.name) for path in Path('/proc').iterdir() if path.name.isdigit()]


def _session(pid: int) -> int:
    try:
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return 0
    return int(fields[3]) if fields[0] not in 'ZX' else 0
