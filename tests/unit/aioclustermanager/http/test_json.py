"""JSON with and without orjson."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from aioclustermanager._http import _json
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope='module')
def plain() -> ModuleType:
    """The module as it is where orjson is not installed."""
    spec = importlib.util.spec_from_file_location('plain_json', _json.__file__)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, 'orjson', None)
        spec.loader.exec_module(module)
    return module


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=['Cs'])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=['Cs'])), inner),
    max_leaves=10,
)  # fmt: skip


@given(VALUES)
def test_both_ways_write_what_both_ways_read_as_the_same(plain: ModuleType, value: object) -> None:
    for text in (plain.dumps(value), _json.dumps(value)):
        assert isinstance(text, bytes)
        assert plain.loads(text) == _json.loads(text) == _json.loads(bytearray(text)) == value


@pytest.mark.parametrize('text', [b'', b'{', b'{"a":1', b'\xff'])
def test_what_is_no_json_is_a_value_error_either_way(plain: ModuleType, text: bytes) -> None:
    for loads in (plain.loads, _json.loads):
        with pytest.raises(ValueError):
            loads(text)
