"""The output formats of hook tools: smart, json and yaml as Juju prints them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml


def formatted(value: object, form: str, *, newline: bool = True) -> bytes:
    """Return what a reader prints. Smart prints nothing for nothing, and nothing at all for an empty string."""
    value = plain(value)
    text = {'json': _json, 'yaml': _yaml, 'smart': _smart}[form](value)
    if not newline:
        text = text.removesuffix('\n')
    return text.encode()


def plain(value: object) -> object:
    """Return a value as Go would print it: a float without a fraction is written as an integer."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _json(value: object) -> str:
    return json.dumps(value, separators=(',', ':'), sort_keys=True, ensure_ascii=False, default=str) + '\n'


def _yaml(value: object) -> str:
    if value is None:
        return ''
    text: str = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, width=2**20)
    return text.removesuffix('...\n')


def _smart(value: object) -> str:
    if value is None or value == '' or value == []:
        return ''
    if isinstance(value, str):
        return value + '\n'
    if isinstance(value, bool):
        return f'{value}\n'
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return '\n'.join(value) + '\n'
    return _yaml(value)
