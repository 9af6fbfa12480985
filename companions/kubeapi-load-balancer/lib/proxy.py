"""Passes TCP connections through to one of several servers. Run as: proxy.py PORT FILE

FILE is a JSON list of [address, port]; it is looked at for each new connection. Servers take turns; one that did not
answer is tried last for a while, so a dead server costs each client nothing but the first one a short wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

CONNECT_S = 3.0  # a server that does not answer within this is dead
AVOID_S = 10.0  # how long a dead server is tried last
CHUNK = 65536

Server = tuple[str, int]


class Pool:
    """The servers of a file, in the order in which the next connection should try them."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.clock = clock
        self.stamp = (0, 0)
        self.servers: list[Server] = []
        self.dead_until: dict[Server, float] = {}
        self.turn = 0

    def candidates(self) -> list[Server]:
        """Return all servers, the one whose turn it is first and those found dead last."""
        self._reload()
        if not self.servers:
            return []
        self.turn = (self.turn + 1) % len(self.servers)
        order = self.servers[self.turn :] + self.servers[: self.turn]
        now = self.clock()
        return sorted(order, key=lambda server: self.dead_until.get(server, 0.0) > now)

    def failed(self, server: Server) -> None:
        self.dead_until[server] = self.clock() + AVOID_S

    def _reload(self) -> None:
        """Read the file if it was replaced; what cannot be read leaves the servers as they were."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self.stamp:
                servers = [(str(host), int(port)) for host, port in json.loads(self.path.read_text(encoding='utf-8'))]
                self.servers, self.stamp = servers, stamp
                self.dead_until = {server: until for server, until in self.dead_until.items() if server in servers}


async def connect(pool: Pool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Return a connection to the first server that answers, None if none does."""
    for address, port in pool.candidates():
        try:
            return await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_S)
        except (OSError, asyncio.TimeoutError):
            pool.failed((address, port))
    return None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction to its end, then close that direction only: the other may still have something to say."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def serve(pool: Pool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one client until both directions have ended, or one of the two peers is lost."""
    writers = [writer]
    try:
        server = await connect(pool)
        if server is not None:
            writers.append(server[1])
            keep_alive(writers)
            await asyncio.gather(pump(reader, server[1]), pump(server[0], writer))
    except OSError:
        pass  # a lost peer: closing both tells the other one
    finally:
        for each in writers:
            each.close()


def keep_alive(writers: list[asyncio.StreamWriter]) -> None:
    """Have the kernel find peers whose machine is gone: a watch of the API is silent for long, and must not hang."""
    for writer in writers:
        sock = writer.get_extra_info('socket')
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)


async def main(port: int, path: Path) -> None:
    pool = Pool(path)
    listener = await asyncio.start_server(lambda reader, writer: serve(pool, reader, writer), None, port)
    async with listener:
        await listener.serve_forever()


if __name__ == '__main__':
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
