"""aioclustermanager 0.3.44, as published. It has no call for config maps: its caller's general ones are used."""

import base64

from aioclustermanager.k8s import K8SContextManager


class Subject:
    def __init__(self, access):
        self.access = access
        self.url = f'{access["server"]}/api/v1/namespaces/{access["namespace"]}/configmaps'

    async def open(self):
        self.context = K8SContextManager(
            {
                'auth': 'token',
                'token': base64.b64encode(self.access['token'].encode()).decode(),
                'endpoint': self.access['server'].partition('://')[2],
                'http_scheme': 'https',
                'ca_file': self.access['ca'],
            }
        )
        self.caller = await self.context.open()

    async def close(self):
        await self.context.close()

    async def get(self, name):
        return await self.caller.get(f'{self.url}/{name}')

    async def create(self, name, data):
        await self.caller.post(self.url, 'v1', {'kind': 'ConfigMap', 'metadata': {'name': name}, 'data': data})

    async def delete(self, name):
        await self.caller.delete(f'{self.url}/{name}', 'v1', {'kind': 'DeleteOptions'})

    def events(self, since):
        raise NotImplementedError('it has no watch that begins at a resourceVersion')

    async def list(self):
        return len((await self.caller.get(self.url))['items'])
