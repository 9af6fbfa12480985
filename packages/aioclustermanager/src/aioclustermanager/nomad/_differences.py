"""What changed between two lists of the same objects. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

K = TypeVar('K', bound=Hashable)
Kind = Literal['added', 'modified', 'deleted']


@dataclass(frozen=True)
class Change:
    """`object` as it is now; a deleted one as it was last seen."""

    kind: Kind
    object: Any


def differences(before: Mapping[K, Any], after: Mapping[K, Any]) -> list[Change]:
    """Return the changes that lead from one state to the other, deletions first; equal objects are none."""
    changes = [Change('deleted', before[key]) for key in before if key not in after]
    for key, found in after.items():
        if key not in before:
            changes.append(Change('added', found))
        elif before[key] != found:
            changes.append(Change('modified', found))
    return changes
