"""Durations as Go writes them: `30s`, `1m30s`, `1.5h`. Computes only."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

_SECONDS = {
    'ns': Fraction(1, 10**9), 'us': Fraction(1, 10**6), 'µs': Fraction(1, 10**6), 'μs': Fraction(1, 10**6),
    'ms': Fraction(1, 1000), 's': Fraction(1), 'm': Fraction(60), 'h': Fraction(3600),
}  # fmt: skip
_PART = re.compile(r'(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)')
_LONGEST_S = 2**63 // 10**9  # what Go's type holds


def parse(text: str) -> timedelta:
    """Return the duration; finer than a microsecond is cut. Raises ValueError, quoting the text."""
    sign, rest = (-1, text[1:]) if text.startswith('-') else (1, text.removeprefix('+'))
    if rest == '0':
        return timedelta()
    parts = _PART.findall(rest)
    if not parts or ''.join(number + unit for number, unit in parts) != rest:
        raise ValueError(f'{text!r} is no duration: write it as 30s, 1m30s or 1h')
    seconds = sum((Fraction(number) * _SECONDS[unit] for number, unit in parts), Fraction())
    if seconds > _LONGEST_S:
        raise ValueError(f'{text!r} is too long: no duration has more than {_LONGEST_S} seconds')
    return sign * timedelta(microseconds=int(seconds * 10**6))


def shown(duration: timedelta) -> str:
    """Return the duration as Go prints it: `1m0s`, `1h30m0s`, `0s`, `250ms`."""
    micros = duration // timedelta(microseconds=1)
    if micros < 0:
        return '-' + shown(-duration)
    if micros == 0:
        return '0s'
    if micros < 10**6:
        return f'{_decimal(micros, 1000)}ms' if micros >= 1000 else f'{micros}µs'
    minutes, rest = divmod(micros, 60 * 10**6)
    hours, minutes = divmod(minutes, 60)
    seconds = f'{_decimal(rest, 10**6)}s'
    return f'{hours}h{minutes}m{seconds}' if hours else f'{minutes}m{seconds}' if minutes else seconds


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = len(str(unit)) - 1
    return f'{whole}.{rest:0{digits}}'.rstrip('0').rstrip('.')
