"""The door to one secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, resources

from . import _wire


@dataclass(frozen=True)
class Secret:
    """A secret as it was read; resource_version '' for one that is not there."""

    data: Mapping[str, bytes]
    resource_version: str = ''
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        return f'Secret(keys={sorted(self.data)}, resource_version={self.resource_version!r})'


NOTHING = Secret({})


def decoded(obj: Object | None) -> Secret:
    if obj is None:
        return NOTHING
    meta = obj['metadata']
    data = {key: _wire.decoded(value) for key, value in (obj.get('data') or {}).items()}
    return Secret(data, meta.get('resourceVersion', ''), meta.get('labels'), meta.get('annotations'))


@dataclass(frozen=True)
class Place:
    """Where a secret is."""

    client: Client
    namespace: str
    name: str

    async def read(self) -> Secret:
        return decoded(await self.client.find(resources.SECRETS, self.name, self.namespace))

    async def save(self, before: Secret, data: Mapping[str, bytes], labels: Mapping[str, str] | None = None) -> None:
        """Create the secret, or replace what it holds. Raises Conflict when it is no longer as it was read."""
        meta: Object = {'name': self.name, 'namespace': self.namespace}
        if all_labels := {**(before.labels or {}), **(labels or {})}:
            meta['labels'] = all_labels
        if before.annotations:
            meta['annotations'] = dict(before.annotations)
        body = {'metadata': meta, 'type': 'Opaque', 'data': {key: _wire.encoded(value) for key, value in data.items()}}
        if before.resource_version:
            meta['resourceVersion'] = before.resource_version
            await self.client.replace(resources.SECRETS, body, self.namespace)
        else:
            await self.client.create(resources.SECRETS, body, self.namespace)

    async def delete(self) -> None:
        """Delete the secret; one that is not there is no fault."""
        try:
            await self.client.delete(resources.SECRETS, self.name, self.namespace)
        except kubernetes.NotFound:
            return
