"""Custom resources: what a CustomResourceDefinition makes the server serve, and what its schema does to objects. Pure.

Left out: conversion between versions, printer columns, CEL rules, formats, `default` below `oneOf` and the like. A
definition of v1beta1 is kept, and read, in the words of v1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from . import _resources

Json = dict[str, Any]
STORAGE = 'customresourcedefinitions'
_KEEPS_ALL = 'preserveUnknownFields'  # at any depth
_TYPES: dict[str, type | tuple[type, ...]] = {
    'object': dict, 'array': list, 'string': str, 'integer': int, 'number': (int, float), 'boolean': bool,
}  # fmt: skip


def resources(definitions: Iterable[Json]) -> Iterator[_resources.Resource]:
    """Yield the resources that definitions make, one for each version that is served."""
    for definition in definitions:
        spec = definition['spec']
        names = spec['names']
        for version in spec.get('versions') or []:
            if version.get('served'):
                yield _resources.Resource(
                    spec['group'], version['name'], names['plural'], names['kind'], spec.get('scope') == 'Namespaced',
                    tuple(names.get('shortNames') or ()), tuple(sorted(version.get('subresources') or {})),
                    tuple(names.get('categories') or ()), f'{names["plural"]}.{spec["group"]}',
                )  # fmt: skip


def in_words_of_v1(definition: Json) -> Json:
    """Return a definition of v1beta1, where all versions may share schema and subresources, and keep unknown fields."""
    spec = {'preserveUnknownFields': True, **(definition.get('spec') or {})}
    shared = {'schema': spec.pop('validation', None), 'subresources': spec.pop('subresources', None)}
    shared = {key: value for key, value in shared.items() if value}
    name = spec.pop('version', None)
    versions = spec.get('versions') or ([{'name': name, 'served': True, 'storage': True}] if name else [])
    return {**definition, 'spec': {**spec, 'versions': [{**shared, **version} for version in versions]}}


def schema(definitions: Iterable[Json], resource: _resources.Resource) -> Json:
    """Return the schema of a custom resource, {} where there is none."""
    for definition in definitions:
        if definition['metadata']['name'] == resource.storage:
            for version in definition['spec']['versions']:
                if version['name'] == resource.version:
                    rules = dict((version.get('schema') or {}).get('openAPIV3Schema') or {})
                    keeps = definition['spec'].get('preserveUnknownFields')
                    return {**rules, _KEEPS_ALL: True} if keeps else rules
    return {}


def established(definition: Json, now: str) -> Json:
    """Return the status that the server gives a definition whose names nobody else has."""
    names = dict(definition['spec']['names'])
    names = {'listKind': f'{names["kind"]}List', 'singular': names['kind'].lower(), **names}
    conditions = [
        {'type': kind, 'status': 'True', 'reason': reason, 'message': message, 'lastTransitionTime': now}
        for kind, reason, message in (
            ('NamesAccepted', 'NoConflicts', 'no conflicts found'),
            ('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
        )
    ]
    stored = [version['name'] for version in definition['spec']['versions'] if version.get('storage')]
    return {'acceptedNames': names, 'conditions': conditions, 'storedVersions': stored}


def definition_causes(definition: Json, api_version: str) -> list[tuple[str, str]]:
    """Return what is wrong with a definition, sent in a version of its API: (field, fault)."""
    spec, name = definition.get('spec') or {}, definition['metadata']['name']
    names, versions = spec.get('names') or {}, spec.get('versions') or []
    causes = [(f'spec.{key}', 'Required value') for key in ('group', 'scope') if not spec.get(key)]
    causes += [(f'spec.names.{key}', 'Required value') for key in ('plural', 'kind') if not names.get(key)]
    if not causes and name != f'{names["plural"]}.{spec["group"]}':
        causes.append(
            ('metadata.name', f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group')
        )  # fmt: skip
    if sum(bool(version.get('storage')) for version in versions) != 1:
        causes.append(('spec.versions', 'Invalid value: must have exactly one version marked as storage version'))
    for index, version in enumerate(versions):
        if api_version == 'v1' and not (version.get('schema') or {}).get('openAPIV3Schema'):
            causes.append((f'spec.versions[{index}].schema.openAPIV3Schema', 'Required value: schemas are required'))
    return causes


def filled(rules: Json, value: Any) -> Any:
    """Return the value with what the schema says where nothing is, and without what it does not know."""
    if isinstance(value, dict):
        properties = rules.get('properties') or {}
        extra = rules.get('additionalProperties')
        keep = rules.get('x-kubernetes-preserve-unknown-fields') or not (properties or extra) or not rules
        known = {
            key: filled(properties.get(key) or (extra if isinstance(extra, dict) else {}), item)
            for key, item in value.items()
            if key in properties or extra or keep
        }
        for key, rule in properties.items():
            if key not in known and 'default' in rule:
                known[key] = filled(rule, rule['default'])
        return known
    if isinstance(value, list):
        return [filled(rules.get('items') or {}, item) for item in value]
    return value


def stored(rules: Json, obj: Json) -> Json:
    """Return an object as it is stored: its metadata is the server's, the rest the schema's."""
    if rules.get(_KEEPS_ALL):
        return obj
    envelope = {key: obj[key] for key in ('apiVersion', 'kind', 'metadata') if key in obj}
    return {**envelope, **filled(rules, {key: value for key, value in obj.items() if key not in envelope})}


def causes(rules: Json, value: Any, field: str = '') -> list[tuple[str, str]]:
    """Return how a value breaks its schema: (field, fault)."""
    if value is None:
        return [] if rules.get('nullable') or not rules.get('type') else [(field, f'Invalid value: "null": {field} in body must be of type {rules["type"]}: "null"')]  # fmt: skip  # noqa: E501
    wanted = _TYPES.get(rules.get('type', ''))
    if rules.get('x-kubernetes-int-or-string'):
        wanted = (int, str)
    if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
        shown = type(value).__name__
        return [(field, f'Invalid value: "{shown}": {field} in body must be of type {rules.get("type")}: "{shown}"')]
    found = _limit_causes(rules, value, field)
    if isinstance(value, dict):
        properties, extra = rules.get('properties') or {}, rules.get('additionalProperties')
        for key in rules.get('required') or []:
            if key not in value:
                found.append((f'{field}.{key}'.lstrip('.'), 'Required value'))
        for key, item in value.items():
            rule = properties.get(key) or (extra if isinstance(extra, dict) else {})
            found += causes(rule, item, f'{field}.{key}'.lstrip('.'))
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += causes(rules.get('items') or {}, item, f'{field}[{index}]')
    return found


def _limit_causes(rules: Json, value: Any, field: str) -> list[tuple[str, str]]:
    found = []
    if 'enum' in rules and value not in rules['enum']:
        known = ', '.join(f'"{each}"' for each in rules['enum'])
        found.append((field, f'Unsupported value: "{value}": supported values: {known}'))
    if isinstance(value, str):
        if len(value) > rules.get('maxLength', len(value)) or len(value) < rules.get('minLength', 0):
            found.append((field, f'Invalid value: "{value}": {field} in body has {len(value)} characters'))
        if 'pattern' in rules and not re.search(rules['pattern'], value):
            found.append((field, f'Invalid value: "{value}": {field} in body should match \'{rules["pattern"]}\''))
    return found
