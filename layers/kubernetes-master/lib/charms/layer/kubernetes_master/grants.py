"""Which worker unit gets which credentials. Computing only.

A holder is the unit a node user was granted to. Holders are kept in leader data, so that a new leader knows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import tokens

USER = re.compile(r'system:node:[a-z0-9]([a-z0-9.-]*[a-z0-9])?', re.ASCII)
GROUP = 'system:nodes'
Holders = Mapping[str, str]  # user to unit
# prefix of the uid, user ('' = the node user), groups
KINDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ('kubelet', '', (GROUP,)),
    ('kube-proxy', 'system:kube-proxy', ()),
    ('client', 'admin', ('system:masters',)),
)


@dataclass(frozen=True)
class Request:
    unit: str
    user: str
    group: str


@dataclass(frozen=True)
class Refusal:
    unit: str
    reason: str


@dataclass(frozen=True)
class Decision:
    holders: dict[str, str]
    refusals: tuple[Refusal, ...]


def decide(requests: Iterable[Request], holders: Holders, gone: Collection[str]) -> Decision:
    """Return who holds which user from now on.

    Args:
        requests: of the units related now.
        holders: as decided before.
        gone: units that are known to have left. One that only does not ask now keeps what it has: a new leader sees
            the workers' requests one after the other.
    """
    asked = sorted(requests, key=lambda request: _natural(request.unit))
    changed_name = {request.unit: request.user for request in asked}
    kept = {u: unit for u, unit in holders.items() if unit not in gone and changed_name.get(unit, u) == u}
    refusals = []
    for request in asked:
        reason = _fault(request) or _clash(request, kept)
        if reason:
            refusals.append(Refusal(request.unit, reason))
        else:
            kept[request.user] = request.unit
    return Decision(kept, tuple(refusals))


def apply(text: str, holders: Holders, before: Holders, new_token: Callable[[], str]) -> str:
    """Return the token file with three tokens for every holder and none for those who hold nothing any more.

    Proxy and client tokens are each worker's own: one that leaves takes nobody's with it.
    """
    lost = {unit for user, unit in before.items() if holders.get(user) != unit}
    text = tokens.drop(text, {uid(prefix, unit) for unit in lost for prefix, _, _ in KINDS})
    for user, unit in holders.items():
        if user not in before:
            text = _adopt(text, user, unit)
        for prefix, name, groups in KINDS:
            text = tokens.ensure(text, name or user, uid(prefix, unit), groups, new_token)
    return text


def credentials(text: str, unit: str) -> tuple[str, str, str]:
    """Return a holder's kubelet, proxy and client token; '' for what is not in the file."""
    found = [tokens.find(text, uid(prefix, unit)) for prefix, _, _ in KINDS]
    kubelet, proxy, client = (row.token if row else '' for row in found)
    return kubelet, proxy, client


def uid(prefix: str, unit: str) -> str:
    """Return the uid of one of a unit's users; no application's name ends in a dash and a number."""
    return f'{prefix}-{unit.replace("/", "-")}'


def message(refusals: Sequence[Refusal]) -> str:
    """Return one line about the first refusal and how many more there are, '' if there is none."""
    if not refusals:
        return ''
    more = f' (+{len(refusals) - 1} more, see the log)' if len(refusals) > 1 else ''
    return f'No credentials for {refusals[0].unit}: {refusals[0].reason}{more}'


def _adopt(text: str, user: str, unit: str) -> str:
    """Give the row that a public charm made for this node its new uid: the worker keeps its token."""
    number = unit.rpartition('/')[2]
    found = next((row for row in tokens.rows(text) if row.user == user and row.uid == f'kubelet-{number}'), None)
    if found is None or tokens.find(text, uid('kubelet', unit)):
        return text
    lines = [
        tokens.line_of(tokens.Row(found.token, user, uid('kubelet', unit), found.groups))
        if tokens.row_of(line) == found
        else line
        for line in text.splitlines()
    ]
    return tokens.normal('\n'.join(lines))


def _fault(request: Request) -> str:
    if not USER.fullmatch(request.user):
        return f'it asks for the user {request.user[:60]!r}, which is no node'
    if request.group != GROUP:
        return f'it asks for the group {request.group[:60]!r}, only {GROUP} is given'
    return ''


def _clash(request: Request, holders: Holders) -> str:
    holder = holders.get(request.user, request.unit)
    return '' if holder == request.unit else f'{holder} holds {request.user}; give the machines different host names'


def _natural(unit: str) -> tuple[str, int]:
    application, _, number = unit.rpartition('/')
    return application, int(number) if number.isdigit() else -1
