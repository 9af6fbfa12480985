"""The caller against a server that follows a script: logs, tokens that rotate, faults, and what is left open."""

from __future__ import annotations

import asyncio
import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager import kubernetes
from aioclustermanager.k8s import K8SContextManager, const, create_k8s_caller
from aioclustermanager.k8s.caller import K8SCaller
from aioclustermanager.manager import ClusterManager

from tests.unit.aioclustermanager.scripted import (
    Request,
    Server,
    answer,
    eventually,
    lines,
    raw,
    reset,
    scripted,
    silence,
    status,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures('no_leaks')]
LOG = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n'


def config(server: Server, **more: Any) -> dict[str, Any]:
    return {'endpoint': f'127.0.0.1:{server.port}', 'http_scheme': 'http', 'token': 't', **more}


def pods(*phases: str, version: int = 1) -> dict[str, Any]:
    items = [
        {'metadata': {'name': f'p{at}', 'namespace': 'n', 'resourceVersion': '1'}, 'status': {'phase': phase}}
        for at, phase in enumerate(phases)
    ]
    return {'kind': 'PodList', 'metadata': {'resourceVersion': str(version)}, 'items': items}


def chunk(text: bytes) -> bytes:
    return b'%x\r\n%b\r\n' % (len(text), text)


async def followed(manager: ClusterManager) -> list[bytes]:
    return [line async for line in manager.get_execution_log_watch('n', 'j', 'p0')]


# logs


async def test_a_log_is_followed_line_by_line_however_it_is_cut() -> None:
    log = raw(LOG, chunk(b'one\ntw'), chunk(b'o\n'), chunk(b'\nthr'), chunk(b'ee'), b'0\r\n\r\n')
    async with scripted(answer(200, pods('Running')), log) as server, K8SContextManager(config(server)) as caller:
        assert await followed(ClusterManager(caller)) == [b'one\n', b'two\n', b'\n', b'three']
        assert server.requests[-1].target == '/api/v1/namespaces/n/pods/p0/log?follow=true'


async def test_a_log_is_followed_once_the_pod_has_begun() -> None:
    begun = {'type': 'MODIFIED', 'object': pods('Running')['items'][0]}
    begun['object']['metadata']['resourceVersion'] = '2'
    steps = [answer(200, pods('Pending')), lines(begun), raw(LOG, chunk(b'one\n'), b'0\r\n\r\n')]
    async with scripted(*steps) as server, K8SContextManager(config(server)) as caller:
        assert await followed(ClusterManager(caller)) == [b'one\n']


async def test_a_log_that_breaks_off_is_an_error_and_not_an_end() -> None:
    broken = raw(LOG, chunk(b'one\n'), close=True)
    async with scripted(answer(200, pods('Running')), broken) as server, K8SContextManager(config(server)) as caller:
        found = []
        with pytest.raises(kubernetes.ConnectionFailed, match='before the answer was whole'):
            async for line in caller.get_execution_log_watch('n', 'j', 'p0'):
                found.append(line)
        assert found == [b'one\n']


async def test_whoever_stops_following_leaves_nothing_open() -> None:
    log = raw(LOG, chunk(b'one\n'))
    async with scripted(answer(200, pods('Running')), log) as server:
        async with K8SContextManager(config(server)) as caller:
            logs = caller.get_execution_log_watch('n', 'j', 'p0')
            assert await anext(logs) == b'one\n'
            await logs.aclose()
        await eventually(lambda: not server.open)


# who asks


async def test_a_token_of_the_pod_is_read_again_when_it_was_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / 'token'
    token.write_text('old')
    monkeypatch.setattr('aioclustermanager.k8s.SERVICE_TOKEN_FILENAME', str(token))
    monkeypatch.setenv('KUBERNETES_SERVICE_HOST', '127.0.0.1')
    monkeypatch.delenv('KUBERNETES_SERVICE_TOKEN', raising=False)

    async def knows(request: Request, writer: asyncio.StreamWriter) -> None:
        valid = request.headers['authorization'] == f'Bearer {token.read_text()}'
        await (answer(200, {'metadata': {'name': 'n'}}) if valid else status(401, 'Unauthorized'))(request, writer)

    async with scripted(last=knows) as server:
        monkeypatch.setenv('KUBERNETES_SERVICE_PORT', str(server.port))
        async with K8SContextManager({'auth': 'in_cluster', 'http_scheme': 'http'}) as caller:
            assert await caller.get_namespace('n') is not None
            token.write_text('new')
            assert await caller.get_namespace('n') is not None
            assert caller.session.headers['Authorization'] == 'Bearer new'
    assert [request.headers['authorization'][7:] for request in server.requests] == ['old', 'old', 'new']


async def test_basic_authentication_and_tokens_are_sent() -> None:
    async with scripted(last=answer(200, {})) as server:
        async with K8SContextManager(config(server, token='abc')) as caller:
            await caller.get('/version')
        async with K8SContextManager(config(server, token=None, user='u', credentials='p')) as caller:
            await caller.get('/version')
    assert [request.headers['authorization'] for request in server.requests] == ['Bearer abc', 'Basic dTpw']


# faults


async def test_a_create_whose_answer_was_lost_is_done_once_and_told_as_done() -> None:
    async def made(request: Request, writer: asyncio.StreamWriter) -> None:
        sent = next(each for each in server.requests if each.method == 'POST')
        await answer(200, sent.json())(request, writer)

    steps = [status(404, 'NotFound'), reset, status(409, 'AlreadyExists')]
    async with scripted(*steps, last=made) as server, K8SContextManager(config(server)) as caller:
        assert await ClusterManager(caller).create_job('n', 'j', 'busybox', wait=False, labels={'a': 'b'}) is True


async def test_two_programs_that_create_the_same_find_that_one_of_them_did() -> None:
    steps = [status(404, 'NotFound'), status(409, 'AlreadyExists')]
    async with scripted(*steps, *steps) as server, K8SContextManager(config(server)) as caller:
        manager = ClusterManager(caller)
        assert await manager.create_job('n', 'j', 'busybox') is False
        assert await manager.create_namespace('n') is False


@pytest.mark.parametrize(('code', 'kind'), [(403, kubernetes.Forbidden), (422, kubernetes.Invalid)])
async def test_what_the_server_refuses_has_its_reason(code: int, kind: type[kubernetes.HttpError]) -> None:
    async with scripted(last=status(code, kind.__name__, 'because')) as server:
        caller = await create_k8s_caller(config(server))
        with pytest.raises(kind, match='because') as caught:
            await ClusterManager(caller).list_jobs('n')
        await caller.close()
    assert (caught.value.status, caught.value.reason) == (code, kind.__name__)


async def test_an_answer_without_a_status_is_an_error_under_optimization_too() -> None:
    async with scripted(last=answer(502, b'<html>')) as server:
        caller = K8SCaller(None, f'127.0.0.1:{server.port}', None, 'http')
        caller.client.transport.retries = kubernetes.Retries(attempts=0)
        with pytest.raises(kubernetes.ServerError, match='502'):
            await caller.get('/api/v1/nodes')
        await caller.close()


async def test_waiting_for_an_execution_ends_with_what_the_pods_say_when_the_job_ended_first() -> None:
    ended = {
        'metadata': {'name': 'j', 'resourceVersion': '1'},
        'status': {'conditions': [{'type': 'Complete', 'status': 'True'}]},
    }
    job = {'kind': 'JobList', 'metadata': {'resourceVersion': '1'}, 'items': [ended]}

    async def either(request: Request, writer: asyncio.StreamWriter) -> None:
        if 'watch=true' in request.target:
            await asyncio.sleep(3600)
        await answer(200, job if '/jobs' in request.path else pods())(request, writer)

    async with scripted(last=either) as server, K8SContextManager(config(server)) as caller:
        assert await caller.wait_for_execution_status('n', 'j') == const.SUCCEEDED


async def test_when_one_of_many_calls_fails_the_others_end() -> None:
    jobs = {'metadata': {}, 'items': [{'metadata': {'name': name}} for name in 'abc']}
    steps = [answer(200, jobs), status(403, 'Forbidden')]
    async with scripted(*steps, last=silence) as server, K8SContextManager(config(server)) as caller:
        with pytest.raises(kubernetes.Forbidden):
            await ClusterManager(caller).list_jobs_executions('n')
        assert [task for task in asyncio.all_tasks() if 'get_job_executions' in repr(task)] == []


async def test_a_quota_is_defined_by_two_programs_at_once_without_a_second_one() -> None:
    steps = [status(409, 'AlreadyExists'), answer(200, {})]
    async with scripted(*steps) as server, K8SContextManager(config(server)) as caller:
        await ClusterManager(caller).define_quota('n', cpu_limit='1')
    created, patched = server.requests
    assert patched.path.endswith(f'/resourcequotas/{created.json()["metadata"]["name"]}')
    assert json.loads(patched.body)[0]['value'] == {'requests.cpu': '1', 'limits.cpu': '1'}


# the session


async def test_without_aiohttp_the_session_can_be_closed_and_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **words: Any) -> Any:
        if name == 'aiohttp':
            raise ImportError(name)
        return real(name, *arguments, **words)

    monkeypatch.setattr(builtins, '__import__', missing)
    async with scripted(last=answer(200, {})) as server:
        caller = await create_k8s_caller(config(server))
        await caller.get('/version')
        with pytest.raises(
            AttributeError, match=r'caller.session.get needs aiohttp: pip install aioclustermanager\[session\]'
        ):
            caller.session.get('/version')
        await caller.session.close()
        assert caller.session.closed


async def test_a_cancelled_call_leaves_no_task_and_no_socket() -> None:
    async def never(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with scripted(last=never) as server, K8SContextManager(config(server)) as caller:
        for call in (caller.get_nodes(), caller.wait_for_job('n', 'j'), caller.wait_for_execution_status('n', 'j')):
            task = asyncio.create_task(call)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
