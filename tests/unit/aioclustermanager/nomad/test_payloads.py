"""What is sent, and how it is known again."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from aioclustermanager.nomad import _payloads
from aioclustermanager.nomad._differences import differences
from hypothesis import given
from hypothesis import strategies as st

leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=3)


def with_defaults(value: Any) -> Any:
    """Return a value as a server keeps it: with more in each object, and null for what is empty."""
    if isinstance(value, dict):
        return {**{key: with_defaults(inner) for key, inner in value.items()}, 'ServerDefault': 1}
    if isinstance(value, list):
        return [with_defaults(inner) for inner in value] or None
    return value


@given(objects)
def test_what_the_server_made_of_a_job_contains_the_job(job: dict[str, Any]) -> None:
    assert _payloads.contains(with_defaults(job), job)


@given(objects, st.text(max_size=3), st.integers(1, 9))
def test_a_value_that_differs_is_seen(job: dict[str, Any], key: str, value: int) -> None:
    assert not _payloads.contains({**job, key: value + 1}, {**job, key: value})


def test_what_is_the_servers_own_does_not_count() -> None:
    sent = {'ID': 'a', 'Status': 'running', 'Version': 3, 'JobModifyIndex': 7, 'Constraints': [], 'Stop': False}
    assert _payloads.contains({'ID': 'a', 'Status': 'dead', 'Version': 4, 'Constraints': None}, sent)


@pytest.mark.parametrize('count', [1, 3])
def test_another_number_of_groups_is_another_job(count: int) -> None:
    assert not _payloads.contains({'TaskGroups': [{'Name': 'a'}] * count}, {'TaskGroups': [{'Name': 'a'}] * 2})


def test_a_registration_enforces_an_index_only_when_it_is_told_to() -> None:
    assert _payloads.registration({'ID': 'a'}, '', None, False) == {'Job': {'ID': 'a'}}
    assert _payloads.registration({'ID': 'a'}, 'web', 0, True) == {
        'Job': {'ID': 'a', 'Namespace': 'web'},
        'EnforceIndex': True,
        'JobModifyIndex': 0,
        'PreserveCounts': True,
    }


def test_a_payload_is_sent_in_base64_and_refused_when_it_is_too_long() -> None:
    assert base64.b64decode(_payloads.dispatch(b'\x00\xff', None)['Payload']) == b'\x00\xff'
    assert _payloads.dispatch(b'', {'a': 'b'}) == {'Meta': {'a': 'b'}}
    with pytest.raises(ValueError, match='65537 bytes: Nomad takes 65536'):
        _payloads.dispatch(b'x' * 65537, None)


maps = st.dictionaries(st.integers(0, 5), st.integers(0, 3))


@given(maps, maps)
def test_applied_differences_make_one_state_of_the_other(before: dict[int, int], after: dict[int, int]) -> None:
    told = list(before.items())
    for change in differences(
        {key: (key, value) for key, value in told}, {key: (key, value) for key, value in after.items()}
    ):
        key = change.object[0]
        told = [one for one in told if one[0] != key] + ([] if change.kind == 'deleted' else [change.object])
    assert dict(told) == after
    assert not differences(after, after)
