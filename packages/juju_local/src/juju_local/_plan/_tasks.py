"""Actions and commands: queue, cancel."""

from __future__ import annotations

from collections.abc import Mapping

from juju_local import _schema
from juju_local._errors import Refused
from juju_local._plan import _find
from juju_local._state import Action, Model


def queue_action(model: Model, unit: str, name: str, params: Mapping[str, object], now: float) -> Action:
    """Queue an action for a unit (or APP/leader), its parameters checked against the charm's schema."""
    subject = _find.unit(model, unit)
    charm = model.charm_of(subject.app)
    if name not in charm.actions:
        known = ', '.join(sorted(charm.actions)) or 'none'
        raise Refused(f'action "{name}" not defined on unit "{subject.name}"', f'actions of {subject.app}: {known}')
    try:
        checked = _schema.checked(charm.actions[name], params)
    except ValueError as error:
        raise Refused(f'validation of action "{name}" failed: {error}') from error
    return _add(model, Action('', subject.name, name, checked, enqueued=now))


def queue_command(model: Model, unit: str, command: str, now: float) -> Action:
    """Queue a shell command to run in a unit's hook context."""
    subject = _find.unit(model, unit)
    return _add(model, Action('', subject.name, 'juju-run', command=command, enqueued=now))


def cancel(model: Model, task: str, now: float) -> Action:
    """Cancel a task that has not begun."""
    if task not in model.actions:
        raise Refused(f'task "{task}" not found')
    action = model.actions[task]
    if action.status == 'running':
        remedy = f'only what has not begun can be cancelled here; `show-task {task} --wait 5m` waits for its end'
        raise Refused(f'cannot cancel task "{task}": it is running', remedy)
    if action.status != 'pending':
        raise Refused(f'cannot cancel task "{task}": it is {action.status}')
    action.status, action.completed = 'cancelled', now
    model.touch('action', task)
    return action


def _add(model: Model, action: Action) -> Action:
    """Number the operation and its task, as Juju does (operation 1 with task 2)."""
    action.operation = str(model.settings.next_action)
    action.id = str(model.settings.next_action + 1)
    model.settings.next_action += 2
    model.touch('settings')
    model.actions[action.id] = action
    model.touch('action', action.id)
    return action
