"""One call of a hook tool, and the two ways in which it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from juju_local._context import HookContext
from juju_local._state import Charm, Model, Unit


class Caller(Protocol):
    """What a tool may ask of the process that called it."""

    def stdin(self) -> bytes: ...

    def read(self, path: str) -> bytes:
        """Return a file, relative to the caller's working directory. Raises OSError."""


@dataclass(frozen=True)
class Output:
    """What the tool prints; `files` are to be written relative to the caller's working directory (-o FILE)."""

    code: int
    stdout: bytes = b''
    stderr: bytes = b''
    files: Mapping[str, bytes] = field(default_factory=dict)


class MisuseError(Exception):
    """Wrong flags or arguments: exit code 2."""


class FailureError(Exception):
    """The run failed: exit code 1."""


@dataclass
class Call:
    """The parsed call; flags by their long name, absent ones not in the mapping."""

    model: Model
    context: HookContext
    tool: str
    flags: Mapping[str, str | bool]
    arguments: list[str]
    caller: Caller
    now: float
    notes: list[str] = field(default_factory=list)  # for stderr, though the tool succeeds

    @property
    def unit(self) -> Unit:
        return self.model.units[self.context.unit]

    @property
    def charm(self) -> Charm:
        """The charm that runs: a unit that has not upgraded yet still has the old one."""
        return self.model.charms.get(self.unit.agent.charm_url) or self.model.charm_of(self.context.app)

    def text(self, flag: str) -> str:
        return str(self.flags.get(flag, ''))

    def switch(self, flag: str) -> bool:
        return bool(self.flags.get(flag, False))

    def argument(self, position: int, default: str = '') -> str:
        return self.arguments[position] if position < len(self.arguments) else default
