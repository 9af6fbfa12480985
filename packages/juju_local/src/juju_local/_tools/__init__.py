"""Every hook tool: (context, arguments, standard input) to (code, stdout, stderr). Pure; touches what it changes.

Exit 2 is for wrong flags or arguments, 1 for a failed run, with `ERROR text` on stderr and nothing on stdout.
"""

from __future__ import annotations

from collections.abc import Sequence

from juju_local._context import HookContext
from juju_local._state import Model
from juju_local._tools import (
    _absent,
    _action,
    _config,
    _formats,
    _goal_state,
    _leader,
    _network,
    _payload,
    _ports,
    _relation,
    _relation_get,
    _relation_set,
    _resource,
    _state,
    _status,
    _storage,
    _tool,
)
from juju_local._tools._call import Call, Caller, FailureError, MisuseError, Output
from juju_local._tools._tool import Tool

__all__ = ['NAMES', 'Caller', 'Output', 'run']

_MODULES = (
    _action,
    _absent,
    _config,
    _goal_state,
    _leader,
    _network,
    _payload,
    _ports,
    _relation,
    _relation_get,
    _relation_set,
    _resource,
    _state,
    _status,
    _storage,
)
TOOLS: dict[str, Tool] = {tool.name: tool for module in _MODULES for tool in module.TOOLS}
NAMES: tuple[str, ...] = tuple(sorted(TOOLS))


def run(model: Model, context: HookContext, tool: str, arguments: Sequence[str], caller: Caller, now: float) -> Output:
    """Answer one call of a hook tool."""
    if tool not in TOOLS:
        return _error(1, f'bad request: unknown command "{tool}"')
    found = TOOLS[tool]
    if any(word in ('--help', '-h') for word in _before_end_of_flags(arguments)):
        return Output(0, _tool.help_text(found).encode())
    try:
        flags, rest = _tool.parse(found, arguments)
        call = Call(model, context, tool, flags, rest, caller, now)
        form = _format(found, call)
        return _output(found, call, form, found.run(call))
    except MisuseError as error:
        return _error(2, str(error))
    except FailureError as error:
        return _error(1, str(error))


def _before_end_of_flags(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: list(arguments).index('--')] if '--' in arguments else arguments


def _format(tool: Tool, call: Call) -> str:
    if not tool.formats:
        if 'format' in call.flags:
            call.notes.append(f'--format flag deprecated for command "{tool.name}"')
        return ''
    form = str(call.flags.get('format', tool.formats[0]))
    if form not in tool.formats:
        raise MisuseError(f'invalid value "{form}" for option --format: unknown format "{form}"')
    return form


def _output(tool: Tool, call: Call, form: str, value: object) -> Output:
    stderr = ''.join(f'{note}\n' for note in call.notes).encode()
    if not form:
        return Output(0, stderr=stderr)
    printed = _formats.formatted(value, form, newline=tool.newline)
    if call.text('output'):
        return Output(0, stderr=stderr, files={call.text('output'): printed})
    return Output(0, printed, stderr)


def _error(code: int, message: str) -> Output:
    return Output(code, stderr=f'ERROR {message}\n'.encode())
