"""Parameters of an action against its JSON schema, as far as actions.yaml uses one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TYPES: dict[str, Callable[[object], bool]] = {
    'string': lambda value: isinstance(value, str),
    'integer': lambda value: isinstance(value, int) and not isinstance(value, bool),
    'number': lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    'boolean': lambda value: isinstance(value, bool),
    'array': lambda value: isinstance(value, list),
    'object': lambda value: isinstance(value, dict),
    'null': lambda value: value is None,
}


def checked(action: Mapping[str, Any], params: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters with the schema's defaults filled in. Raises ValueError with the first mismatch."""
    schema = {
        'type': 'object',
        'properties': action.get('params') or {},
        'required': action.get('required') or [],
        'additionalProperties': action.get('additionalProperties', True),
    }
    return dict(_value('(root)', schema, dict(params)))


def _value(where: str, schema: Mapping[str, Any], value: Any) -> Any:
    kinds = schema.get('type', [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(kind not in TYPES or TYPES[kind](value) for kind in kinds):
        raise ValueError(f'{where}: must be of type {" or ".join(kinds)}, given {value!r}')
    if 'enum' in schema and value not in schema['enum']:
        raise ValueError(f'{where}: must be one of {schema["enum"]!r}, given {value!r}')
    if TYPES['number'](value):
        _bounds(where, schema, value)
    if isinstance(value, dict):
        return _object(where, schema, value)
    if isinstance(value, list) and isinstance(schema.get('items'), dict):
        return [_value(f'{where}.{index}', schema['items'], item) for index, item in enumerate(value)]
    return value


def _bounds(where: str, schema: Mapping[str, Any], value: float) -> None:
    if 'minimum' in schema and value < schema['minimum']:
        raise ValueError(f'{where}: must be greater than or equal to {schema["minimum"]}, given {value!r}')
    if 'maximum' in schema and value > schema['maximum']:
        raise ValueError(f'{where}: must be less than or equal to {schema["maximum"]}, given {value!r}')


def _object(where: str, schema: Mapping[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get('properties') or {}
    filled = {key: part['default'] for key, part in properties.items() if isinstance(part, dict) and 'default' in part}
    filled |= value
    for key in schema.get('required') or []:
        if key not in filled:
            raise ValueError(f'{where}: "{key}" property is missing and required')
    if schema.get('additionalProperties') is False and (extra := sorted(set(filled) - set(properties))):
        raise ValueError(f'{where}: additional property "{extra[0]}" is not allowed, given {filled[extra[0]]!r}')
    prefix = '' if where == '(root)' else f'{where}.'
    return {key: _value(f'{prefix}{key}', properties.get(key) or {}, item) for key, item in filled.items()}
