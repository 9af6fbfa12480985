"""What a hub can be made to do wrong, as words: `down`, `slow=2s`, `refuse=429`. Computes only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from .. import _durations


@dataclass(frozen=True)
class Faults:
    """The first five are seen through the front of the stand-in, the others in what its controllers do."""

    down: bool = False  # nobody listens, and connections are cut
    silent: bool = False  # connections are taken, and nothing is answered
    slow: timedelta = timedelta()  # each answer comes that much later
    refuse: int = 0  # each request is answered with this status; 429 and 503 say when to come again
    gone: bool = False  # each watch is told that what it asks for is forgotten
    no_signing: bool = False  # approved requests get no certificate
    wrong_certificate: bool = False  # certificates are for a key that nobody has
    skewed_clock: timedelta = timedelta()  # the clock of the controllers, against this machine's


def _status(text: str) -> int:
    if not text.isdigit() or not 400 <= int(text) <= 599:
        raise ValueError(f'{text!r} is no status from 400 to 599')
    return int(text)


def _on(text: str) -> bool:
    if text:
        raise ValueError(f'is said without a value, not with {text!r}')
    return True


_READ: dict[type, Callable[[str], Any]] = {bool: _on, int: _status, timedelta: _durations.parse}
NAMES = tuple(each.name.replace('_', '-') for each in fields(Faults))


def parse(words: Iterable[str]) -> Faults:
    """Return the faults that words say, no others. Raises ValueError, naming the word."""
    found: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition('=')
        if name not in NAMES:
            raise ValueError(f'there is no fault {name!r}: these are known: {", ".join(NAMES)}')
        attribute = name.replace('-', '_')
        try:
            found[attribute] = _READ[type(getattr(Faults, attribute))](value)
        except ValueError as error:
            raise ValueError(f'fault {name}: {error}') from error
    return Faults(**found)


def shown(faults: Faults) -> str:
    """Return the words that `parse` reads as these faults."""
    words = []
    for name in NAMES:
        value = getattr(faults, name.replace('-', '_'))
        if value is True:
            words.append(name)
        elif isinstance(value, timedelta) and value:
            words.append(f'{name}={_durations.shown(value)}')
        elif value and not isinstance(value, timedelta):
            words.append(f'{name}={value}')
    return ' '.join(words)
