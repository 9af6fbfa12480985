"""kr8s."""

import warnings

import kr8s
import kr8s.asyncio
from kr8s.asyncio.objects import ConfigMap

warnings.simplefilter('ignore')  # it says that 1.20 is below its range; it works all the same


class Subject:
    def __init__(self, access):
        self.access = access
        self.namespace = access['namespace']

    async def open(self):
        self.api = await kr8s.asyncio.api(kubeconfig=self.access['kubeconfig'])

    async def close(self):
        pass

    async def get(self, name):
        return await ConfigMap.get(name, namespace=self.namespace, api=self.api)

    async def _one(self, name, data):
        meta = {'name': name, 'namespace': self.namespace}
        body = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': meta, 'data': data}
        return await ConfigMap(body, api=self.api)

    async def create(self, name, data):
        await (await self._one(name, data)).create()

    async def delete(self, name):
        await (await self._one(name, {})).delete()

    async def list(self):
        return len([item async for item in self.api.get('configmaps', namespace=self.namespace)])

    async def events(self, since):
        async for _, item in self.api.watch('configmaps', namespace=self.namespace, since=since):
            yield item.metadata.name
