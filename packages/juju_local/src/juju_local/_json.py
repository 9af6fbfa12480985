"""Entities to JSON text and back. Computing only.

The type hints of the dataclasses in `_state` are the schema: a field that is missing takes its default, one that is not
known is an error (a database written by a newer version must not be half understood).
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping

from juju_local import _state

Decoder = Callable[[typing.Any], typing.Any]


def encode(entity: _state.Entity) -> str:
    """Return an entity as one line of JSON."""
    return json.dumps(_plain(entity), separators=(',', ':'), ensure_ascii=False)


def decode(kind: str, text: str) -> _state.Entity:
    """Return the entity that `encode` made of it; `kind` is a key of `_state.KINDS`.

    Raises:
        ValueError: the text is not JSON, or not an entity of that kind.
    """
    try:
        return typing.cast(_state.Entity, _decoder(_state.KINDS[kind])(json.loads(text)))
    except (TypeError, KeyError) as error:
        raise ValueError(f'cannot read a stored {kind}: {error}') from error


def _plain(value: object) -> object:
    cls: type = type(value)
    if dataclasses.is_dataclass(cls):
        return {name: _plain(getattr(value, name)) for name in _names(cls)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)  # a date in a charm's YAML, for one


@functools.cache
def _names(cls: typing.Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


@functools.cache
def _decoder(hint: object) -> Decoder:
    """Return a function that turns plain JSON data into a value of the hinted type."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _dataclass_decoder(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        key, item = arguments[0], _decoder(arguments[1])
        return lambda value: {key(name): item(content) for name, content in value.items()}
    if origin is list:
        item = _decoder(arguments[0])
        return lambda value: [item(content) for content in value]
    if origin is tuple:
        items = [_decoder(argument) for argument in arguments]
        return lambda value: tuple(item(content) for item, content in zip(items, value, strict=True))
    if origin in (types.UnionType, typing.Union):
        item = _decoder(next(argument for argument in arguments if argument is not type(None)))
        return lambda value: None if value is None else item(value)
    return lambda value: value


def _dataclass_decoder(cls: type) -> Decoder:
    hints = typing.get_type_hints(cls)
    items: dict[str, Decoder] = {}

    def build(value: Mapping[str, object]) -> object:
        if not items:  # late, because types may nest
            items.update({name: _decoder(hints[name]) for name in _names(cls)})
        return cls(**{name: items[name](content) for name, content in value.items()})

    return build
