"""relation-get: settings of a unit or an application in a relation."""

from __future__ import annotations

from juju_local import _context, _relations
from juju_local._tools import _relation
from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool


def _get(call: Call) -> object:
    relation = _relation.relation_id(call)
    key, name = call.argument(0, '-') or '-', call.argument(1)
    name, app_wanted = _target(call, relation, name)
    settings = _app_settings(call, relation, name) if app_wanted else _unit_settings(call, relation, name)
    return settings if key == '-' else settings.get(key)


def _target(call: Call, relation: int, name: str) -> tuple[str, bool]:
    """Return whose bag is meant, and whether it is an application's."""
    hook = call.context.hook
    own = hook is not None and hook.relation_id == relation
    if not name and hook is not None and own and hook.remote_unit and not call.switch('app'):
        name = hook.remote_unit
    if not name and hook is not None and own:
        return hook.remote_app, True  # created, broken, application-level changed: Juju falls to the application's bag
    if not name:
        raise MisuseError('no unit or application specified')
    if call.switch('app'):
        return name.partition('/')[0], True
    if '/' not in name and name == call.context.app and _context.is_leader(call.model, call.context):
        return call.context.unit, False  # a quirk of Juju 2.9
    return name, '/' not in name


def _unit_settings(call: Call, relation: int, name: str) -> dict[str, str]:
    _check_related(call, relation, name.partition('/')[0])
    known = (relation, name) in call.model.bags or name in call.context.members[relation]
    if not known and name != call.context.unit:
        raise FailureError(
            f'cannot read settings for unit "{name}" in relation "{_describe(call, relation)}": settings not found'
        )
    return _context.relation_setting(call.model, call.context, relation, name)


def _app_settings(call: Call, relation: int, app: str) -> dict[str, str]:
    _check_related(call, relation, app)
    if app == call.context.app and not _may_read_own(call, relation):
        raise FailureError('permission denied')
    return _context.relation_setting(call.model, call.context, relation, app)


def _may_read_own(call: Call, relation: int) -> bool:
    found = call.model.relations.get(relation)
    return _context.is_leader(call.model, call.context) or (found is not None and _relations.is_peer(found))


def _check_related(call: Call, relation: int, app: str) -> None:
    found = call.model.relations.get(relation)
    if found is not None and not _relations.has_end(found, app):
        raise FailureError('permission denied')


def _describe(call: Call, relation: int) -> str:
    found = call.model.relations.get(relation)
    return ' '.join(f'{end.app}:{end.endpoint}' for end in reversed(found.ends)) if found else str(relation)


TOOLS = (
    Tool(
        'relation-get',
        '[options] <key> <unit id>',
        'Get relation settings.',
        _get,
        (
            _relation.RELATION,
            Flag(('app',), 'Get the relation data for the overall application, not just a unit', True),
        ),
        SMART,
        2,
    ),
)
