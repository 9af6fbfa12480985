"""The unit's status: one pure function over facts, the first reason wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from charms.layer.kubernetes_common.options import Fault

from . import problems, readiness
from .facts import Facts

State = Literal['blocked', 'waiting', 'maintenance', 'active']
RUNNING = 'Kubernetes worker running.'
LENGTH = 250  # longer texts only hide their end in `juju status`


@dataclass(frozen=True)
class Status:
    state: State
    message: str


@dataclass(frozen=True)
class Observed:
    """What the hook has done and seen, beyond the facts that decide the daemons."""

    failures: Sequence[str] = ()  # what was tried and is tried again: snapd, apt
    resource: str = ''  # what is wrong with the CNI resource
    upgrade: str = ''  # what an upgrade would bring
    inactive: Sequence[str] = ()
    later: Sequence[str] = ()  # what beside the daemons was tried in vain: logins, ingress
    notes: Sequence[str] = ()  # what an operator should know while all runs
    labels_invalid: Sequence[tuple[str, str]] = ()  # item and reason
    labels_waiting: str = ''
    paused: bool = False


def status(facts: Facts, observed: Observed, app: str) -> Status:
    """Return the one status that the unit shows."""
    found = _reason(facts, observed, app)
    if observed.paused and found.state == 'active':
        found = Status('maintenance', 'Paused: node cordoned and drained, run action resume to go on')
    elif observed.paused:
        found = Status(found.state, f'Paused; {found.message}')
    return Status(found.state, _cut(found.message))


def _reason(facts: Facts, observed: Observed, app: str) -> Status:
    return (
        _failed(observed)
        or _missing(facts, app)
        or _options(facts, observed)
        or _daemons(observed)
        or _labels(observed)
        or _later(observed)
        or _upgrade(observed)
        or Status('active', _running(observed))
    )


def _failed(observed: Observed) -> Status | None:
    if observed.failures:
        return Status('waiting', f'Will try again: {observed.failures[0]}')
    return Status('blocked', observed.resource) if observed.resource else None


def _missing(facts: Facts, app: str) -> Status | None:
    lack = readiness.missing(facts, app)
    return Status(lack.state, lack.message) if lack else None


def _options(facts: Facts, observed: Observed) -> Status | None:
    wrong = [*facts.problems, *(Fault('labels', reason, (item,)) for item, reason in observed.labels_invalid)]
    return Status('blocked', problems.named(wrong)) if wrong else None


def _daemons(observed: Observed) -> Status | None:
    if not observed.inactive:
        return None
    unit = f'snap.{observed.inactive[0]}.daemon'
    return Status('waiting', f'Waiting for {",".join(observed.inactive)} to start, see journalctl -u {unit}')


def _labels(observed: Observed) -> Status | None:
    return Status('waiting', observed.labels_waiting) if observed.labels_waiting else None


def _later(observed: Observed) -> Status | None:
    return Status('waiting', f'Will try again: {observed.later[0]}') if observed.later else None


def _upgrade(observed: Observed) -> Status | None:
    if not observed.upgrade:
        return None
    return Status('blocked', f'Needs manual upgrade to {observed.upgrade}: run action upgrade')


def _running(observed: Observed) -> str:
    return ' '.join([RUNNING, *observed.notes])


def _cut(text: str) -> str:
    return text if len(text) <= LENGTH else f'{text[: LENGTH - 3]}...'
