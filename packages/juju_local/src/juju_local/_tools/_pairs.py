"""key=value arguments, and files of settings."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from juju_local._tools._call import Call, FailureError, MisuseError


def parse(arguments: Iterable[str]) -> dict[str, str]:
    """Return `key=value` arguments as a mapping; a value may contain `=`."""
    pairs = {}
    for argument in arguments:
        key, equals, value = argument.partition('=')
        if not equals or not key:
            raise MisuseError(f'expected "key=value", got "{argument}"')
        pairs[key] = value
    return pairs


def from_file(call: Call) -> dict[str, str]:
    """Return the settings of --file: a YAML mapping of text to text; null is empty, numbers stay as written."""
    name = call.text('file')
    if not name:
        return {}
    try:
        data = call.caller.stdin() if name == '-' else call.caller.read(name)
        node = yaml.compose(data.decode(), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FailureError(f'cannot read settings from "{name}": {error}') from error
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise FailureError(f'cannot read settings from "{name}": expected a mapping of strings')
    return {_scalar(name, key): _scalar(name, value) for key, value in node.value}


def _scalar(name: str, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise FailureError(f'cannot read settings from "{name}": expected only strings as values')
    return '' if node.tag == 'tag:yaml.org,2002:null' else str(node.value)
