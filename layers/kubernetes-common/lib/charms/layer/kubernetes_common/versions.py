"""Versions of Kubernetes as tuples of numbers, and spans of them. Computing only."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, ...]


def parse(text: str) -> Version:
    """Return the first dotted number in what `PROGRAM --version` prints, e.g. (1, 12, 10).

    A build without version stamps (`v0.0.0-master+...`) is older than every limit, as it is for the public charms.

    Raises:
        ValueError: there is none.
    """
    found = re.search(r'\d+\.\d+(\.\d+)?', text, re.ASCII)
    if not found:
        raise ValueError(f'no version in {text[:80]!r}')
    return tuple(int(number) for number in found[0].split('.'))


def text(version: Version) -> str:
    return '.'.join(str(number) for number in version)


@dataclass(frozen=True)
class Span:
    """The minor versions from `first` to `last`, both included; None means without limit."""

    first: Version | None = None
    last: Version | None = None

    def __contains__(self, version: Version) -> bool:
        minor = version[:2]
        return (self.first is None or minor >= self.first) and (self.last is None or minor <= self.last)


ALWAYS = Span()
