"""relation-ids and relation-list, and what the relation tools share."""

from __future__ import annotations

from juju_local import _context, _relations
from juju_local._tools._call import Call, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool

RELATION = Flag(('r', 'relation'), 'Specify a relation by id')


def relation_id(call: Call) -> int:
    """Return the relation meant by -r, else the hook's own. Only what follows the last colon counts."""
    value = call.flags.get('relation')
    if value is None or value == '':
        if call.context.relation_id is None:
            raise MisuseError('no relation id specified')
        return call.context.relation_id
    number = str(value).rpartition(':')[2]
    if not number.isdecimal():
        raise MisuseError(f'invalid value "{value}" for option -r: invalid relation id')
    if int(number) not in call.context.members:
        raise MisuseError(f'invalid value "{value}" for option -r: relation not found')
    return int(number)


def remote_app(call: Call, relation: int) -> str:
    if relation in call.model.relations:
        return _relations.other_end(call.model.relations[relation], call.context.app).app
    hook = call.context.hook
    return hook.remote_app if hook is not None and hook.relation_id == relation else ''


def _ids(call: Call) -> list[str]:
    name = call.argument(0)
    hook = call.context.hook
    if not name and hook is not None and hook.relation_id is not None:
        name = hook.name.removesuffix(f'-{hook.kind}')
    if not name:
        raise MisuseError('no endpoint name specified')
    return _context.relation_ids(call.model, call.context, name)


def _list(call: Call) -> object:
    relation = relation_id(call)
    if call.switch('app'):
        return remote_app(call, relation)
    return call.context.members[relation]


TOOLS = (
    Tool('relation-ids', '[options] <name>', 'List all relation IDs for the given endpoint.', _ids, (), SMART, 1),
    Tool(
        'relation-list',
        '[options]',
        'List the remote units (or the remote application) of a relation.',
        _list,
        (RELATION, Flag(('app',), 'List remote application instead of participating units', True)),
        SMART,
        0,
    ),
)
