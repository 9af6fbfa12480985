"""relation-set: writes of this unit, or of its application by the leader; buffered until the hook has succeeded."""

from __future__ import annotations

from juju_local import _context
from juju_local._tools import _pairs, _relation
from juju_local._tools._call import Call, FailureError
from juju_local._tools._tool import Flag, Tool


def _set(call: Call) -> None:
    relation = _relation.relation_id(call)
    pairs = _pairs.parse(call.arguments)
    values = {**_pairs.from_file(call), **pairs}
    name = call.context.unit
    if call.switch('app'):
        if not _context.is_leader(call.model, call.context):
            raise FailureError('cannot write relation settings')
        name = call.context.app
    if values:
        call.context.relation_writes.setdefault((relation, name), {}).update(values)


TOOLS = (
    Tool(
        'relation-set',
        '[options] key=value [key=value ...]',
        'Set relation settings. An empty value removes its key.',
        _set,
        (
            _relation.RELATION,
            Flag(('file',), 'file containing key-value pairs'),
            Flag(('app',), 'pick whether you are setting "application" settings or "unit" settings', True),
        ),
        ignores_format=True,
    ),
)
