"""The ways to patch an object: JSON patch, merge patch, strategic merge patch. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

Json = Any


class PatchError(ValueError):
    """The patch cannot be applied; the text says which step and why."""


def merge(target: Json, patch: Json) -> Json:
    """Apply a JSON merge patch (RFC 7386): null removes, mappings merge, anything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


# Lists that are merged item by item, and the field that tells items apart (patchMergeKey in the Go types). `.` for a
# list of plain values. Where a list has different keys in different objects, the parent's name decides.
MERGE_KEYS: dict[str, str] = {
    'containers': 'name', 'initContainers': 'name', 'ephemeralContainers': 'name', 'volumes': 'name', 'env': 'name',
    'volumeMounts': 'mountPath', 'volumeDevices': 'devicePath', 'imagePullSecrets': 'name', 'hostAliases': 'ip',
    'conditions': 'type', 'addresses': 'type', 'ownerReferences': 'uid', 'finalizers': '.', 'podCIDRs': '.',
    'topologySpreadConstraints': 'topologyKey', 'taints': 'key',
}  # fmt: skip
_ATOMIC = {'taints'}  # taints have patchMergeKey in no version: the list is replaced


def _merge_key(parent: str, name: str) -> str | None:
    if name == 'ports':
        return 'containerPort' if parent in ('containers', 'initContainers') else 'port' if parent == 'spec' else None
    if name == 'secrets':
        return 'name' if parent == '' else None
    return None if name in _ATOMIC else MERGE_KEYS.get(name)


def strategic(target: Json, patch: Json, parent: str = '') -> Json:
    """Apply a strategic merge patch, with its directives ($patch, $setElementOrder, $deleteFromPrimitiveList ...)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get('$patch')
    if directive == 'replace':
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != '$patch'}
    if directive == 'delete':
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if '$retainKeys' in patch:
        result = {key: value for key, value in result.items() if key in patch['$retainKeys']}
    for key, value in patch.items():
        if key.startswith('$deleteFromPrimitiveList/'):
            name = key.partition('/')[2]
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif not key.startswith('$'):
            _strategic_field(result, key, value, parent)
    for key, order in patch.items():
        if key.startswith('$setElementOrder/'):
            _reorder(result, key.partition('/')[2], order, parent)
    return result


def _strategic_field(result: dict[str, Json], key: str, value: Json, parent: str) -> None:
    if value is None:
        result.pop(key, None)
    elif isinstance(value, list):
        merge_key = _merge_key(parent, key)
        old = result.get(key)
        if merge_key and isinstance(old, list):
            result[key] = _merge_lists(old, value, merge_key, key)
        else:
            result[key] = [_clean(item) for item in value if not _is_delete(item)]
    elif isinstance(value, dict):
        result[key] = strategic(result.get(key), value, key)
    else:
        result[key] = value


def _is_delete(item: Json) -> bool:
    return isinstance(item, dict) and item.get('$patch') in ('delete', 'replace') and len(item) <= 2


def _clean(item: Json) -> Json:
    return strategic({}, item) if isinstance(item, dict) else item


def _merge_lists(old: list[Json], patch: list[Json], key: str, name: str) -> list[Json]:
    if key == '.':
        return [*old, *(item for item in patch if item not in old)]
    if any(isinstance(item, dict) and item.get('$patch') == 'replace' for item in patch):
        return [_clean(item) for item in patch if item.get('$patch') != 'replace']
    result = list(old)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise PatchError(f'map: {item} does not contain declared merge key: {key}')
        at = next((index for index, other in enumerate(result) if other.get(key) == item[key]), None)
        if item.get('$patch') == 'delete':
            result = [other for other in result if other.get(key) != item[key]]
        elif at is None:
            result.append(_clean(item))
        else:
            result[at] = strategic(result[at], item, name)
    return result


def _reorder(result: dict[str, Json], name: str, order: list[Json], parent: str) -> None:
    key, items = _merge_key(parent, name), result.get(name)
    if not isinstance(items, list) or not key:
        return
    wanted = [item if key == '.' else item.get(key) for item in order]

    def rank(item: Json) -> int:
        value = item if key == '.' else item.get(key)
        return wanted.index(value) if value in wanted else len(wanted)

    result[name] = sorted(items, key=rank)


def json_patch(target: Json, operations: Json) -> Json:
    """Apply a JSON patch (RFC 6902)."""
    if not isinstance(operations, list):
        raise PatchError('json: cannot unmarshal object into Go value of type jsonpatch.Patch')
    document = copy.deepcopy(target)
    for operation in operations:
        document = _apply(document, operation)
    return document


def _apply(document: Json, operation: dict[str, Json]) -> Json:
    kind = operation.get('op')
    step = _OPERATIONS.get(str(kind))
    if step is None or 'path' not in operation:
        raise PatchError(f'Unexpected kind: {kind}')
    return step(document, operation)


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith('/'):
        raise PatchError(f'jsonpatch path {pointer!r} does not begin with a slash')
    return [step.replace('~1', '/').replace('~0', '~') for step in pointer.split('/')[1:]]


def _index(container: list[Json], step: str, *, end: bool = False) -> int:
    if end and step == '-':
        return len(container)
    if not step.isdigit() or int(step) > len(container) - (not end):
        raise PatchError(f'Unable to access invalid index: {step}')
    return int(step)


def _get(document: Json, pointer: str) -> Json:
    for step in _steps(pointer):
        if isinstance(document, list):
            document = document[_index(document, step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            raise PatchError(f'jsonpatch: path {pointer} does not exist: missing value')
    return document


def _add(document: Json, operation: dict[str, Json], *, replace: bool = False) -> Json:
    pointer, value = operation['path'], copy.deepcopy(operation.get('value'))
    if not pointer:
        return value
    parent, _, last = pointer.rpartition('/')
    step, container = _steps(f'/{last}')[0], _get(document, parent)
    if replace:
        _get(document, pointer)
    if isinstance(container, list):
        at = _index(container, step, end=not replace)
        container[at : at + replace] = [value]
    elif isinstance(container, dict):
        container[step] = value
    else:
        raise PatchError(f'jsonpatch: add operation does not apply: doc is missing path: {pointer}')
    return document


def _remove(document: Json, operation: dict[str, Json]) -> Json:
    pointer = operation['path']
    parent, _, last = pointer.rpartition('/')
    _get(document, pointer)
    container, step = _get(document, parent), _steps(f'/{last}')[0]
    del container[_index(container, step) if isinstance(container, list) else step]
    return document


def _move(document: Json, operation: dict[str, Json]) -> Json:
    value = _get(document, operation['from'])
    return _add(_remove(document, {'path': operation['from']}), {'path': operation['path'], 'value': value})


def _copy(document: Json, operation: dict[str, Json]) -> Json:
    return _add(document, {'path': operation['path'], 'value': _get(document, operation['from'])})


def _test(document: Json, operation: dict[str, Json]) -> Json:
    if _get(document, operation['path']) != operation.get('value'):
        raise PatchError(f'testing value {operation["path"]} failed: test failed')
    return document


_OPERATIONS: dict[str, Callable[[Json, dict[str, Json]], Json]] = {
    'add': _add,
    'remove': _remove,
    'replace': lambda document, operation: _add(document, operation, replace=True),
    'move': _move,
    'copy': _copy,
    'test': _test,
}
