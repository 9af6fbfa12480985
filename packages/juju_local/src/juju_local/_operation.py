"""What the resolver tells the engine to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from juju_local._state import Hook


@dataclass(frozen=True)
class Operation:
    """One thing for the engine to do for a unit.

    `upgrade` is to put the charm `charm_url` in place of the old one, `die` to take what the unit left on its machine
    away (commit removes it from the model); `action` and `command` name an entity of `model.actions`.
    """

    unit: str
    kind: Literal['hook', 'action', 'command', 'upgrade', 'die']
    hook: Hook | None = None
    action: str = ''
    charm_url: str = ''
    charm_modified: int = 0
