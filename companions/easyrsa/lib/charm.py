"""easyrsa: answers certificate requests. The wire is that of the public charm, all of its request forms."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import hooktools
from authority import Authority, is_name

EVERYBODY = 'everybody'


def main(root: Path = Path('/')) -> None:
    """Run the hook: a relation's hook serves its unit only, the others look at everybody, the timer at nobody."""
    if hooktools.hook() == 'update-status':
        return
    if not hooktools.is_leader():
        hooktools.status('blocked', 'Only one unit can be the authority: remove this one')
        return
    authority = Authority(root / 'var/lib/easyrsa', hooktools.public_address())
    if hooktools.hook() == 'client-relation-departed':
        _forget(authority, os.environ['JUJU_RELATION_ID'], os.environ['JUJU_REMOTE_UNIT'])
    else:
        for relation, units in _concerned().items():
            _serve(authority, relation, units)
    hooktools.status('active', 'Certificate Authority connected.')


def _concerned() -> dict[str, list[str]]:
    remote = os.environ.get('JUJU_REMOTE_UNIT', '')
    if hooktools.hook() in ('client-relation-joined', 'client-relation-changed') and remote:
        return {os.environ['JUJU_RELATION_ID']: [remote]}
    if hooktools.hook().startswith('client-relation-'):
        return {}
    return {relation: hooktools.relation_units(relation) for relation in hooktools.relation_ids('client')}


def _serve(authority: Authority, relation: str, units: list[str]) -> None:
    common = authority.issue('client', EVERYBODY, 'client', [])
    answer = {'ca': authority.pair.cert, 'client.cert': common.cert, 'client.key': common.key}
    for unit in units:
        answer |= answers(authority, unit, hooktools.relation_get(relation, unit))
    hooktools.relation_set(relation, answer)


def answers(authority: Authority, unit: str, bag: Mapping[str, str]) -> dict[str, str]:
    """Return what to publish for one unit's bag: a plain answer, and one mapping for each list of requests."""
    prefix = _prefix(unit, bag)
    found: dict[str, str] = {}
    name = bag.get('common_name', '')
    if is_name(name):
        pair = authority.issue('server', prefix, name, _sans(bag.get('sans')))
        found |= {f'{prefix}.server.cert': pair.cert, f'{prefix}.server.key': pair.key}
    for key, kind in (('', 'server'), ('client_', 'client'), ('intermediate_', 'intermediate')):
        issued = _batch(authority, kind, prefix, bag.get(f'{key}cert_requests'))
        found |= {f'{prefix}.processed_{key}requests': json.dumps(issued, sort_keys=True)} if issued else {}
    if shared := hooktools.mapping(bag.get('application_cert_requests')):
        found |= {f'{prefix}.processed_application_requests': json.dumps(_application(authority, unit, shared))}
    return found


def _batch(authority: Authority, kind: str, owner: str, text: str | None) -> dict[str, dict[str, str]]:
    issued = {}
    for name, asked in sorted(hooktools.mapping(text).items()):
        if is_name(name):
            sans = (asked.get('sans') if isinstance(asked, dict) else None) or []
            issued[name] = vars(authority.issue(kind, owner, name, sans if isinstance(sans, list) else []))
        else:
            hooktools.log(f'{owner}: {name!r:.80} cannot be a common name, request left out', 'WARNING')
    return issued


def _application(authority: Authority, unit: str, asked: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Return the one certificate that all units of an application share: the first name asked for."""
    name, first = sorted(asked.items())[0]
    sans = first.get('sans') if isinstance(first, dict) else None
    owner = 'application ' + unit.partition('/')[0]
    pair = authority.issue('server', owner, name, sans if isinstance(sans, list) else [])
    return {'app_data': {'cert': pair.cert, 'key': pair.key}}


def _forget(authority: Authority, relation: str, unit: str) -> None:
    """Take the keys of a unit that left off our bag and disk; when we leave ourselves, nobody did."""
    if os.environ.get('JUJU_DEPARTING_UNIT') == hooktools.unit():
        return
    prefix = _prefix(unit, hooktools.relation_get(relation, unit))
    authority.forget(prefix)
    gone = [key for key in hooktools.own_bag(relation) if key.startswith(f'{prefix}.')]
    hooktools.relation_set(relation, dict.fromkeys(gone, ''))


def _prefix(unit: str, bag: Mapping[str, str]) -> str:
    """Return the start of a unit's keys: as it calls itself, which differs from our view across models."""
    return bag.get('unit_name') or unit.replace('/', '_')


def _sans(text: str | None) -> list[str]:
    try:
        value = json.loads(text or '[]')
    except ValueError:
        value = []
    return value if isinstance(value, list) else []
