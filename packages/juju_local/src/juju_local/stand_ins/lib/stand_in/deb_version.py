"""Compares versions of Debian packages (deb-version(7)). Computing only."""

from __future__ import annotations

import re

OPERATORS = {
    'lt': (-1,), 'le': (-1, 0), 'eq': (0,), 'ne': (-1, 1), 'ge': (0, 1), 'gt': (1,),
    '<<': (-1,), '<=': (-1, 0), '=': (0,), '>=': (0, 1), '>>': (1,), '<': (-1, 0), '>': (0, 1),
}  # fmt: skip


def compare(left: str, right: str) -> int:
    """Return -1, 0 or 1."""
    for one, other in zip(_parts(left), _parts(right), strict=True):
        order = _compare(one, other)
        if order:
            return order
    return 0


def _parts(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.partition(':')
    if not colon:
        epoch, rest = '0', version
    upstream, _, debian = rest.rpartition('-')
    return (epoch, upstream, debian) if '-' in rest else (epoch, rest, '')


def _compare(left: str, right: str) -> int:
    """Compare alternating runs of other characters and of digits."""
    while left or right:
        (text, left), (other_text, right) = _take(left, r'[^0-9]*'), _take(right, r'[^0-9]*')
        order = _compare_text(text, other_text)
        if order:
            return order
        (digits, left), (other_digits, right) = _take(left, r'[0-9]*'), _take(right, r'[0-9]*')
        if int(digits or 0) != int(other_digits or 0):
            return 1 if int(digits or 0) > int(other_digits or 0) else -1
    return 0


def _take(text: str, pattern: str) -> tuple[str, str]:
    found = re.match(pattern, text)
    end = found.end() if found else 0
    return text[:end], text[end:]


def _compare_text(left: str, right: str) -> int:
    """A tilde sorts before the end, letters before all else."""
    for position in range(max(len(left), len(right))):
        order = _weight(left[position : position + 1]) - _weight(right[position : position + 1])
        if order:
            return 1 if order > 0 else -1
    return 0


def _weight(char: str) -> int:
    if char == '~':
        return -1
    if not char:
        return 0
    return ord(char) if char.isascii() and char.isalpha() else ord(char) + 256
