"""Names that people can say."""

from __future__ import annotations

import random
import string

VOWELS = 'aeiou'
CONSONANTS = ''.join(sorted(set(string.ascii_lowercase) - set(VOWELS)))


def generate_word(length: int, seed: str | None = None) -> str:
    """Return a pronounceable word; with a seed, always the same for it."""
    # No secret: where two words must not be equal by chance, the server refuses the second.
    chance = random.Random(seed)  # noqa: S311
    return ''.join(chance.choice(VOWELS if index % 2 else CONSONANTS) for index in range(length))
