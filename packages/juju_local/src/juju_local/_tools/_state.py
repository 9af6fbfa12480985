"""state-get, state-set, state-delete: the charm's own state with the controller. Buffered like relation-set."""

from __future__ import annotations

from juju_local._tools import _pairs
from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool


def _current(call: Call) -> dict[str, str]:
    merged: dict[str, str | None] = {**call.unit.state, **call.context.state_writes}
    return {key: value for key, value in sorted(merged.items()) if value is not None}


def _get(call: Call) -> object:
    key, state = call.argument(0, '-') or '-', _current(call)
    if key == '-':
        return state
    if key not in state and call.switch('strict'):
        raise FailureError(f'"{key}" not found')
    return state.get(key)


def _set(call: Call) -> None:
    pairs = _pairs.parse(call.arguments)
    call.context.state_writes.update({**_pairs.from_file(call), **pairs})


def _delete(call: Call) -> None:
    if not call.arguments:
        raise MisuseError('missing required key')
    call.context.state_writes[call.arguments[0]] = None


TOOLS = (
    Tool(
        'state-get',
        '[options] [<key>]',
        'Print server-side-state value.',
        _get,
        (Flag(('strict',), 'Return an error if the requested key does not exist', True),),
        SMART,
        1,
    ),
    Tool(
        'state-set',
        '[options] key=value [key=value ...]',
        'Set server-side-state values.',
        _set,
        (Flag(('file',), 'file containing key-value pairs'),),
    ),
    Tool('state-delete', '<key>', 'Delete server-side-state key value pair.', _delete, most=1),
)
