"""Graphics cards: what counts as one, and what its driver says. Computing only."""

from __future__ import annotations

import re

# `lspci -n`: address, class, vendor and device in hexadecimal digits. Class 03 is a display controller: NVIDIA makes
# audio, network and bridge devices as well, and other vendors make display controllers.
NVIDIA_CARD = re.compile(r'^\S+ 03[0-9a-f]{2}: 10de:', re.MULTILINE)


def has_nvidia(listing: str) -> bool:
    """Tell whether the output of `lspci -n` has a graphics card of NVIDIA's."""
    return NVIDIA_CARD.search(listing) is not None


def answers(listing: str) -> bool:
    """Tell whether the output of `nvidia-smi --list-gpus` has a card; without its driver there is none in it."""
    return re.search(r'^GPU \d+:', listing, re.MULTILINE) is not None
