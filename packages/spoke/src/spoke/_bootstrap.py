"""The bootstrap kubeconfig: a file that may change, be unreadable or be wrong at any time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from aioclustermanager.kubernetes import Client, Configuration, InvalidConfiguration, Tls

from . import _hub_kubeconfig


class Bootstrap:
    """The way to the hub before there is a certificate; `client()` is always that of the file as it is now."""

    def __init__(self, path: Path, reach: Callable[[Configuration], Configuration]) -> None:
        self.path = path
        self._reach = reach
        self._client: Client | None = None
        self._read_at: tuple[object, ...] = ()
        self._old: list[Client] = []
        self._trust_read_at: tuple[object, ...] = ()
        self._authorities: Path | None = None  # a file

    def connections(self) -> int:
        """Return how many are open."""
        return sum(each.transport.connections for each in (self._client, *self._old) if each)

    def is_changed(self) -> bool:
        """Tell whether the file is another than that of the client."""
        return self._client is None or self._stamp() != self._read_at

    def _stamp(self) -> tuple[object, ...]:
        return _stamp(self.path)

    def trust_stamp(self) -> tuple[object, ...]:
        """Return what changes with the file, and with the authorities that it names as a file."""
        own = self._stamp()
        if own != self._trust_read_at:
            self._trust_read_at, self._authorities = own, None
            with contextlib.suppress(InvalidConfiguration):
                tls = self.configuration().tls
                self._authorities = Path(tls.ca_file) if isinstance(tls, Tls) and tls.ca_file else None
        return (own, _stamp(self._authorities) if self._authorities else ())

    def configuration(self) -> Configuration:
        """Return what the file says now. Raises InvalidConfiguration."""
        return self._reach(_hub_kubeconfig.read(self.path))

    def client(self) -> Client:
        """Raises InvalidConfiguration."""
        if self._client is None or self._stamp() != self._read_at:
            stamp = self._stamp()
            made = Client(self.configuration())
            if self._client:
                self._old.append(self._client)  # somebody may be in the middle of a call
            self._client, self._read_at = made, stamp
        return self._client

    def renew(self) -> None:
        """Let the next client be made anew: files that the kubeconfig names may have changed."""
        self._read_at = ()

    async def close_old(self) -> None:
        while self._old:
            await self._old.pop().close()

    async def close(self) -> None:
        await self.close_old()
        if self._client:
            await self._client.close()
            self._client = None


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def hub(path: Path) -> _hub_kubeconfig.Hub:
    """Return where the current context of a kubeconfig file leads. Raises InvalidConfiguration."""
    return _hub_kubeconfig.hub(_hub_kubeconfig.read(path))


__all__ = ['Bootstrap', 'InvalidConfiguration', 'hub']
