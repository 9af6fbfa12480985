"""The questions the resolver asks for a unit, in order; each answers with an operation or None. Changes nothing."""

# ruff: noqa: ARG001 - the choosers share one signature, though few need the time
from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from juju_local import _options, _relation_hooks, _relations
from juju_local._operation import Operation
from juju_local._state import Agent, Hook, Model, Relation, Unit

NOTHING: Final = Operation('', 'die')  # a chooser's answer: nothing, and nobody after me is to be asked


def due(model: Model, unit: str) -> float | None:
    """Return when the failed hook of a unit is retried by itself, or None if nothing is to be waited for."""
    agent = model.units[unit].agent
    if agent.pending is None or not agent.failed or agent.resolved or not retries(model):
        return None
    return agent.retry_at


def retries(model: Model) -> bool:
    return model.settings.config.get('automatically-retry-hooks', 'true').lower() != 'false'


def dice(model: Model, unit: Unit) -> random.Random:
    """Return the randomness for what Juju leaves open; with a seed it depends only on the unit and its past."""
    if model.settings.seed is None:
        return model.random
    return random.Random(f'{model.settings.seed}:{unit.name}:{unit.agent.hooks}')  # noqa: S311 - not for secrets


def _shuffled(model: Model, unit: Unit, relations: list[Relation]) -> list[Relation]:
    return dice(model, unit).sample(relations, len(relations)) if len(relations) > 1 else relations


def _gone(model: Model, unit: Unit, now: float) -> Operation | None:
    if not unit.agent.removed and unit.life != 'dead':
        return None
    return _die(model, unit)


def _die(model: Model, unit: Unit) -> Operation:
    if any(mate.principal == unit.name for mate in model.units.values()):
        return NOTHING  # a principal goes after its subordinates
    return Operation(unit.name, 'die')


def _interrupted(model: Model, unit: Unit, now: float) -> Operation | None:
    agent = unit.agent
    if agent.upgrading:
        return _upgrade_to_current(model, unit)
    if agent.pending is not None and not agent.failed:
        return Operation(unit.name, 'hook', agent.pending)
    return None


def _quiet(agent: Agent) -> bool:
    return agent.installed and agent.pending is None and not agent.queue


def _relation_created(model: Model, unit: Unit, now: float) -> Operation | None:
    if not _quiet(unit.agent) or unit.life != 'alive':
        return None
    for relation in _shuffled(model, unit, _relations.of_app(model, unit.app)):
        local = unit.agent.relations.get(relation.id)
        owed = _relations.may_enter(model, relation, unit) if local is None else not local.created
        if owed and relation.life == 'alive' and not _relations.is_silent(model, relation, unit.app):
            return Operation(unit.name, 'hook', _relation_hooks.created(relation, unit))
    return None


def _leadership(model: Model, unit: Unit, now: float) -> Operation | None:
    agent, app = unit.agent, model.applications[unit.app]
    if not _quiet(agent) or agent.stopped:
        return None
    if app.leader == unit.name:
        if agent.leader or unit.life != 'alive':
            return None
        return Operation(unit.name, 'hook', Hook('leader-elected', 'leader-elected'))
    if agent.leader_version == app.leader_version:
        return None
    return Operation(unit.name, 'hook', Hook('leader-settings-changed', 'leader-settings-changed'))


def _tasks(model: Model, unit: Unit, now: float) -> Operation | None:
    if not unit.agent.charm_url:
        return None
    waiting = [action for action in model.actions.values() if action.unit == unit.name and action.status == 'pending']
    for action in sorted(waiting, key=lambda action: (bool(action.command), int(action.id))):
        return Operation(unit.name, 'command' if action.command else 'action', action=action.id)
    return None


def _failed(model: Model, unit: Unit, now: float) -> Operation | None:
    agent = unit.agent
    if agent.pending is None:
        return None
    retry_at = due(model, unit.name)
    if agent.resolved == 'retry' or (retry_at is not None and retry_at <= now):
        return Operation(unit.name, 'hook', agent.pending)
    return NOTHING


def _queued(model: Model, unit: Unit, now: float) -> Operation | None:
    return Operation(unit.name, 'hook', unit.agent.queue[0]) if unit.agent.queue else None


def _dying(model: Model, unit: Unit, now: float) -> Operation | None:
    if unit.life == 'alive':
        return None
    agent = unit.agent
    if (operation := _relation(model, unit, now)) is not None:
        return operation
    if agent.started and not agent.stopped:
        return Operation(unit.name, 'hook', Hook('stop', 'stop'))
    if agent.installed and not agent.removed:
        return Operation(unit.name, 'hook', Hook('remove', 'remove'))
    return _die(model, unit)


def _install(model: Model, unit: Unit, now: float) -> Operation | None:
    return None if unit.agent.installed else Operation(unit.name, 'hook', Hook('install', 'install'))


def _upgrade(model: Model, unit: Unit, now: float) -> Operation | None:
    agent, app = unit.agent, model.applications[unit.app]
    if (agent.charm_url, agent.charm_modified) == (app.charm_url, app.charm_modified):
        return None
    return _upgrade_to_current(model, unit)


def _upgrade_to_current(model: Model, unit: Unit) -> Operation:
    app = model.applications[unit.app]
    return Operation(unit.name, 'upgrade', charm_url=app.charm_url, charm_modified=app.charm_modified)


def _config(model: Model, unit: Unit, now: float) -> Operation | None:
    if unit.agent.config_hash == _options.config_hash(model, unit):
        return None
    return Operation(unit.name, 'hook', Hook('config-changed', 'config-changed'))


def _relation(model: Model, unit: Unit, now: float) -> Operation | None:
    for relation in _shuffled(model, unit, _relations.of_app(model, unit.app)):
        local = unit.agent.relations.get(relation.id)
        if local is None or not local.created or _relations.is_silent(model, relation, unit.app):
            continue
        hook = _relation_hooks.due(model, relation, unit, local)
        if hook is not None:
            return Operation(unit.name, 'hook', hook)
    return None


def _tick(model: Model, unit: Unit, now: float) -> Operation | None:
    if unit.tick == unit.agent.tick or not unit.agent.started:
        return None
    return Operation(unit.name, 'hook', Hook('update-status', 'update-status'))


CHOOSERS: tuple[Callable[[Model, Unit, float], Operation | None], ...] = (
    _gone,
    _interrupted,
    _relation_created,
    _leadership,
    _tasks,
    _failed,
    _queued,
    _dying,
    _install,
    _upgrade,
    _config,
    _relation,
    _tick,
)
