"""Where words go: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from juju_local._format import _text

FORMATTERS: dict[str, Callable[[Any], str]] = {'yaml': _text.to_yaml, 'json': _text.to_json}


def result(text: str) -> None:
    """Write to stdout as it is."""
    click.echo(text, nl=False)


def note(text: str) -> None:
    click.echo(text, err=True)


def error(message: str, remedy: str = '') -> None:
    note(f'ERROR {message}')
    if remedy:
        note(remedy)


def formatted(*choices: str, default: str) -> Callable[[Any], Any]:
    """Declare --format and -o/--output as juju's reading verbs have them."""

    def add(function: Any) -> Any:
        function = click.option('-o', '--output', default='', metavar='FILE', help='Write to this file, not stdout.')(
            function
        )
        kinds = click.Choice(choices)
        return click.option('--format', 'form', type=kinds, default=default, help='Form of the output.')(function)

    return add


def write(text: str, output: str) -> None:
    """Write a result to stdout, or to the file that --output names."""
    if output:
        Path(output).expanduser().write_text(text, encoding='utf-8')
    else:
        result(text)


def wants_colour(choice: bool | None) -> bool:
    """Tell whether to colour stdout: as --color/--no-color say, else only on a terminal."""
    return sys.stdout.isatty() if choice is None else choice
