"""`caller.session`: an aiohttp session for programs that make requests of their own. This package needs none."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Close = Callable[[], Awaitable[None]]


def make(headers: Mapping[str, str], close: Close, trust: ssl.SSLContext | None = None) -> Any:
    """Return a session that carries the headers and trusts as the context says; closing it calls `close`, too.

    Without aiohttp it can be closed, and nothing else: 0.3.44 told programs to close it.
    """
    try:
        import aiohttp
    except ImportError:
        return Closable(close)

    class Connector(aiohttp.TCPConnector):
        async def _close_both(self, closing: Awaitable[None] | None) -> None:
            if closing is not None:
                await closing
            await close()

        def close(self, **options: Any) -> Any:
            """Close the session's connections, and the caller's."""
            return self._close_both(super().close(**options))

    return aiohttp.ClientSession(headers=headers, connector=Connector(ssl=trust or True))


class Closable:
    """What a session is where aiohttp is not installed."""

    def __init__(self, close: Close) -> None:
        self._close = close
        self.closed = False

    async def close(self) -> None:
        self.closed = True
        await self._close()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f'caller.session.{name} needs aiohttp: pip install aioclustermanager[session]')
