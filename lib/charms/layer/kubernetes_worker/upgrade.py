"""Whether the snaps are installed now, later on the operator's word, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Step(Enum):
    NOTHING = 'nothing'
    INSTALL = 'install'
    ASK = 'ask'


def step(wanted: Mapping[str, str], installed: Mapping[str, str], *, manual: bool, requested: bool) -> Step:
    """Return what to do about the snaps.

    Args:
        wanted: snap to source (channel or checksum of a file).
        installed: snap to the source it came from; '' or absent when it is not installed by this charm.
        manual: option require-manual-upgrade.
        requested: the operator ran the upgrade action.
    """
    if all(installed.get(snap) == source for snap, source in wanted.items()):
        return Step.NOTHING
    first = any(not installed.get(snap) for snap in wanted)
    return Step.INSTALL if first or requested or not manual else Step.ASK
