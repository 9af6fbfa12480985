"""storage-get, storage-list, storage-add. No model of juju-local has storage, so there is none to list or get."""

from __future__ import annotations

from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool


def _get(call: Call) -> object:
    name = call.text('s')
    if not name:
        raise MisuseError('no storage instance specified')
    raise MisuseError(f'invalid value "{name}" for option -s: storage not found')


def _list(_: Call) -> list[str]:
    return []


def _add(call: Call) -> None:
    if not call.arguments:
        raise MisuseError('storage add requires a storage directive')
    for argument in call.arguments:
        name, _, count = argument.partition('=')
        if count and not count.isdecimal():
            raise MisuseError(f'cannot parse count "{count}" of storage "{name}"')
        if name not in call.charm.storage:
            raise FailureError(f'cannot add storage to unit "{call.context.unit}": charm storage "{name}" not found')
    raise FailureError(f'cannot add storage to unit "{call.context.unit}": this model has no storage pools')


TOOLS = (
    Tool(
        'storage-get',
        '[options] [<key>]',
        'Print information for the storage instance.',
        _get,
        (Flag(('s',), 'specify a storage instance by id'),),
        SMART,
        1,
    ),
    Tool('storage-list', '[options] [<storage-name>]', 'List storage attached to the unit.', _list, (), SMART, 1),
    Tool('storage-add', '<charm storage name>[=count] ...', 'Add storage instances.', _add),
)
