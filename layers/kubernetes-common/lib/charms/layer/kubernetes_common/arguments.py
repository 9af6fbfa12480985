"""Command-line arguments as an operator writes them in an option. Computing only."""

from __future__ import annotations

import shlex


def parse(text: str) -> dict[str, str]:
    """Return flags by name, split as a shell would split them, each word at its first `=`.

    Leading dashes are optional; a bare flag means `true`; the last of a repeated flag wins, as it does for most
    Kubernetes flags on a command line.

    Raises:
        ValueError: quotes do not match, or a word has no flag name.
    """
    flags: dict[str, str] = {}
    for word in shlex.split(text):
        name, equals, value = word.partition('=')
        name = name.lstrip('-')
        if not name:
            raise ValueError(f'{word!r} has no flag name')
        flags.pop(name, None)  # the last one also decides the order
        flags[name] = value if equals else 'true'
    return flags
