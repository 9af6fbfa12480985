"""Whether a value out of YAML is what a type of Go takes out of JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping

DURATION = re.compile(r'[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)', re.ASCII)
BITS = {'int32': 32, 'int64': 64}
NAMES = {
    'bool': 'true or false',
    'float64': 'a number',
    'metav1.Duration': 'a duration such as 90s or 1h30m',
    **dict.fromkeys(BITS, 'a whole number'),
}
# types that are text under a name of their own
TEXTS = frozenset(
    {
        'string',
        'ImagePullCredentialsVerificationPolicy',
        'KubeletAuthorizationMode',
        'MemoryReservationPolicy',
        'ResourceChangeDetectionStrategy',
    }
)


def fits(value: object, kind: str) -> bool:
    """Tell whether Go decodes the value into this type; null fits every one, and any mapping a structure."""
    if value is None:
        return True
    if kind.startswith('[]'):
        return isinstance(value, list) and all(fits(item, kind[2:]) for item in value)
    if kind.startswith('map[string]'):
        return isinstance(value, Mapping) and all(fits(item, kind[11:]) for item in value.values())
    if kind in TEXTS:
        return isinstance(value, str)
    if kind == 'bool':
        return isinstance(value, bool)
    if kind in BITS:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2 ** (BITS[kind] - 1)
    if kind == 'float64':
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == 'metav1.Duration':
        return isinstance(value, str) and DURATION.fullmatch(value) is not None
    return isinstance(value, Mapping)


def named(kind: str) -> str:
    """Return what a value of this type is, in words."""
    if kind.startswith('[]'):
        return f'a list ({named(kind[2:])} each)'
    if kind.startswith('map[string]'):
        return f'a mapping ({named(kind[11:])} each)'
    return 'text' if kind in TEXTS else NAMES.get(kind, 'a mapping')
