"""aioclustermanager, with everything on: retries, deadlines, typed errors."""

from contextlib import aclosing

from aioclustermanager.kubernetes import Client, Configuration, Tls, bearer, resources

MAPS = resources.CONFIG_MAPS


class Subject:
    def __init__(self, access):
        self.access = access
        self.namespace = access['namespace']

    async def open(self):
        tls = Tls(ca_file=self.access['ca'])
        self.client = Client(Configuration(self.access['server'], tls, bearer(self.access['token'])))

    async def close(self):
        await self.client.close()

    async def get(self, name):
        return await self.client.get(MAPS, name, self.namespace)

    async def create(self, name, data):
        await self.client.create(MAPS, {'metadata': {'name': name}, 'data': data}, self.namespace)

    async def delete(self, name):
        await self.client.delete(MAPS, name, self.namespace)

    async def list(self):
        return len((await self.client.list(MAPS, self.namespace))['items'])

    async def streamed(self):
        count = 0
        async for _ in self.client.items(MAPS, self.namespace):
            count += 1
        return count

    async def events(self, since):
        async with aclosing(self.client.watch(MAPS, self.namespace, since=since)) as watch:
            async for event in watch:
                yield event.object['metadata']['name']
