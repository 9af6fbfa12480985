from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoke import _quantities

SUFFIXES = ['', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'e3', 'E-3', 'e0']
amounts = st.builds('{}{}'.format, st.integers(-(10**6), 10**6), st.sampled_from(SUFFIXES))


@pytest.mark.parametrize(
    'text, canonical',
    [
        ('1.5', '1500m'), ('2000m', '2'), ('0.1n', '1n'), ('16Gi', '16Gi'), ('16384Mi', '16Gi'), ('1000Ki', '1000Ki'),
        ('512', '512'), ('1024', '1024'), ('0.5Ki', '512'), ('1e3', '1e3'), ('12e6', '12e6'), ('1E', '1E'),
        ('4000000Ki', '4000000Ki'), ('0', '0'), ('0Gi', '0'), ('-1.5', '-1500m'), ('+3', '3'), ('.5', '500m'),
        ('1000k', '1M'), ('3.', '3'),
    ],
)  # fmt: skip
def test_a_quantity_is_written_in_its_canonical_form(text: str, canonical: str) -> None:
    assert str(_quantities.parse(text)) == canonical


@pytest.mark.parametrize('text', ['', 'one', '1 ', '1KB', '1mi', '--1', '1e', '0x10', '1e9999', '١'])
def test_what_is_no_quantity_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match='is no quantity'):
        _quantities.parse(text)


@given(amounts)
def test_the_canonical_form_is_read_as_the_same_amount_and_written_the_same_again(text: str) -> None:
    once = _quantities.parse(text)
    again = _quantities.parse(str(once))
    assert (again.nano, str(again)) == (once.nano, str(once))


@given(st.lists(amounts, min_size=1, max_size=6))
def test_a_sum_is_the_sum_of_its_amounts(texts: list[str]) -> None:
    parsed = [_quantities.parse(text) for text in texts]
    total = sum(parsed[1:], parsed[0])
    assert total.nano == sum(each.nano for each in parsed)
    assert _quantities.total({'cpu': text} for text in texts) == {'cpu': str(total)}


def test_the_first_addend_that_is_something_chooses_the_suffixes() -> None:
    total = _quantities.total([{'memory': '0'}, {'memory': '1Gi'}, {'memory': '1024M'}])
    assert total == {'memory': str(_quantities.parse('1Gi') + _quantities.parse('1024M'))}
    assert total['memory'].endswith('Ki')


def test_a_wrong_quantity_of_a_node_is_named_with_its_resource() -> None:
    with pytest.raises(ValueError, match=r"resource example\.com/gpu: 'two' is no quantity"):
        _quantities.total([{'example.com/gpu': 'two'}])


@given(st.decimals(min_value=Decimal('0'), max_value=Decimal('1e6'), places=9))
def test_nothing_down_to_a_billionth_is_lost(amount: Decimal) -> None:
    assert _quantities.parse(f'{amount:f}').nano == int(amount * 10**9)
