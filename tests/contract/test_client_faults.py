"""aioclustermanager's client of Kubernetes while networks and servers fail: nothing lost, nothing applied twice."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from _faults import Choose, Fault, faulty
from _programs import eventually, free_port, real_programs, started
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import (
    Client,
    Configuration,
    Retries,
    Tls,
    bearer,
    commands,
    pods,
    resources,
    waits,
)
from aiohttp import WSMsgType, web

from tests.listening import accepted

pytestmark = pytest.mark.asyncio
MAPS = resources.CONFIG_MAPS
PATIENT = Retries(attempts=12, first_s=0.002, longest_s=0.02)


def direct(cluster: Any) -> Client:
    return Client(Configuration(cluster.server, Tls(ca_file=str(cluster.authority)), bearer(cluster.admin.token)))


def through(url: str, cluster: Any) -> Client:
    return Client(Configuration(url, None, bearer(cluster.admin.token), retries=PATIENT))


def trusting(cluster: Any) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cluster.authority))


def at_random(seed: int, *, share: float = 0.35, without: tuple[Fault, ...] = ()) -> Choose:
    chance = random.Random(seed)
    kinds = [fault for fault in Fault if fault not in (Fault.NONE, Fault.GONE, *without)]

    def choose(method: str, target: str) -> Fault:
        if chance.random() > share:
            return Fault.NONE
        if 'watch=true' in target and chance.random() < 0.2:
            return Fault.GONE
        return chance.choice(kinds)

    return choose


@pytest.mark.parametrize('seed', [1, 2, 3])
async def test_every_write_is_carried_out_once(cluster: Any, namespace: str, seed: int) -> None:
    async with direct(cluster) as sure, faulty(cluster.server, trusting(cluster), at_random(seed)) as proxy:

        async def life(client: Client, number: int) -> None:
            """Create, count to three by replacing the version read, patch, and delete every other one."""
            made = await client.create(MAPS, {'metadata': {'name': f'm-{number}'}, 'data': {'count': '0'}}, namespace)
            for _ in range(3):
                made['data']['count'] = str(int(made['data']['count']) + 1)
                made = await client.replace(MAPS, made)
            await client.patch(MAPS, f'm-{number}', {'data': {'patched': 'yes'}}, namespace)
            if number % 2:
                await client.delete(MAPS, f'm-{number}', namespace)

        async with through(proxy.url, cluster) as client:
            await asyncio.gather(*(life(client, number) for number in range(20)))
        found = {item['metadata']['name']: item['data'] async for item in sure.items(MAPS, namespace)}
        found.pop('kube-root-ca.crt', None)
        assert found == {f'm-{number}': {'count': '3', 'patched': 'yes'} for number in range(0, 20, 2)}
        assert len(set(proxy.done)) > 6, 'faults of many kinds have happened'


async def test_what_cannot_be_repeated_safely_is_not(cluster: Any, namespace: str) -> None:
    async with direct(cluster) as sure, faulty(cluster.server, trusting(cluster), at_random(4)) as proxy:
        body = {'metadata': {'generateName': 'g-', 'labels': {'made': 'here'}}}
        async with through(proxy.url, cluster) as client:
            results = await asyncio.gather(
                *(client.create(MAPS, body, namespace) for _ in range(40)), return_exceptions=True
            )
        failures = [result for result in results if isinstance(result, BaseException)]
        assert all(isinstance(each, kubernetes.ConnectionFailed | kubernetes.ServerError) for each in failures), (
            failures
        )
        count = len((await sure.list(MAPS, namespace, labels={'made': 'here'}))['items'])
        assert 0 < len(results) - len(failures) <= count <= len(results)


@pytest.mark.parametrize('seed', [5, 6])
async def test_a_watch_misses_nothing_and_tells_nothing_twice(
    cluster: Any, namespace: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('aioclustermanager.kubernetes._watch._PAUSES', PATIENT)
    chance = random.Random(seed)
    choose = at_random(seed, share=0.6, without=(Fault.SLOW,))
    async with direct(cluster) as sure, faulty(cluster.server, trusting(cluster), choose) as proxy:
        known: dict[str, int] = {}

        async def follow(client: Client) -> None:
            async with aclosing(client.watch(MAPS, namespace)) as watch:
                async for event in watch:
                    meta = event.object['metadata']
                    name, version = meta['name'], int(meta['resourceVersion'])
                    assert (event.type == 'ADDED') is (name not in known)
                    if event.type == 'DELETED':
                        del known[name]
                    else:
                        assert version > known.get(name, 0)
                        known[name] = version
                    if name == 'last':
                        return

        async with through(proxy.url, cluster) as client:
            following = asyncio.create_task(follow(client))
            present: set[str] = set()
            for _ in range(60):
                name = f'm-{chance.randrange(6)}'
                if name not in present:
                    await sure.create(MAPS, {'metadata': {'name': name}}, namespace)
                    present.add(name)
                elif chance.random() < 0.5:
                    await sure.patch(MAPS, name, {'data': {'x': str(chance.random())}}, namespace)
                else:
                    await sure.delete(MAPS, name, namespace)
                    present.discard(name)
                await asyncio.sleep(0.005)
            await sure.create(MAPS, {'metadata': {'name': 'last'}}, namespace)
            await asyncio.wait_for(following, 60)
        there = await sure.list(MAPS, namespace)
        assert known == {item['metadata']['name']: int(item['metadata']['resourceVersion']) for item in there['items']}


async def test_a_restart_of_the_server_is_survived(cluster: Any, namespace: str) -> None:
    if not cluster.is_ours:
        pytest.skip('starts an API server of its own')
    flags = {**cluster.flags, 'secure-port': free_port()}
    server = f'https://127.0.0.1:{flags["secure-port"]}'
    real = real_programs() if cluster.real else None

    def run() -> Any:
        return started(cluster.folder, 'kube-apiserver', flags, real=real)

    async def ready() -> None:
        http = type(cluster.admin)(server, cluster.authority, token=cluster.admin.token)
        await asyncio.to_thread(eventually, lambda: http.call('GET', '/readyz')[0] == 200)

    tls, patient = Tls(ca_file=str(cluster.authority)), Retries(attempts=1000, first_s=0.05, longest_s=0.2)
    configuration = Configuration(server, tls, bearer(cluster.admin.token), retries=patient)
    async with Client(configuration) as client:
        with run():
            await ready()
            waiting = asyncio.create_task(waits.until(client, MAPS, 'last', namespace, waits.exists, timeout_s=300))
            await client.create(MAPS, {'metadata': {'name': 'before'}}, namespace)
        during = asyncio.create_task(client.create(MAPS, {'metadata': {'name': 'during'}}, namespace, timeout_s=300))
        await asyncio.sleep(0.1)
        with run():
            await ready()
            assert (await during)['metadata']['name'] == 'during'
            await client.create(MAPS, {'metadata': {'name': 'last'}}, namespace)
            assert (await waiting or {})['metadata']['name'] == 'last'


@asynccontextmanager
async def kubelet(folder: Path) -> AsyncIterator[int]:
    """Serve what a kubelet serves to an API server: logs, and commands over a WebSocket."""

    async def logs(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(3):
            await response.write(f'{request.match_info["pod"]} {number}\n'.encode())
            await asyncio.sleep(0.01)
        return response

    async def run(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=('v4.channel.k8s.io',))
        await socket.prepare(request)
        words = request.query.getall('command')
        await socket.send_bytes(b'\x01' + ' '.join(words).encode())
        await socket.send_bytes(b'\x02' + b'warned')
        if request.query.get('input') or request.query.get('stdin'):
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    await socket.send_bytes(b'\x01' + message.data[1:].upper())
                    break
        causes = [{'reason': 'ExitCode', 'message': '7'}]
        failed = {'status': 'Failure', 'reason': 'NonZeroExitCode', 'details': {'causes': causes}}
        await socket.send_bytes(b'\x03' + json.dumps(failed if 'false' in words else {'status': 'Success'}).encode())
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get('/containerLogs/{space}/{pod}/{container}', logs)
    app.router.add_get('/exec/{space}/{pod}/{container}', run)
    app.router.add_post('/exec/{space}/{pod}/{container}', run)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / 'server.crt', folder / 'server.key')
    await web.TCPSite(runner, '127.0.0.1', 0, ssl_context=context).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await accepted()
        for site in list(runner.sites):
            await site.stop()
        await accepted()
        transports = [one.transport for one in runner.server.connections if one.transport] if runner.server else []
        await runner.cleanup()
        for transport in transports:
            transport.abort()  # TLS that was closed waits for its peer's farewell, longer than this loop lives
        await asyncio.sleep(0.01)


async def test_logs_and_commands_reach_the_kubelet_of_the_pod(cluster: Any, namespace: str) -> None:
    if not (cluster.is_ours and cluster.real):
        pytest.skip('the stand-in passes no commands on')
    async with kubelet(cluster.folder) as port, direct(cluster) as client:
        node = {'metadata': {'name': 'kubelet-of-the-test'}}
        await client.create(resources.NODES, node)
        status = {
            'addresses': [{'type': 'InternalIP', 'address': '127.0.0.1'}],
            'daemonEndpoints': {'kubeletEndpoint': {'Port': port}},
        }
        await client.patch(resources.NODES, 'kubelet-of-the-test', {'status': status}, subresource='status')
        spec = {
            'containers': [{'name': 'c', 'image': 'i'}], 'nodeName': 'kubelet-of-the-test',
            'automountServiceAccountToken': False,
        }  # fmt: skip
        await client.create(resources.PODS, {'metadata': {'name': 'p'}, 'spec': spec}, namespace)
        assert await pods.logs(client, 'p', namespace) == 'p 0\np 1\np 2\n'
        assert [line async for line in pods.follow(client, 'p', namespace)] == [b'p 0', b'p 1', b'p 2']
        result = await commands.run(client, 'p', namespace, ['echo', 'a b', '&x=y'])
        assert result == commands.Result(0, b'echo a b &x=y', b'warned')
        assert (await commands.run(client, 'p', namespace, ['false'])).code == 7
        async with commands.Session(client, 'p', namespace, ['cat'], stdin=True) as session:
            await session.send(b'shout')
            assert [data async for channel, data in session if channel == commands.STDOUT] == [b'cat', b'SHOUT']
        with pytest.raises(kubernetes.Error, match=r'cannot tell a command that its input has ended; needs 1\.30'):
            await commands.run(client, 'p', namespace, ['cat'], stdin=b'x')
        with pytest.raises(kubernetes.NotFound):
            await commands.run(client, 'absent', namespace, ['true'])
        await client.delete(resources.PODS, 'p', namespace, grace_s=0)
        await client.delete(resources.NODES, 'kubelet-of-the-test')
