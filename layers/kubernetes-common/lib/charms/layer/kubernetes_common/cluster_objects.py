"""A door: objects of the cluster that bear a mark of ours are made, changed and taken away; others are left alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from charms.layer.kubernetes_common import api

from . import things
from .things import Thing


class Foreign(Exception):
    """An object of this name is there that is not ours; the text names it."""


def first_group(client: api.Client, resource: str, groups: Sequence[str]) -> str:
    """Return the first of some groups in which the server has the resource, '' if none has."""
    for group in groups:
        where = f'/apis/{group}' if '/' in group else f'/api/{group}'
        try:
            found = client.request('GET', where).get('resources') or []
        except api.NotFound:
            continue
        if any(entry.get('name') == resource for entry in found):
            return group
    return ''


def check(client: api.Client, wanted: Iterable[Thing], mark: str) -> None:
    """Look whether `apply` may do its work.

    Raises:
        Foreign: some names are taken.
    """
    taken = []
    for thing in wanted:
        found = _found(client, thing)
        if found is not None and not things.bears(found, mark):
            taken.append(_described(thing))
    if taken:
        raise Foreign(f'{", ".join(taken)}: there already, and not made by this charm')


def apply(client: api.Client, wanted: Iterable[Thing], mark: str) -> list[str]:
    """Make each object what it should be; return those written. Fields that others added to one stay.

    Raises:
        Foreign: an object is not ours; those before it are done.
        api.Error: the server refused or did not answer; repeat the call.
    """
    return [_described(thing) for thing in wanted if _apply(client, thing, mark)]


def remove(client: api.Client, kinds: Iterable[tuple[str, str]], mark: str) -> list[str]:
    """Remove every object of these kinds (resource and group) that bears the mark; return what was removed."""
    gone = []
    for resource, group in kinds:
        for found in client.list(resource, group=group, labels=f'{mark}=true'):
            namespace, name = found['metadata'].get('namespace', ''), found['metadata']['name']
            if delete(client, resource, group, namespace, name):
                gone.append(f'{resource} {name}')
    return gone


def delete(client: api.Client, resource: str, group: str, namespace: str, name: str) -> bool:
    """Remove one object and what depends on it; return False if there was none."""
    try:
        client.delete(resource, name, namespace=namespace, group=group)
    except api.NotFound:
        return False
    return True


def _apply(client: api.Client, thing: Thing, mark: str) -> bool:
    found = _found(client, thing)
    if found is None:
        try:
            client.create(thing.resource, thing.signed(), namespace=thing.namespace, group=thing.group)
            return True
        except api.Conflict:  # another unit was faster
            found = client.get(thing.resource, thing.name, namespace=thing.namespace, group=thing.group)
    if not things.bears(found, mark):
        raise Foreign(f'{_described(thing)} is there already, and not made by this charm')
    if things.is_signed(found, thing):
        return False
    _change(client, thing)
    return True


def _change(client: api.Client, thing: Thing) -> None:
    try:
        client.patch(thing.resource, thing.name, thing.signed(), namespace=thing.namespace, group=thing.group)
    except api.Invalid:  # a field that cannot be changed, such as a selector
        delete(client, thing.resource, thing.group, thing.namespace, thing.name)
        client.create(thing.resource, thing.signed(), namespace=thing.namespace, group=thing.group)


def _found(client: api.Client, thing: Thing) -> api.Object | None:
    try:
        return client.get(thing.resource, thing.name, namespace=thing.namespace, group=thing.group)
    except api.NotFound:
        return None


def _described(thing: Thing) -> str:
    return f'{thing.resource} {thing.namespace}/{thing.name}' if thing.namespace else f'{thing.resource} {thing.name}'
