"""payload-register, payload-status-set, payload-unregister: workloads the charm manages, as it tells of them."""

from __future__ import annotations

from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import Tool

STATUSES = ('starting', 'started', 'stopping', 'stopped')


def _register(call: Call) -> None:
    if len(call.arguments) < 3:
        raise MisuseError('missing required arguments: expected <type> <class> <id> [tags...]')
    kind, name, ident, *labels = call.arguments
    call.unit.payloads[f'{name}/{ident}'] = {'type': kind, 'status': 'running', 'labels': labels}
    call.model.touch('unit', call.unit.name)


def _status_set(call: Call) -> None:
    if len(call.arguments) < 3:
        raise MisuseError('missing required arguments: expected <class> <id> <status>')
    if call.arguments[2] not in STATUSES:
        raise MisuseError(f'status "{call.arguments[2]}" not supported; expected one of {", ".join(STATUSES)}')
    call.unit.payloads[_known(call)]['status'] = call.arguments[2]
    call.model.touch('unit', call.unit.name)


def _unregister(call: Call) -> None:
    if len(call.arguments) < 2:
        raise MisuseError('missing required arguments: expected <class> <id>')
    del call.unit.payloads[_known(call)]
    call.model.touch('unit', call.unit.name)


def _known(call: Call) -> str:
    key = f'{call.arguments[0]}/{call.arguments[1]}'
    if key not in call.unit.payloads:
        raise FailureError(f'payload "{key}" not found')
    return key


TOOLS = (
    Tool('payload-register', '<type> <class> <id> [tags...]', 'Register a charm payload with Juju.', _register),
    Tool('payload-status-set', '<class> <id> <status>', 'Update the status of a payload.', _status_set, most=3),
    Tool('payload-unregister', '<class> <id>', 'Stop tracking a payload.', _unregister, most=2),
)
