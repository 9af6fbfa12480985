"""Which entities the patterns of `juju status PATTERN...` leave."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from juju_local import _status
from juju_local._format._text import ports
from juju_local._state import Application, Model, Unit


def select(model: Model, patterns: Sequence[str]) -> set[str] | None:
    """Return the names of the units and applications, and `machine N`, that match; None when there is no pattern.

    A pattern (`*` and `?` allowed) is matched against a unit's name, application, machine, workload and agent status,
    address and ports, and against an application's name and `exposed`. A unit brings its principal, its subordinates,
    its application and its machine along.
    """
    if not patterns:
        return None
    patterns = [pattern.lower() for pattern in patterns]
    units = [unit for unit in model.units.values() if _matches(patterns, _unit_words(model, unit))]
    named = {app.name for app in model.applications.values() if _matches(patterns, _application_words(app))}
    units += [unit for unit in model.units.values() if unit.app in named]
    tops = {unit.principal or unit.name for unit in units}
    kept = [unit for unit in model.units.values() if unit.name in tops or unit.principal in tops]
    machines = [m for m in model.machines if _matches(patterns, [m]) or any(unit.machine == m for unit in kept)]
    return named | {unit.name for unit in kept} | {unit.app for unit in kept} | {f'machine {m}' for m in machines}


def _matches(patterns: Sequence[str], words: Sequence[str]) -> bool:
    return any(fnmatchcase(word.lower(), pattern) for word in words for pattern in patterns)


def _unit_words(model: Model, unit: Unit) -> list[str]:
    machine = model.machines.get(unit.machine)
    words = [unit.name, unit.app, unit.machine, _status.workload(unit).current, _status.agent(unit).current]
    return [*words, machine.address if machine else '', *ports(unit.ports)]


def _application_words(app: Application) -> list[str]:
    return [app.name, 'exposed'] if app.exposed else [app.name]
