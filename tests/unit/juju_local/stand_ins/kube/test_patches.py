from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _patches

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab/~', min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text('abc', min_size=1, max_size=2), VALUES, max_size=4)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


@given(DOCUMENTS, DOCUMENTS)
def test_a_merge_patch_applied_twice_is_applied_once(target: Any, patch: Any) -> None:
    once = _patches.merge(target, patch)
    assert _patches.merge(once, patch) == once


@given(DOCUMENTS, DOCUMENTS)
def test_patches_leave_their_arguments_alone(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    _patches.merge(target, patch)
    _patches.strategic(target, patch)
    assert (target, patch) == before


@given(DOCUMENTS)
def test_a_merge_patch_onto_nothing_is_the_patch_without_its_nulls(patch: Any) -> None:
    assert _patches.merge({}, patch) == without_nulls(patch)


@given(DOCUMENTS, st.text('ab/~', min_size=1, max_size=3), VALUES)
def test_what_a_json_patch_adds_it_can_test_and_remove(document: Any, key: str, value: Any) -> None:
    document.pop(key, None)
    path = '/' + key.replace('~', '~0').replace('/', '~1')
    added = _patches.json_patch(document, [{'op': 'add', 'path': path, 'value': value}])
    assert added == {**document, key: value}
    operations = [{'op': 'test', 'path': path, 'value': value}, {'op': 'remove', 'path': path}]
    assert _patches.json_patch(added, operations) == document


@pytest.mark.parametrize(
    ('operations', 'expected'),
    [
        ([{'op': 'add', 'path': '/l/-', 'value': 3}], {'l': [1, 2, 3]}),
        ([{'op': 'add', 'path': '/l/0', 'value': 0}], {'l': [0, 1, 2]}),
        ([{'op': 'replace', 'path': '/l/1', 'value': 9}], {'l': [1, 9]}),
        ([{'op': 'move', 'from': '/l', 'path': '/m'}], {'m': [1, 2]}),
        ([{'op': 'copy', 'from': '/l/0', 'path': '/m'}], {'l': [1, 2], 'm': 1}),
    ],
)
def test_json_patch_operations(operations: Any, expected: Any) -> None:
    assert _patches.json_patch({'l': [1, 2]}, operations) == expected


@pytest.mark.parametrize(
    'operation',
    [
        {'op': 'remove', 'path': '/none'},
        {'op': 'replace', 'path': '/none', 'value': 1},
        {'op': 'add', 'path': '/l/9', 'value': 1},
        {'op': 'add', 'path': '/none/deep', 'value': 1},
        {'op': 'test', 'path': '/l', 'value': []},
        {'op': 'dance', 'path': '/l'},
    ],
    ids=str,
)
def test_a_json_patch_that_cannot_be_applied_is_refused(operation: Any) -> None:
    with pytest.raises(_patches.PatchError):
        _patches.json_patch({'l': [1, 2]}, [operation])


def containers(*names: str) -> list[dict[str, str]]:
    return [{'name': name, 'image': f'{name}:1'} for name in names]


@pytest.mark.parametrize(
    ('patch', 'expected'),
    [
        ({'containers': [{'name': 'a', 'image': 'a:2'}]}, {'a': 'a:2', 'b': 'b:1'}),
        ({'containers': [{'name': 'c', 'image': 'c:1'}]}, {'a': 'a:1', 'b': 'b:1', 'c': 'c:1'}),
        ({'containers': [{'name': 'a', '$patch': 'delete'}]}, {'b': 'b:1'}),
        ({'containers': [{'$patch': 'replace'}, {'name': 'z', 'image': 'z:1'}]}, {'z': 'z:1'}),
        ({'$setElementOrder/containers': [{'name': 'b'}, {'name': 'a'}]}, {'b': 'b:1', 'a': 'a:1'}),
    ],
    ids=str,
)
def test_a_strategic_patch_knows_containers_by_name(patch: Any, expected: dict[str, str]) -> None:
    result = _patches.strategic({'containers': containers('a', 'b')}, patch)['containers']
    assert list({item['name']: item['image'] for item in result}.items()) == list(expected.items())


def test_a_strategic_patch_replaces_lists_without_a_key() -> None:
    target = {'taints': [{'key': 'a'}], 'args': ['1', '2']}
    assert _patches.strategic(target, {'taints': [{'key': 'b'}], 'args': ['3']}) == {
        'taints': [{'key': 'b'}],
        'args': ['3'],
    }


def test_a_strategic_patch_merges_and_prunes_lists_of_plain_values() -> None:
    target = {'finalizers': ['a', 'b']}
    assert _patches.strategic(target, {'finalizers': ['c']})['finalizers'] == ['a', 'b', 'c']
    assert _patches.strategic(target, {'$deleteFromPrimitiveList/finalizers': ['a']})['finalizers'] == ['b']
