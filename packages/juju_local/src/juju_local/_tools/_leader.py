"""is-leader, leader-get, leader-set. What the leader writes is visible to the others at once."""

from __future__ import annotations

from juju_local import _context
from juju_local._tools import _pairs
from juju_local._tools._call import Call, FailureError
from juju_local._tools._tool import SMART, Tool


def _is_leader(call: Call) -> bool:
    return _context.is_leader(call.model, call.context)


def _get(call: Call) -> object:
    if call.context.leader_settings is None:
        call.context.leader_settings = dict(call.model.applications[call.context.app].leader_settings)
    key = call.argument(0, '-') or '-'
    return call.context.leader_settings if key == '-' else call.context.leader_settings.get(key)


def _set(call: Call) -> None:
    values = _pairs.parse(call.arguments)
    if not _context.is_leader(call.model, call.context):
        raise FailureError('cannot write leadership settings: cannot write settings: not the leader')
    app = call.model.applications[call.context.app]
    settings = _context.overlaid(app.leader_settings, values)
    call.context.leader_settings = None
    if settings != app.leader_settings:
        app.leader_settings = settings
        app.leader_version += 1
        call.model.touch('application', app.name)


TOOLS = (
    Tool('is-leader', '[options]', 'Print application leadership status.', _is_leader, (), SMART, 0),
    Tool('leader-get', '[options] [<key>]', 'Print application leadership settings.', _get, (), SMART, 1),
    Tool('leader-set', '<key>=<value> [...]', 'Write application leadership settings.', _set),
)
