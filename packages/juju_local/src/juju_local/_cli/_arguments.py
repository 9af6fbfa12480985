"""What stands in arguments: key=value, nested parameters, durations, unit names. Pure but for @file and --file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import yaml

APPLICATION = re.compile(r'^[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*$')
UNIT = re.compile(r'^[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*/(\d+)$')
TARGET = re.compile(r'^[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*/(\d+|leader)$')
PARAMETER = re.compile(r'^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$')
SECONDS = {'h': 3600.0, 'm': 60.0, 's': 1.0, 'ms': 0.001}
DURATION = re.compile(r'(\d+(?:\.\d+)?)(ms|[hms])')


def duration(text: str) -> float:
    """Return the seconds of `5m`, `1h30m`, `90s`, `500ms`; a bare number is seconds."""
    parts = DURATION.findall(text)
    if text and ''.join(number + unit for number, unit in parts) == text:
        return sum(float(number) * SECONDS[unit] for number, unit in parts)
    try:
        return float(text)
    except ValueError:
        raise click.UsageError(f'invalid duration {text!r}: write e.g. 90s, 5m or 1h30m') from None


class Duration(click.ParamType[float]):
    """An option's value like 90s, as seconds."""

    name = 'duration'

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ARG002
        return duration(value) if isinstance(value, str) else float(str(value))


def pairs(words: Iterable[str], read: Callable[[str], str]) -> dict[str, str]:
    """Return key=value arguments as a mapping; a value of `@file` is the file's text (see `text_of`)."""
    found = {}
    for word in words:
        key, equals, value = word.partition('=')
        if not equals or not key:
            raise click.UsageError(f'expected "key=value", got "{word}"')
        if key in found:
            raise click.UsageError(f'key "{key}" specified more than once')
        found[key] = read(value[1:]) if value.startswith('@') and len(value) > 1 else value
    return found


def text_of(path: str) -> str:
    """Return the text of a file; `-` is stdin."""
    try:
        return sys.stdin.read() if path == '-' else Path(path).expanduser().read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f'cannot read {path!r}: {getattr(error, "strerror", "") or error}') from None


def mapping_of(path: str) -> dict[str, object]:
    """Return the YAML mapping in a file."""
    try:
        found = yaml.safe_load(text_of(path))
    except yaml.YAMLError as error:
        raise click.UsageError(f'{path} is not valid YAML: {" ".join(str(error).split())}') from None
    if not isinstance(found, dict):
        raise click.UsageError(f'{path}: expected a mapping of keys to values')
    return {str(key): value for key, value in found.items()}


def parameters(words: Iterable[str], base: dict[str, object], *, as_text: bool) -> dict[str, object]:
    """Return an action's parameters: `a.b=v` nests, values are YAML unless `as_text`; words win over `base`."""
    found = dict(base)
    for word in words:
        key, equals, value = word.partition('=')
        names = key.split('.')
        if not equals:
            raise click.UsageError(f'argument "{word}" must be of the form key.key.key...=value')
        for name in names:
            if not PARAMETER.match(name):
                raise click.UsageError(
                    f'key "{name}" must start and end with lowercase alphanumeric, '
                    'and contain only lowercase alphanumeric and hyphens'
                )
        _nest(found, names, value if as_text else _yaml(word, value))
    return found


def _yaml(word: str, value: str) -> object:
    try:
        return yaml.safe_load(value) if value else ''
    except yaml.YAMLError:
        raise click.UsageError(f'the value of "{word}" is not valid YAML; --string-args takes it as text') from None


def _nest(tree: dict[str, object], names: list[str], value: object) -> None:
    for name in names[:-1]:
        below = tree.get(name)
        below = dict(below) if isinstance(below, dict) else {}
        tree[name] = below
        tree = below
    tree[names[-1]] = value


def split(values: Iterable[str]) -> list[str]:
    """Return the words of options that may be repeated and hold several words parted by commas."""
    return [word for value in values for word in value.split(',') if word]
