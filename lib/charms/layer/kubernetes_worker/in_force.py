"""A door: the values of options that are in force, each the last good one while the option is bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import options, records

T = TypeVar('T')


def value(name: str, parser: Callable[[options.Config, str], T], problems: list[options.Invalid]) -> T | None:
    """Return an option parsed, else its last good value, None if it never had one; a bad one is added to `problems`.

    Not for options that may hold a secret: the last good text is recorded.
    """
    config = hookenv.config()
    try:
        found = parser(config, name)
    except options.Invalid as error:
        problems.append(error)
        return _last_good(name, parser)
    records.put(f'option-{name}', options.text(config, name))
    return found


def _last_good(name: str, parser: Callable[[options.Config, str], T]) -> T | None:
    good = records.get(f'option-{name}')
    try:
        return parser({name: good}, name) if isinstance(good, str) else None
    except options.Invalid:  # an earlier revision of the charm took it
        return None
