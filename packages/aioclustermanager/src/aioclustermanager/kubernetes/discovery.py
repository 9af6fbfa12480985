"""Which resources a server has, custom ones too."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .. import _http
from ._client import Client
from ._resources import Object, Resource, segment


@dataclass(frozen=True)
class Found:
    """A resource and what the server says of it."""

    resource: Resource
    verbs: tuple[str, ...]
    short_names: tuple[str, ...]
    preferred: bool  # whether its version is the one the server prefers for the group
    subresources: tuple[str, ...] = ()


async def version(client: Client) -> Object:
    """Return the server's version: gitVersion, major, minor (which may end in '+')."""
    answer: Object = (await client.transport.request('GET', '/version')).json()
    return answer


async def resources(client: Client, *, group: str | None = None) -> list[Found]:
    """Return all resources, or those of one group ('' is the core group), of every version that is served.

    A group whose own API server does not answer is left out, as kubectl does, unless it was asked for.
    """
    places: list[tuple[str, str, bool]] = [('', 'v1', True)] if not group else []
    if group != '':
        listed: Object = (await client.transport.request('GET', '/apis')).json()
        places += [
            (each['name'], one['version'], one['version'] == each['preferredVersion']['version'])
            for each in listed['groups']
            for one in each['versions']
            if group is None or each['name'] == group
        ]
    answers = await asyncio.gather(*(_listed(client, *place, lenient=group is None) for place in places))
    return [found for answer in answers for found in answer]


async def find(client: Client, name: str, *, group: str | None = None, version: str = '') -> Resource:
    """Return the resource of that kind, plural or short name, as the group prefers it. Raises NotFound.

    Without a group the core group comes first, then the order of the server.
    """
    wanted = name.lower()
    matches = [
        found
        for found in await resources(client, group=group)
        if wanted in (found.resource.kind.lower(), found.resource.plural, *found.short_names)
        and version in ('', found.resource.version)
    ]
    matches.sort(key=lambda found: not found.preferred)
    if not matches:
        where = '' if group is None else f' in group {group!r}'
        raise _http.NotFound(f'the server has no resource {name!r}{where}', status=404, reason='NotFound')
    first = matches[0].resource.group
    return next((found for found in matches if found.resource.group == first), matches[0]).resource


async def _listed(client: Client, group: str, version: str, preferred: bool, *, lenient: bool) -> list[Found]:
    path = f'/apis/{segment(group)}/{segment(version)}' if group else f'/api/{segment(version)}'
    try:
        document: Object = (await client.transport.request('GET', path)).json()
    except (_http.ServerError, _http.NotFound):
        if lenient:
            return []
        raise
    entries = document.get('resources') or []
    parts: dict[str, list[str]] = {}
    for entry in entries:
        plural, _, part = entry['name'].partition('/')
        if part:
            parts.setdefault(plural, []).append(part)
    return [
        Found(
            Resource(group, version, entry['name'], entry['kind'], entry['namespaced']),
            tuple(entry.get('verbs') or ()),
            tuple(entry.get('shortNames') or ()),
            preferred,
            tuple(sorted(parts.get(entry['name'], ()))),
        )
        for entry in entries
        if '/' not in entry['name']
    ]
