"""Running commands in containers (exec), over a WebSocket.

result = await commands.run(client, 'web-0', 'default', ['ls', '/'])
result.code, result.stdout, result.stderr

async with commands.Session(client, 'web-0', 'default', ['sh'], stdin=True) as session:
    await session.send(b'exit\\n')
    async for channel, data in session: ...
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote

from .. import _http
from .._http._websocket import WebSocket
from . import _status
from ._client import Client
from ._resources import PODS

STDIN, STDOUT, STDERR, _ERROR, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_V5, _V4 = 'v5.channel.k8s.io', 'v4.channel.k8s.io'


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    stdout: bytes
    stderr: bytes


async def run(
    client: Client,
    pod: str,
    namespace: str,
    command: Sequence[str],
    *,
    container: str = '',
    stdin: bytes | None = None,
    timeout_s: float | None = None,
) -> Result:
    """Run a command to its end. Raises HttpError where it cannot even start, DeadlineExceeded after timeout_s.

    stdin needs Kubernetes 1.30, the first that can tell a command that its input has ended; else raises Error.
    """
    out: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
    with _http.deadline(timeout_s) if timeout_s is not None else contextlib.nullcontext():
        async with Session(client, pod, namespace, command, container=container, stdin=stdin is not None) as session:
            if stdin is not None:
                await session.send(stdin)
                await session.end_input()
            async for channel, data in session:
                out[channel].append(data)
    return Result(session.code, b''.join(out[STDOUT]), b''.join(out[STDERR]))


class Session:
    """A running command: iterate over what it writes, as (STDOUT or STDERR, bytes); then `code` is its exit code."""

    def __init__(
        self,
        client: Client,
        pod: str,
        namespace: str,
        command: Sequence[str],
        *,
        container: str = '',
        stdin: bool = False,
        tty: bool = False,
    ) -> None:
        """A terminal (tty) has one output: STDOUT."""
        self.code = -1
        words: list[tuple[str, str]] = [('command', word) for word in command]
        words += [('container', container)] if container else []
        flags = {'stdin': stdin, 'stdout': True, 'stderr': not tty, 'tty': tty}
        words += [(name, 'true') for name, on in flags.items() if on]
        text = '&'.join(f'{name}={quote(value, safe="")}' for name, value in words)
        self._what = f'{command[0]} in {namespace}/{pod}'
        self._socket = WebSocket(client.transport, f'{PODS.one(pod, namespace, "exec")}?{text}', (_V5, _V4))

    async def __aenter__(self) -> Session:
        await self._socket.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._socket.__aexit__(kind, error, at)

    async def send(self, data: bytes) -> None:
        """Send to the command's standard input."""
        await self._socket.send(bytes((STDIN,)) + data)

    async def end_input(self) -> None:
        """Tell the command that its input has ended. Raises Error where the server is older than Kubernetes 1.30."""
        if self._socket.protocol != _V5:
            raise _http.Error(f'{self._what}: this server cannot tell a command that its input has ended; needs 1.30')
        await self._socket.send(bytes((_CLOSE, STDIN)))

    async def resize(self, width: int, height: int) -> None:
        """Tell a terminal its size, in characters."""
        await self._socket.send(bytes((_RESIZE,)) + _http.dumps({'Width': width, 'Height': height}))

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        while (message := await self._socket.receive()) is not None:
            channel, data = (message[0], message[1:]) if message else (-1, b'')
            if channel == _ERROR:
                self.code = exit_code(_http.loads(data), self._what)
                return
            if channel in (STDOUT, STDERR) and data:
                yield channel, data
        raise _http.ConnectionFailed(f'{self._what}: the connection ended before the command did', sent=True)


def exit_code(status: Any, what: str) -> int:
    """Return the exit code in the Status that ends a command. Raises HttpError where it never ran."""
    if status.get('status') == 'Success':
        return 0
    if status.get('reason') == 'NonZeroExitCode':
        causes = (status.get('details') or {}).get('causes') or []
        codes = [each.get('message', '') for each in causes if each.get('reason') == 'ExitCode']
        if codes and codes[0].isdigit():
            return int(codes[0])
    raise _status.from_status(status, request=what)
