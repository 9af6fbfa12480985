"""The end of a run: what is kept of it, and what became of the hook or task. Pure; touches what it changes."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from juju_local import _flush, _resolver
from juju_local._context import HookContext, Task
from juju_local._errors import FlushError
from juju_local._operation import Operation
from juju_local._state import Model

FAILED_SILENTLY = 'action failed without reason given, check action for errors'


@dataclass(frozen=True)
class Exit:
    """How the process ended; `code` is None if the charm has no such hook or action. A signal counts as 128 + n."""

    code: int | None
    stdout: bytes = b''
    stderr: bytes = b''


def finish(model: Model, context: HookContext, operation: Operation, ended: Exit, now: float) -> str:
    """Flush or drop what the run wrote, then commit or fail its operation. Return the reason of a failure, or ''.

    A hook killed by `juju-reboot --now` stays pending and unfailed, so it runs again after the reboot.
    """
    if context.reboot == 'now':
        model.units[operation.unit].agent.reboot = True
        model.touch('unit', operation.unit)
        return ''
    if context.task is not None:
        reason = _finish_task(model, context, context.task, ended, now)
        _resolver.commit(model, operation, now)
        return reason
    reason = _flushed(model, context, ended)
    if reason:
        _resolver.fail(model, operation, reason, now)
        return reason
    model.units[operation.unit].agent.reboot |= context.reboot == 'after'
    _resolver.commit(model, operation, now)
    return ''


def _flushed(model: Model, context: HookContext, ended: Exit) -> str:
    if ended.code is None:
        return ''  # a missing hook counts as success; there is nothing to keep
    if ended.code:
        return f'exit status {ended.code}'
    try:
        _flush.flush(model, context)
    except FlushError as error:
        return error.message
    return ''


def _finish_task(model: Model, context: HookContext, task: Task, ended: Exit, now: float) -> str:
    """A command is kept and completed whatever its exit code; an action that exits non-zero is dropped and failed."""
    action = model.actions[task.id]
    model.touch('action', task.id)
    action.completed = now
    if ended.code is None:
        action.status, action.message = 'failed', f'action not implemented on unit "{context.unit}"'
        return action.message
    failure = _task_failure(model, context, task, ended)
    action.status, action.message = ('failed', failure) if failure else ('completed', '')
    action.results = {**task.results, 'return-code': ended.code, **_output('stdout', ended.stdout)}
    action.results |= _output('stderr', ended.stderr)
    return failure


def _task_failure(model: Model, context: HookContext, task: Task, ended: Exit) -> str:
    if ended.code and task.name:
        return f'exit status {ended.code}'
    try:
        _flush.flush(model, context)
    except FlushError as error:
        return error.message
    return (task.message or FAILED_SILENTLY) if task.failed else ''


def _output(name: str, data: bytes) -> dict[str, object]:
    if not data:
        return {}
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {name: base64.b64encode(data).decode(), f'{name}-encoding': 'base64'}
