"""kubernetes_asyncio."""

from kubernetes_asyncio import client, config, watch


class Subject:
    def __init__(self, access):
        self.access = access
        self.namespace = access['namespace']

    async def open(self):
        configuration = client.Configuration()
        await config.load_kube_config(config_file=self.access['kubeconfig'], client_configuration=configuration)
        self.api = client.ApiClient(configuration)
        self.core = client.CoreV1Api(self.api)

    async def close(self):
        await self.api.close()

    async def get(self, name):
        return await self.core.read_namespaced_config_map(name, self.namespace)

    async def create(self, name, data):
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)
        await self.core.create_namespaced_config_map(self.namespace, body)

    async def delete(self, name):
        await self.core.delete_namespaced_config_map(name, self.namespace)

    async def list(self):
        return len((await self.core.list_namespaced_config_map(self.namespace)).items)

    async def events(self, since):
        async with watch.Watch() as following:
            stream = following.stream(self.core.list_namespaced_config_map, self.namespace, resource_version=since)
            async for event in stream:
                yield event['object'].metadata.name
