"""Quantities of Kubernetes (`500m`, `16Gi`, `1e3`): read, added, written in canonical form. Computes only.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction

_NANO = 10**9
_TEXT = re.compile(r'([+-]?)(\d+\.?\d*|\.\d+)(|[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)', re.ASCII)
_BINARY = ('', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei')
_DECIMAL = {-9: 'n', -6: 'u', -3: 'm', 0: '', 3: 'k', 6: 'M', 9: 'G', 12: 'T', 15: 'P', 18: 'E'}
_POWERS = {suffix: power for power, suffix in _DECIMAL.items()}


class Family(Enum):
    """Which suffixes a quantity is written with."""

    DECIMAL = 'decimal'
    BINARY = 'binary'
    EXPONENT = 'exponent'


@dataclass(frozen=True)
class Quantity:
    """An amount in units of 10^-9, the finest there is."""

    nano: int
    family: Family

    def __add__(self, other: Quantity) -> Quantity:
        family = self.family if self.nano else other.family  # nothing has no suffix of its own
        return Quantity(self.nano + other.nano, family)

    def __str__(self) -> str:
        if self.family is Family.BINARY and abs(self.nano) >= 1024 * _NANO:
            return _binary(_up(Fraction(self.nano, _NANO)))
        return _decimal(self.nano, exponent=self.family is Family.EXPONENT)


def parse(text: str) -> Quantity:
    """Return the quantity; finer than 10^-9 is rounded away from zero. Raises ValueError."""
    match = _TEXT.fullmatch(text)
    if not match:
        raise ValueError(f'{text!r} is no quantity')
    sign, digits, suffix = match.groups()
    if suffix in _BINARY[1:]:
        factor, family = Fraction(1024) ** _BINARY.index(suffix), Family.BINARY
    elif suffix in _POWERS:
        factor, family = Fraction(10) ** _POWERS[suffix], Family.DECIMAL
    else:
        if abs(int(suffix[1:])) > 1000:
            raise ValueError(f'{text!r} is no quantity: its exponent is out of all bounds')
        factor, family = Fraction(10) ** int(suffix[1:]), Family.EXPONENT
    return Quantity((-1 if sign == '-' else 1) * _up(Fraction(Decimal(digits)) * factor * _NANO), family)


def _up(value: Fraction) -> int:
    """Return the integer next to a value, away from zero."""
    size = -(-abs(value).numerator // abs(value).denominator)
    return size if value >= 0 else -size


def _binary(whole: int) -> str:
    power = 0
    while whole % 1024 == 0 and whole and power < len(_BINARY) - 1:
        whole, power = whole // 1024, power + 1
    return f'{whole}{_BINARY[power]}'


def _decimal(nano: int, *, exponent: bool) -> str:
    if not nano:
        return '0'
    power = -9
    while nano % 1000 == 0 and (exponent or power < 18):
        nano, power = nano // 1000, power + 3
    if exponent:
        return f'{nano}e{power}' if power else str(nano)
    return f'{nano}{_DECIMAL[power]}'


def total(maps: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the sum of resource lists, by resource. Raises ValueError, naming resource and value."""
    sums: dict[str, Quantity] = {}
    for each in maps:
        for name, text in each.items():
            try:
                value = parse(str(text))
            except ValueError as error:
                raise ValueError(f'resource {name}: {error}') from error
            sums[name] = sums[name] + value if name in sums else value
    return {name: str(value) for name, value in sums.items()}
