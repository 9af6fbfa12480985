"""Reads a charm directory into a `Charm`, and refuses a bad one by file and reason. Reads files, changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from juju_local import _options
from juju_local._errors import Refused
from juju_local._state import Charm, Endpoint

NAME = re.compile(r'[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*')
ROLES: tuple[tuple[str, Literal['provider', 'requirer', 'peer']], ...] = (
    ('provides', 'provider'),
    ('requires', 'requirer'),
    ('peers', 'peer'),
)
IMPLICIT = Endpoint('juju-info', 'provider', 'juju-info', implicit=True)
DEFAULT_SERIES = 'jammy'


class BadCharm(Refused):
    """A charm's own files contradict themselves or the format."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f'cannot read charm: {file}: {reason}', 'mend the charm and build it again')


def load(directory: Path) -> Charm:
    """Return the charm in a directory, as yet without a place in a model (url, revision: `_plan.add_charm`)."""
    path = directory / 'metadata.yaml'
    metadata = _mapping(path)
    if metadata is None:
        raise BadCharm(path, 'there is no such file, so this is no charm (was it built?)')
    name = metadata.get('name')
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadCharm(path, f'name: expected lower-case letters, digits and dashes, got {name!r}')
    endpoints = _endpoints(path, metadata)
    subordinate = bool(metadata.get('subordinate', False))
    if subordinate and not any(end.scope == 'container' and end.role == 'requirer' for end in endpoints.values()):
        raise BadCharm(path, f'subordinate charm {name} lacks a requires endpoint with scope: container')
    return Charm(
        url='',
        name=name,
        revision=_revision(directory),
        directory='',
        subordinate=subordinate,
        series=_series(path, metadata),
        endpoints=endpoints,
        options=_config_options(directory / 'config.yaml'),
        actions=_actions(directory / 'actions.yaml'),
        resources=_resources(path, metadata),
        extra_bindings=sorted(_section(path, metadata, 'extra-bindings')),
        storage=_section(path, metadata, 'storage'),
        summary=str(metadata.get('summary', '')),
        version=_first_line(directory / 'version'),
    )


def _mapping(path: Path) -> dict[str, Any] | None:
    try:
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadCharm(path, ' '.join(str(error).split())) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BadCharm(path, f'expected a mapping, got {type(data).__name__}')
    return {str(key): value for key, value in data.items()}


def _section(path: Path, data: Mapping[str, Any], key: str) -> dict[str, Any]:
    section = data.get(key)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise BadCharm(path, f'{key}: expected a mapping, got {type(section).__name__}')
    return {str(name): value for name, value in section.items()}


def _endpoints(path: Path, metadata: Mapping[str, Any]) -> dict[str, Endpoint]:
    found: dict[str, Endpoint] = {}
    for section, role in ROLES:
        for name, body in _section(path, metadata, section).items():
            if name in found:
                raise BadCharm(path, f'{section}: {name}: an endpoint of this name stands elsewhere too')
            found[name] = _endpoint(path, f'{section}: {name}', name, role, body)
    if IMPLICIT.name not in found:
        found[IMPLICIT.name] = IMPLICIT
    return found


def _endpoint(path: Path, where: str, name: str, role: Literal['provider', 'requirer', 'peer'], body: Any) -> Endpoint:
    data = {'interface': body} if isinstance(body, str) else body
    if not isinstance(data, dict) or not isinstance(data.get('interface'), str):
        raise BadCharm(path, f'{where}: expected an interface, got {body!r}')
    scope = data.get('scope') or 'global'
    if scope not in ('global', 'container'):
        raise BadCharm(path, f'{where}: scope: expected global or container, got {scope!r}')
    if name.startswith('juju-') and role != 'requirer':
        raise BadCharm(path, f'{where}: names that begin with juju- are reserved')
    return Endpoint(name, role, data['interface'], 'container' if scope == 'container' else 'global')


def _series(path: Path, metadata: Mapping[str, Any]) -> str:
    series = metadata.get('series') or [DEFAULT_SERIES]
    if isinstance(series, str):
        return series
    if not isinstance(series, list) or not all(isinstance(name, str) for name in series):
        raise BadCharm(path, f'series: expected a list of names, got {series!r}')
    return DEFAULT_SERIES if DEFAULT_SERIES in series else str(series[0])


def _config_options(path: Path) -> dict[str, dict[str, object]]:
    options: dict[str, dict[str, object]] = {}
    for name, body in _section(path, _mapping(path) or {}, 'options').items():
        if not isinstance(body, dict) or body.get('type', 'string') not in _options.TYPES:
            raise BadCharm(path, f'options: {name}: type: expected one of {", ".join(_options.TYPES)}, got {body!r}')
        option = {'type': body.get('type', 'string'), 'description': str(body.get('description', ''))}
        try:
            option['default'] = _options.typed(name, option, body.get('default'))
        except Refused as error:
            raise BadCharm(path, f'options: {name}: default: {error.message}') from error
        options[name] = option
    return options


def _actions(path: Path) -> dict[str, dict[str, object]]:
    actions = {}
    for name, body in (_mapping(path) or {}).items():
        if body is not None and not isinstance(body, dict):
            raise BadCharm(path, f'{name}: expected a mapping, got {body!r}')
        actions[name] = dict(body or {})
    return actions


def _resources(path: Path, metadata: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    resources = _section(path, metadata, 'resources')
    for name, body in resources.items():
        if not isinstance(body, dict) or (body.get('type', 'file') == 'file' and not body.get('filename')):
            raise BadCharm(path, f'resources: {name}: expected type: file and a filename, got {body!r}')
    return resources


def _revision(directory: Path) -> int:
    text = _first_line(directory / 'revision')
    return int(text) if text.isdecimal() else 0


def _first_line(path: Path) -> str:
    try:
        return path.read_text().partition('\n')[0].strip()
    except (OSError, UnicodeDecodeError):
        return ''
