"""The version a program pretends to be. snapd tells it in SNAP_VERSION; pure but for that."""

from __future__ import annotations

import os
import re

NEWEST = 'v1.20.15'
Version = tuple[int, int]


def text() -> str:
    """Return the version as the program prints it, for instance v1.12.10."""
    return 'v' + (os.environ.get('SNAP_VERSION') or NEWEST).removeprefix('v')


def parse(version: str) -> Version:
    """Return (major, minor); (0, 0) for a text without two numbers."""
    found = re.search(r'(\d+)\.(\d+)', version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def is_within(version: Version, first: str, last: str) -> bool:
    """Tell whether a version lies in a span; '' leaves an end open."""
    return (not first or version >= parse(first)) and (not last or version <= parse(last))
