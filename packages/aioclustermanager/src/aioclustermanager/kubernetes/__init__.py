"""A typed client of Kubernetes.

async with Client(Configuration('https://10.0.0.1:6443', tls=Tls(ca=pem), authentication=bearer(token))) as client:
    pod = await client.get(resources.PODS, 'web-0', 'default')
    async for node in client.items(resources.NODES): ...
"""

from .. import _http
from .._http import *  # noqa: F403  (errors, Tls, Limits ...: what callers of the client need of the transport)
from . import resources
from ._client import Client, Patch
from ._configuration import Configuration
from ._resources import Object, Resource
from ._watch import Event

__all__ = [*_http.__all__, 'Client', 'Configuration', 'Event', 'Object', 'Patch', 'Resource', 'resources']
