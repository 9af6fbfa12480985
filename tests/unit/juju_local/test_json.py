"""Entities survive being stored."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local import _json, _state

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def entities(kind: str) -> st.SearchStrategy[_state.Entity]:
    st.register_type_strategy(object, json_values)
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    return st.from_type(_state.KINDS[kind])


@pytest.mark.parametrize('kind', sorted(_state.KINDS))
def test_every_entity_is_the_same_after_a_round_trip(kind):
    @settings(max_examples=25, deadline=None)
    @given(entities(kind))
    def check(entity):
        assert _json.decode(kind, _json.encode(entity)) == entity

    check()


def test_keys_of_relations_are_numbers_again():
    unit = _state.Unit('a/0', 'a', '0')
    unit.agent.relations[3] = _state.RelationLocal(members={'b/0': 2})
    again = _json.decode('unit', _json.encode(unit))
    assert isinstance(again, _state.Unit)
    assert again.agent.relations[3].members == {'b/0': 2}


def test_a_field_from_the_future_is_refused_by_name():
    with pytest.raises(ValueError, match=r'cannot read a stored machine: .*colour'):
        _json.decode('machine', '{"id": "0", "series": "jammy", "hostname": "h", "colour": "red"}')


def test_a_field_that_is_missing_takes_its_default():
    assert _json.decode('bag', '{}') == _state.Bag()
