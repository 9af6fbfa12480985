"""Names that people can say."""

from __future__ import annotations

from aioclustermanager.utils import CONSONANTS, VOWELS, generate_word
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(min_value=0, max_value=40))
def test_a_word_takes_consonants_and_vowels_in_turn(length: int) -> None:
    word = generate_word(length)
    assert len(word) == length
    assert all(letter in (VOWELS if at % 2 else CONSONANTS) for at, letter in enumerate(word))


@given(st.text(max_size=20))
def test_a_seed_gives_the_same_word_every_time(seed: str) -> None:
    assert generate_word(10, seed) == generate_word(10, seed)


def test_another_namespace_has_another_word() -> None:
    assert generate_word(10, 'a') != generate_word(10, 'b')
