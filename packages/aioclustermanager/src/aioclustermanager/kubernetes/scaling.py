"""How many replicas there are to be: the scale subresource of anything that has one."""

from __future__ import annotations

from ._client import Client
from ._resources import Object, Resource


async def get(client: Client, resource: Resource, name: str, namespace: str) -> Object:
    """Return the Scale: spec.replicas is what is wanted, status.replicas what there is."""
    return await client.get(resource, name, namespace, subresource='scale')


async def set_replicas(client: Client, resource: Resource, name: str, namespace: str, replicas: int) -> Object:
    """Want that many; returns the Scale."""
    return await client.patch(resource, name, {'spec': {'replicas': replicas}}, namespace, subresource='scale')
