"""Command-line arguments as an operator writes them in an option. Computing only."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection

# a snap keeps its daemon's arguments in double quotes, a line each: these characters would end or change the value
UNFIT = re.compile(r'["\\]')


def parse(text: str, joined: Collection[str] = ()) -> dict[str, str]:
    """Return flags by name, split as a shell would split them, each word at its first `=`.

    Leading dashes are optional, underscores in a name are dashes, and a bare flag means `true`.

    Args:
        text: what the operator wrote.
        joined: flags that hold lists: when repeated, their values are joined with commas, as the programs do. Of any
            other repeated flag the last wins, as on a command line.

    Raises:
        ValueError: quotes do not match, a word has no flag name, or a value has characters no argument of a snap can.
    """
    flags: dict[str, str] = {}
    for word in shlex.split(text):
        name, value = _flag(word)
        before = flags.pop(name, None)  # the last one also decides the order
        flags[name] = f'{before},{value}' if before is not None and name in joined else value
    return flags


def _flag(word: str) -> tuple[str, str]:
    name, equals, value = word.partition('=')
    name = name.replace('_', '-').lstrip('-')
    if not name:
        raise ValueError(f'{word[:40]!r} has no flag name')
    if UNFIT.search(word) or not word.isprintable():
        raise ValueError(f'{name[:40]!r} has a double quote, a backslash or a control character in it')
    return name, value if equals else 'true'
