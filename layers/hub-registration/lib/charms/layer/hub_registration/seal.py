"""The door to the key that a hub seals its answer to: this unit's own."""

from __future__ import annotations

from collections.abc import Callable

from charms.layer.kubernetes_common import files

from . import FOLDER

KEY = f'{FOLDER}/seal.key'


def key(new: Callable[[], str]) -> str:
    """Return the key, made with `new` when there is none."""
    known = files.read(KEY)
    if not known:
        known = new()
        files.write(KEY, known)
    return known
