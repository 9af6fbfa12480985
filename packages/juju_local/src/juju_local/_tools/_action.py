"""action-get, action-set, action-fail, action-log (function-* are the same), juju-reboot."""

from __future__ import annotations

import re

from juju_local._context import LogLine, Task
from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool

SEGMENT = re.compile(r'[a-z0-9](?:[a-z0-9-]*[a-z0-9])?')
RESERVED = ('stdout', 'stdout-encoding', 'stderr', 'stderr-encoding')


def _task(call: Call) -> Task:
    if call.context.task is None or not call.context.task.name:
        raise FailureError('not running an action')
    return call.context.task


def _get(call: Call) -> object:
    value: object = _task(call).params
    for part in call.argument(0).split('.') if call.argument(0) else []:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _set(call: Call) -> None:
    parsed = [_result(argument) for argument in call.arguments]
    results = _task(call).results
    for keys, value in parsed:
        _put(results, keys, value)


def _result(argument: str) -> tuple[list[str], str]:
    key, equals, value = argument.partition('=')
    if not equals or not key:
        raise MisuseError(f'argument "{argument}" must be of the form key...=value')
    keys = key.split('.')
    if keys[0] in RESERVED:
        raise MisuseError(f'cannot set reserved action key "{keys[0]}"')
    for part in keys:
        if not SEGMENT.fullmatch(part):
            raise MisuseError(
                f'key "{part}" must start and end with lowercase alphanumeric, '
                'and contain only lowercase alphanumeric and hyphens'
            )
    return keys, value


def _put(results: dict[str, object], keys: list[str], value: str) -> None:
    for part in keys[:-1]:
        inner = results.get(part)
        if not isinstance(inner, dict):
            inner = results[part] = {}
        results = inner
    results[keys[-1]] = value


def _fail(call: Call) -> None:
    task = _task(call)
    task.failed, task.message = True, call.argument(0)


def _log(call: Call) -> None:
    if not call.arguments:
        raise MisuseError('no message specified')
    task = _task(call)
    message = ' '.join(call.arguments)
    call.model.actions[task.id].log.append((call.now, message))
    call.model.touch('action', task.id)
    call.context.logs.append(LogLine('INFO', f'unit.{call.context.unit}.{call.tool}', message))


def _reboot(call: Call) -> None:
    if call.context.task is not None:
        raise FailureError('juju-reboot is not supported when running an action.')
    call.context.reboot = 'now' if call.switch('now') else 'after'


TOOLS = (
    *(
        tool
        for kind in ('action', 'function')
        for tool in (
            Tool(f'{kind}-get', '[options] [<key>[.<key>.<key>...]]', f'Get {kind} parameters.', _get, (), SMART, 1),
            Tool(f'{kind}-set', '<key>=<value> [<key>=<value> ...]', f'Set {kind} results.', _set),
            Tool(f'{kind}-fail', '["<failure message>"]', f'Set {kind} fail status with message.', _fail, most=1),
            Tool(f'{kind}-log', '<message>', f'Record a progress message for the current {kind}.', _log),
        )
    ),
    Tool(
        'juju-reboot',
        '[options]',
        'Reboot the host machine.',
        _reboot,
        (Flag(('now',), 'reboot immediately, killing the invoking process', True),),
        most=0,
    ),
)
