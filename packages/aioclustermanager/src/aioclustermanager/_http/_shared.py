"""What the clients of one process have in common, where they are given it.

Names, TLS contexts, connections, turns at a server.
"""

from __future__ import annotations

import ssl
import weakref
from pathlib import Path

from . import _tls
from ._limits import Limits
from ._names import Names
from ._opening import Route
from ._pool import Pool
from ._turns import Pace, Turns

Stamp = tuple[object, ...]


class Shared:
    """Give the same one to many clients (`Configuration.shared`), and `close()` it after the last of them.

    Contexts are shared where trust, names and client certificate are the same; connections where the context, server
    and proxy are, whatever token goes with each request; turns by server and proxy.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self.names = Names()
        self._pace = pace or Pace()
        self._turns: dict[tuple[object, ...], Turns] = {}
        self._contexts: weakref.WeakValueDictionary[tuple[_tls.Tls, Stamp], ssl.SSLContext] = (
            weakref.WeakValueDictionary()
        )
        self._pools: weakref.WeakValueDictionary[tuple[object, ...], Pool] = weakref.WeakValueDictionary()

    def set_pace(self, pace: Pace) -> None:
        """Let another pace count, at every server, from now on."""
        self._pace = pace
        for turns in self._turns.values():
            turns.set(pace)

    def turns(self, *server: object) -> Turns:
        """Return the turns at a server."""
        return self._turns.setdefault(server, Turns(self._pace))

    def context(self, tls: _tls.Tls) -> ssl.SSLContext:
        """Return a context, the one that others have where it is the same. Raises InvalidConfiguration."""
        client = tls.client or _tls.ClientCertificate()
        key = tls, tuple(_stamp(path) for path in (tls.ca_file, client.certificate_file, client.key_file))
        made = self._contexts.get(key)
        if made is None:
            made = self._contexts[key] = _tls.context(tls)
        return made

    def pool(self, route: Route, context: ssl.SSLContext | None, limits: Limits, *, http2: bool) -> Pool:
        """Return connections, those that others have where all is the same."""
        key = route, context, limits.connections, limits.connect_s, limits.idle_s, http2
        found = self._pools.get(key)
        if found is None or found.is_over:
            found = self._pools[key] = Pool(route, context, limits, self.names, http2=http2)
        return found

    async def close(self) -> None:
        """End what is looked up."""
        await self.names.close()


def _stamp(path: str) -> Stamp:
    """Return what changes with a file's content."""
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return ()
    return (found.st_ino, found.st_mtime_ns, found.st_size) if found else ()
