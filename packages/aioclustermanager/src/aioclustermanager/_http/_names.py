"""Addresses of servers, looked up once for all clients of a process.

An answer is remembered for a while. An old one is still good while a new one is looked up, and where the name server is
away; it is dropped when nobody answers at it.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

_FRESH_S = 30.0


@dataclass
class _Known:
    addresses: tuple[str, ...] = ()
    at: float = float('-inf')
    lookup: asyncio.Task[None] | None = field(default=None, repr=False)


class Names:
    """`addresses(host)`; one lookup at a time for each name."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return what a name stands for; an address stands for itself. Raises OSError."""
        if _is_address(host):
            return (host,)
        known = self._known.setdefault(host, _Known())
        loop = asyncio.get_running_loop()
        if loop.time() - known.at > _FRESH_S and known.lookup is None:
            known.lookup = loop.create_task(self._look_up(host, known))
            known.lookup.add_done_callback(_heard)
        if not known.addresses and known.lookup:
            await asyncio.shield(known.lookup)
        return known.addresses

    def forget(self, host: str) -> None:
        """Ask anew the next time: nobody answers there."""
        if known := self._known.get(host):
            known.addresses, known.at = (), float('-inf')

    async def close(self) -> None:
        """End the lookups."""
        lookups = [known.lookup for known in self._known.values() if known.lookup]
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)

    async def _look_up(self, host: str, known: _Known) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            known.addresses, known.at = tuple(dict.fromkeys(str(each[4][0]) for each in found)), loop.time()
        finally:
            known.lookup = None


def _heard(lookup: asyncio.Task[None]) -> None:
    if not lookup.cancelled():
        lookup.exception()  # whoever waits has it; where an old answer is at hand, nobody does


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False
