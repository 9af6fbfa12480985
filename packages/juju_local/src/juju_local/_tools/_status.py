"""status-set and status-get."""

from __future__ import annotations

from juju_local import _context
from juju_local import _status as shown
from juju_local._state import Status
from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool

SETTABLE = ('maintenance', 'blocked', 'waiting', 'active')


def _set(call: Call) -> None:
    if not call.arguments:
        raise MisuseError('invalid args, require <status> [message]')
    current, message = call.arguments[0], call.argument(1)
    if current not in SETTABLE:
        raise MisuseError(f'invalid status "{current}", expected one of [{" ".join(SETTABLE)}]')
    status = Status(current, message, call.now)
    if call.switch('application'):
        _check_leader(call, 'setting application status')
        app = call.model.applications[call.context.app]
        app.status = status
        call.model.touch('application', app.name)
        return
    call.unit.workload = status
    call.model.touch('unit', call.unit.name)


def _get(call: Call) -> object:
    smart = call.flags.get('format', 'smart') == 'smart' and not call.switch('include-data')
    if call.switch('application'):
        _check_leader(call, 'finding application status')
        return _application(call, smart)
    status = call.unit.workload
    return status.current if smart else _described(call, status)


def _application(call: Call, smart: bool) -> object:
    status = shown.application(call.model, call.context.app)
    if smart:
        return status.current
    units = {unit.name: _described(call, unit.workload) for unit in call.model.units_of(call.context.app)}
    return {'application-status': {**_described(call, status), 'units': units}}


def _described(call: Call, status: Status) -> dict[str, object]:
    if not call.switch('include-data'):
        return {'status': status.current}
    return {'status': status.current, 'message': status.message, 'status-data': status.data}


def _check_leader(call: Call, doing: str) -> None:
    if not _context.is_leader(call.model, call.context):
        raise FailureError(f'{doing}: "{call.context.unit}" is not leader of "{call.context.app}"')


TOOLS = (
    Tool(
        'status-set',
        '[options] <maintenance | blocked | waiting | active> [message]',
        'Set status information.',
        _set,
        (Flag(('application',), 'set this status for the application to which the unit belongs', True),),
        most=2,
    ),
    Tool(
        'status-get',
        '[options]',
        'Print status information.',
        _get,
        (
            Flag(('include-data',), 'print all status data', True),
            Flag(('application',), 'print status for all units of this application if this unit is the leader', True),
        ),
        SMART,
        0,
    ),
)
