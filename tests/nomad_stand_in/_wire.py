"""How Nomad spells durations, booleans and numbers in a query, and what it says of wrong ones. Computes only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS_S = {'ns': 1e-9, 'us': 1e-6, 'µs': 1e-6, 'ms': 1e-3, 's': 1.0, 'm': 60.0, 'h': 3600.0}
_PART = re.compile(r'(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)')
MAX_WAIT_S = 600.0  # the documented limit of a blocking query
DEFAULT_WAIT_S = 300.0


class Refused(Exception):
    """An answer that is no success: Nomad sends the reason as plain text."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f'{status} {reason}')
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


def seconds(text: str) -> float:
    """Return a Go duration ('1m30s') in seconds; ValueError for anything else."""
    if text == '0':
        return 0.0
    if not text or _PART.sub('', text):
        raise ValueError(f'not a duration: {text!r}')
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))


def truth(query: Mapping[str, str], name: str, default: bool = False) -> bool:
    """Return a boolean of the query as Go's ParseBool reads it; refused with 400 for another word."""
    text = query.get(name, '')
    if not text:
        return default
    if text in ('1', 't', 'T', 'TRUE', 'true', 'True'):
        return True
    if text in ('0', 'f', 'F', 'FALSE', 'false', 'False'):
        return False
    raise Refused(400, f'Failed to parse value of "{name}" ("{text}") as a bool')


def number(query: Mapping[str, str], name: str, default: int = 0) -> int:
    text = query.get(name, '')
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise Refused(400, f'error parsing {name}: invalid syntax "{text}"') from None


@dataclass(frozen=True)
class Blocking:
    """What a blocking query asks for; index 0 does not block."""

    index: int
    wait_s: float

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Blocking:
        try:
            index = int(query.get('index') or 0)
        except ValueError:
            raise Refused(400, 'Invalid index') from None
        try:
            wait_s = seconds(query['wait']) if query.get('wait') else DEFAULT_WAIT_S
        except ValueError:
            raise Refused(400, 'Invalid wait time') from None
        return cls(index, min(wait_s or DEFAULT_WAIT_S, MAX_WAIT_S))
