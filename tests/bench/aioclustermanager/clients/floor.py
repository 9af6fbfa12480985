"""The floor: a bare loop of aiohttp and orjson that does the same requests, and nothing else."""

import ssl

import aiohttp
import orjson


class Subject:
    def __init__(self, access):
        self.access = access
        self.url = f'{access["server"]}/api/v1/namespaces/{access["namespace"]}/configmaps'

    async def open(self):
        context = ssl.create_default_context(cafile=self.access['ca'])
        headers = {'Authorization': f'Bearer {self.access["token"]}'}
        self.session = aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=context, limit=100))

    async def close(self):
        await self.session.close()

    async def get(self, name):
        async with self.session.get(f'{self.url}/{name}') as response:
            return orjson.loads(await response.read())

    async def create(self, name, data):
        body = orjson.dumps({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name}, 'data': data})
        async with self.session.post(self.url, data=body, headers={'Content-Type': 'application/json'}) as response:
            orjson.loads(await response.read())

    async def delete(self, name):
        async with self.session.delete(f'{self.url}/{name}') as response:
            orjson.loads(await response.read())

    async def list(self):
        async with self.session.get(self.url) as response:
            return len(orjson.loads(await response.read())['items'])

    async def events(self, since):
        async with self.session.get(f'{self.url}?watch=true&resourceVersion={since}') as response:
            async for line in response.content:
                yield orjson.loads(line)['object']['metadata']['name']
