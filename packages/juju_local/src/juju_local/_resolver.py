"""Which operation a unit's agent does next, and what becomes of it. Pure; touches what it changes.

The order is that of Juju's uniter (worker/uniter/resolver.go, relation/resolver.go): a list of choosers, the first that
has an answer wins, and everything is weighed anew after every operation. An agent that was interrupted in the middle
(its `pending` hook is neither failed nor run by anybody) runs that hook again first.
"""

from __future__ import annotations

from juju_local import _begin, _commit
from juju_local._choosers import CHOOSERS, NOTHING, dice, due
from juju_local._operation import Operation
from juju_local._state import Hook, Model, Status

__all__ = ['Operation', 'begin', 'commit', 'due', 'fail', 'next_operation', 'recover']

RETRY_FIRST_S = 5.0
RETRY_LONGEST_S = 300.0


def next_operation(model: Model, unit: str, now: float) -> Operation | None:
    """Return what the unit should do now, or None. Ask only for a unit that is not busy."""
    subject = model.units[unit]
    for choose in CHOOSERS:
        operation = choose(model, subject, now)
        if operation is not None:
            return None if operation is NOTHING else operation
    return None


def begin(model: Model, operation: Operation, now: float) -> None:
    """Note durably that the operation runs; agent status executing."""
    unit = model.units[operation.unit]
    if operation.kind == 'hook':
        _begin.hook(model, unit, operation, now)
    elif operation.kind == 'upgrade':
        unit.agent.upgrading = True
        unit.agent_status = Status('executing', 'upgrading charm', now)
    elif operation.kind in ('action', 'command'):
        _begin.action(model, unit, model.actions[operation.action], now)
    model.touch('unit', unit.name)


def commit(model: Model, operation: Operation, now: float) -> None:
    """The operation is done. Also for a missing hook file and for `resolved --no-retry`, which skips the hook."""
    unit = model.units[operation.unit]
    if operation.kind == 'hook':
        _commit.hook(model, unit, now)
    elif operation.kind == 'upgrade':
        _commit.upgrade(model, unit, operation.charm_url, operation.charm_modified)
    elif operation.kind == 'die':
        _commit.die(model, unit, now)
        return
    unit.agent_status = Status('idle', since=now)
    if unit.agent.pending is not None and unit.agent.failed:  # an action ran while a hook was in error
        unit.agent_status = _error(unit.agent.pending, now)
    model.touch('unit', unit.name)


def fail(model: Model, operation: Operation, reason: str, now: float) -> None:
    """The hook exited non-zero (`reason`), or could not be flushed: it stays pending, to be retried or resolved."""
    unit = model.units[operation.unit]
    agent = unit.agent
    if operation.kind != 'hook' or agent.pending is None:
        commit(model, operation, now)  # an action never puts its unit in error
        return
    agent.failed = True
    agent.resolved = ''
    pause = min(RETRY_FIRST_S * 2**agent.retries, RETRY_LONGEST_S)
    agent.retry_at = now + pause * dice(model, unit).uniform(0.8, 1.2)
    agent.retries += 1
    unit.agent_status = _error(agent.pending, now, reason)
    model.touch('unit', unit.name)


def recover(model: Model, now: float) -> None:
    """Clean up after an engine that was killed: tasks that ran are failed, as Juju's agent does; hooks run again."""
    for action in model.actions.values():
        if action.status == 'running':
            action.status, action.message, action.completed = 'failed', 'action terminated', now
            model.touch('action', action.id)


def _error(hook: Hook, now: float, reason: str = '') -> Status:
    return Status('error', f'hook failed: "{hook.name}"', now, {'hook': hook.name, 'reason': reason})
