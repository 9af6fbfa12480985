"""Typed parsers for charm options: what an operator types may block a unit, never break it. Computing only."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import yaml

from . import arguments as _arguments

Config = Mapping[str, object]
NODES_MAX = 10_000


class Invalid(Exception):
    """The value of an option cannot be used; the text names the option and the reason."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f'{option}: {reason}')
        self.option = option
        self.reason = reason


class Fault(Invalid):
    """A part of an option's value, at `path` in it, cannot be used; the rest of the value can."""

    def __init__(self, option: str, reason: str, path: tuple[str, ...]) -> None:
        super().__init__(option, reason)
        self.path = path


def text(config: Config, name: str) -> str:
    """Return the option as text without blanks around it; unset means ''."""
    value = config.get(name)
    return '' if value is None else str(value).strip()


def boolean(config: Config, name: str) -> bool:
    """Return a boolean option, also when it came as the text `true` or `false`."""
    value = config.get(name)
    if isinstance(value, bool):
        return value
    found = {'true': True, 'false': False, '': False}.get(text(config, name).lower())
    if found is None:
        raise Invalid(name, f'expected true or false, got {str(value)[:40]!r}')
    return found


def choice(config: Config, name: str, choices: Collection[str]) -> str:
    """Return a text option (lower case) that must be one of some words."""
    value = text(config, name).lower()
    if value not in choices:
        raise Invalid(name, f'expected one of {", ".join(sorted(choices))}, got {value[:40]!r}')
    return value


def mapping(config: Config, name: str) -> dict[str, object]:
    """Return an option that holds a YAML mapping; empty means none, tags are refused."""
    value = _document(name, text(config, name))
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(name, f'expected a YAML mapping, got {_kind(value)}')
    _check_tree(name, value)
    return value


def arguments(config: Config, name: str, joined: Collection[str] = ()) -> dict[str, str]:
    """Return an option that holds command-line arguments (see `arguments.parse`)."""
    try:
        return _arguments.parse(text(config, name), joined)
    except ValueError as error:
        raise Invalid(name, str(error)[:1].lower() + str(error)[1:]) from error


def objects(config: Config, name: str) -> list[dict[str, object]]:
    """Return an option that holds a JSON array of objects; empty means none."""
    source = text(config, name)
    try:
        value = json.loads(source) if source else []
    except (ValueError, RecursionError) as error:
        # the text is left out: it may hold a password
        raise Invalid(name, 'expected a JSON array, got text that is not JSON') from error
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Invalid(name, 'expected a JSON array of objects')
    return value


def _check_tree(name: str, tree: object) -> None:
    """Refuse keys that are no text, and what aliases have blown up or led back to itself."""
    todo = [tree]
    for _ in range(NODES_MAX):
        if not todo:
            return
        node = todo.pop()
        if isinstance(node, dict):
            if not all(isinstance(key, str) for key in node):
                raise Invalid(name, 'expected text for every key of a mapping')
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    raise Invalid(name, f'expected a YAML mapping of at most {NODES_MAX} values')


def _document(name: str, source: str) -> object:
    try:
        return yaml.safe_load(source)
    except RecursionError as error:
        raise Invalid(name, 'expected YAML: it is nested too deeply') from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, such as 2018-13-40
        mark = getattr(error, 'problem_mark', None)
        where = f' (line {mark.line + 1}, column {mark.column + 1})' if mark else ''
        problem = getattr(error, 'problem', None) or 'cannot be read'
        raise Invalid(name, f'expected YAML: {problem}{where}') from error


def _kind(value: object) -> str:
    names = {list: 'a list', str: 'text', bool: 'a boolean', int: 'a number', float: 'a number'}
    return names.get(type(value), type(value).__name__)
