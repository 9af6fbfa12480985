"""The bootstrap kubeconfig: a file that may change, be unreadable or be wrong at any time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from aioclustermanager.kubernetes import Client, ClientCertificate, Configuration, InvalidConfiguration, Tls

from . import _hub_kubeconfig


class Bootstrap:
    """The way to the hub before there is a certificate; `client()` is always that of the file as it is now."""

    def __init__(self, path: Path, reach: Callable[[Configuration], Configuration]) -> None:
        self.path = path
        self._reach = reach
        self._client: Client | None = None
        self._read_at: tuple[object, ...] = ()
        self._old: list[Client] = []
        self._named_at: tuple[object, ...] = ()
        self._named: tuple[Path, ...] = ()  # files that the kubeconfig names: authorities, certificate, key

    def connections(self) -> int:
        """Return how many are open."""
        return sum(each.transport.connections for each in (self._client, *self._old) if each)

    def is_changed(self) -> bool:
        """Tell whether the file, or one that it names, is another than that of the client."""
        return self._client is None or self.stamp() != self._read_at

    def is_current(self, client: Client) -> bool:
        """Tell whether `client()` would return this one: not if it has given somebody else another meanwhile."""
        return client is self._client and not self.is_changed()

    def stamp(self) -> tuple[object, ...]:
        """Return what changes with the file, and with the files that it names."""
        own = _stamp(self.path)
        if own != self._named_at:
            self._named_at, self._named = own, ()
            with contextlib.suppress(InvalidConfiguration):
                self._named = _named(self.configuration())
        return (own, *map(_stamp, self._named))

    def configuration(self) -> Configuration:
        """Return what the file says now. Raises InvalidConfiguration."""
        return self._reach(_hub_kubeconfig.read(self.path))

    def client(self) -> Client:
        """Raises InvalidConfiguration."""
        stamp = self.stamp()
        if self._client is None or stamp != self._read_at:
            made = Client(self.configuration())
            if self._client:
                self._old.append(self._client)  # somebody may be in the middle of a call
            self._client, self._read_at = made, stamp
        return self._client

    async def close_old(self) -> None:
        while self._old:
            await self._old.pop().close()

    async def close(self) -> None:
        await self.close_old()
        if self._client:
            await self._client.close()
            self._client = None


def _named(configuration: Configuration) -> tuple[Path, ...]:
    """Return the files that a client reads once; a file with a token it reads again by itself."""
    tls = configuration.tls if isinstance(configuration.tls, Tls) else Tls()
    client = tls.client or ClientCertificate()
    return tuple(Path(name) for name in (tls.ca_file, client.certificate_file, client.key_file) if name)


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
