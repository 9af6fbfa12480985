"""lightkube."""

from lightkube import AsyncClient, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap


class Subject:
    def __init__(self, access):
        self.access = access
        self.namespace = access['namespace']

    async def open(self):
        self.client = AsyncClient(config=KubeConfig.from_file(self.access['kubeconfig']), trust_env=False)

    async def close(self):
        await self.client.close()

    async def get(self, name):
        return await self.client.get(ConfigMap, name, namespace=self.namespace)

    async def create(self, name, data):
        await self.client.create(ConfigMap(metadata=ObjectMeta(name=name, namespace=self.namespace), data=data))

    async def delete(self, name):
        await self.client.delete(ConfigMap, name, namespace=self.namespace)

    async def list(self):
        return len([item async for item in self.client.list(ConfigMap, namespace=self.namespace)])

    async def events(self, since):
        watch = self.client.watch(ConfigMap, namespace=self.namespace, resource_version=since)
        async for _, item in watch:
            yield item.metadata.name
