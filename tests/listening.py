"""Servers in a test's own loop, ended without a socket left behind."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a free port of 127.0.0.1, which is given; what serves a connection is cancelled at the end."""
    tasks, writers = set[asyncio.Task[None]](), weakref.WeakSet[asyncio.StreamWriter]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        writers.add(writer)
        try:
            await serve(reader, writer)
            if not writer.is_closing():  # after a second close() abort() fails, in Debian 12's Python for one (3.11.2)
                writer.close()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(connected, '127.0.0.1', 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        await accepted()
        server.close()
        await accepted()
        while tasks:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)  # for transports to say that they are closed


async def accepted() -> None:
    """Let the loop finish what it has begun to accept: to be called right before a server's close(), and right after.

    Until Python 3.13 a server that is closed between the first two steps of accepting leaves that socket open. A timer
    ends after the sockets of its turn were looked at, so what they brought is ahead of whoever slept. After close() the
    rest of the steps make a connection of it, which can then be ended like any other.
    """
    await asyncio.sleep(0.001)
