from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _selectors

KEYS = st.sampled_from(['a', 'b', 'example.com/c', 'd-e_f'])
WORDS = st.sampled_from(['', 'x', 'y', '1'])
LABELS = st.dictionaries(KEYS, WORDS)


@given(KEYS, WORDS, LABELS)
def test_equality_and_its_negation_split_all_objects(key: str, value: str, labels: dict[str, str]) -> None:
    same = _selectors.matches(_selectors.parse_labels(f'{key}={value}'), labels)
    other = _selectors.matches(_selectors.parse_labels(f'{key}!={value}'), labels)
    assert same is not other
    assert same is (labels.get(key) == value)


@given(KEYS, st.lists(WORDS, min_size=1), LABELS)
def test_in_and_notin_split_all_objects(key: str, values: list[str], labels: dict[str, str]) -> None:
    inside = _selectors.matches(_selectors.parse_labels(f'{key} in ({", ".join(values)})'), labels)
    outside = _selectors.matches(_selectors.parse_labels(f'{key} notin ({",".join(values)})'), labels)
    assert inside is not outside


@given(st.dictionaries(KEYS, WORDS, min_size=1), LABELS)
def test_an_object_selector_says_the_same_as_its_text(wanted: dict[str, str], labels: dict[str, str]) -> None:
    text = ','.join(f'{key}={value}' for key, value in wanted.items())
    parsed = _selectors.parse_labels(text)
    assert _selectors.matches(parsed, labels) is _selectors.matches(
        _selectors.from_object({'matchLabels': wanted}), labels
    )


def test_an_empty_selector_matches_all_and_a_missing_one_nothing() -> None:
    assert _selectors.matches(_selectors.from_object({}), {'a': 'b'})
    assert not _selectors.matches(_selectors.from_object(None), {'a': 'b'})


@pytest.mark.parametrize('text', ['a b', 'a in', 'a in (', '=b', 'a=b=c', '!'])
def test_a_selector_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(_selectors.SelectorError):
        _selectors.parse_labels(text)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        _selectors.parse_labels(text)
        _selectors.parse_fields(text, 'pods')
    except _selectors.SelectorError:
        pass


def test_fields_compare_as_text() -> None:
    node = {'spec': {'unschedulable': True}, 'metadata': {'name': 'n'}}
    assert _selectors.matches_fields(_selectors.parse_fields('spec.unschedulable=true', 'nodes'), node)
    assert _selectors.matches_fields(_selectors.parse_fields('spec.nodeName=', 'pods'), {'spec': {}})
