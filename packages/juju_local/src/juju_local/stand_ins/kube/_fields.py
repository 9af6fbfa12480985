"""The fields of configuration files, from tables: path, type in Go, first and last version. Reads those tables only."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import _version


def misfits(config: Any, table: str, version: _version.Version) -> Iterator[tuple[str, Any, str]]:
    """Yield each field whose value is of another type than the field: its path, the value, the type in Go."""
    for name, go in fields(table, version).items():
        value = config
        for step in name.split('.'):
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None and not _fits(value, go):
            yield name, value, go


@functools.cache
def fields(table: str, version: _version.Version) -> Mapping[str, str]:
    """Return the fields that this version has, by their dotted path: their types in Go."""
    found = {}
    for line in Path(__file__).with_name(table).read_text(encoding='utf-8').splitlines():
        if not line.startswith('#'):
            name, go, first, last = line.split('\t')
            since = '' if first.startswith('<=') else first.strip('-')
            if _version.is_within(version, since, last.strip('-')):
                found[name] = go
    return found


_DURATION = re.compile(r'[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)', re.ASCII)


def _fits(value: Any, go: str) -> bool:
    go = go.lstrip('*')
    if go.startswith('[]'):
        return isinstance(value, list) and all(item is None or _fits(item, go[2:]) for item in value)
    if go.startswith('map[string]'):
        return isinstance(value, dict) and all(_fits(item, go[11:]) for item in value.values())
    if go == 'bool':
        return isinstance(value, bool)
    if go.startswith(('int', 'uint')):
        return isinstance(value, int) and not isinstance(value, bool)
    if go.startswith('float'):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if go in ('string', 'ProxyMode', 'LocalMode'):
        return isinstance(value, str)
    if go.endswith('Duration'):
        return isinstance(value, str) and bool(_DURATION.fullmatch(value))
    return True


def json_kind(value: Any) -> str:
    """Return what Go's decoder calls a value."""
    kinds = {bool: 'bool', int: 'number', float: 'number', str: 'string', list: 'array', dict: 'object'}
    return kinds.get(type(value), 'string')
