"""The output formats of hook tools: smart, json and yaml as Juju prints them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes text with unusual line breaks in double quotes: PyYAML loses a NEL in single ones."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    unusual = any(mark in text for mark in '\x85\u2028\u2029')
    return dumper.represent_scalar('tag:yaml.org,2002:str', text, style='"' if unusual else None)


_Dumper.add_representer(str, _text)


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
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=2**20)
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
