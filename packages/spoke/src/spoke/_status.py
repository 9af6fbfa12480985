"""The door to the status of an object on the hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, Resource

from . import _patches

Edit = Callable[[Object], Mapping[str, Any]]  # an object to the status it should have
_TRIES = 4


async def change(client: Client, resource: Resource, read: Object, edit: Edit) -> bool:
    """Make the status of an object so; returns whether that took a request.

    Somebody else who wrote meanwhile is no fault: the object is read again, and edited as it is now.
    """
    meta = read['metadata']
    name, namespace = meta['name'], meta.get('namespace', '')
    for left in reversed(range(_TRIES)):
        patch = _patches.status_patch(read, edit(read))
        if patch is None:
            return False
        try:
            await client.patch(resource, name, patch, namespace, subresource='status')
        except kubernetes.Conflict:
            if not left:
                raise
            read = await client.get(resource, name, namespace)
        else:
            return True
    return False
