"""What becomes true when an operation begins. Pure; touches what it changes."""

from __future__ import annotations

import dataclasses

from juju_local import _options, _relation_hooks, _relations, _scope
from juju_local._operation import Operation
from juju_local._state import Action, Hook, Model, Status, Unit

INSTALLING = 'installing charm software'


def hook(model: Model, unit: Unit, operation: Operation, now: float) -> None:
    """Make the hook the pending one, with the versions of what it tells about as they are now."""
    agent = unit.agent
    if operation.hook is None:
        raise ValueError(f'{unit.name}: a hook operation without a hook')
    if agent.pending is None and agent.queue and agent.queue[0] == operation.hook:
        agent.queue.pop(0)
    agent.pending = _with_versions(model, unit, operation.hook)
    agent.failed = False
    agent.resolved = ''
    _effects(model, unit, agent.pending, now)
    if agent.pending.kind != 'update-status':  # Juju does not show it
        unit.agent_status = Status('executing', f'running {agent.pending.name} hook', now)


def action(model: Model, unit: Unit, task: Action, now: float) -> None:
    task.status, task.started = 'running', now
    model.touch('action', task.id)
    what = 'running commands' if task.command else f'running action {task.name}'
    unit.agent_status = Status('executing', what, now)


def _with_versions(model: Model, unit: Unit, hook: Hook) -> Hook:
    version = hook.change_version
    if hook.relation_id is not None:
        version = _relation_hooks.version(model, hook.relation_id, hook.remote_unit or hook.remote_app)
    elif hook.kind == 'leader-settings-changed':
        version = model.applications[unit.app].leader_version
    elif hook.kind == 'update-status':
        version = unit.tick
    config = _options.config_hash(model, unit) if hook.kind == 'config-changed' else ''
    return dataclasses.replace(hook, change_version=version, config_hash=config)


def _effects(model: Model, unit: Unit, hook: Hook, now: float) -> None:
    agent, app = unit.agent, model.applications[unit.app]
    if hook.kind == 'install' and not agent.charm_url:
        agent.charm_url, agent.charm_modified = app.charm_url, app.charm_modified
        unit.workload = Status('maintenance', INSTALLING, now)
    elif hook.kind == 'leader-elected':
        agent.leader = app.leader == unit.name  # a retry may come after the leadership has gone
    elif hook.kind == 'relation-created':
        _enter_all(model, unit, now)
    elif hook.kind == 'stop':
        unit.workload = Status('maintenance', 'cleaning up prior to charm deletion', now)


def _enter_all(model: Model, unit: Unit, now: float) -> None:
    """All relations that are due are entered together, before the first relation-created (SynchronizeScopes)."""
    for relation in _relations.of_app(model, unit.app):
        if _relations.may_enter(model, relation, unit):
            _scope.enter(model, relation, unit, now)
