"""What the client makes of answers that were lost, and what it asks."""

from __future__ import annotations

from typing import Any

import pytest
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import (
    Client,
    Configuration,
    Patch,
    Retries,
    commands,
    pods,
    resources,
    scaling,
    tokens,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.aioclustermanager.scripted import Server, answer, reset, scripted, status

MAPS = resources.CONFIG_MAPS
QUICK = Retries(attempts=3, first_s=0.001, longest_s=0.002)
MINE = {'metadata': {'name': 'a'}, 'data': {'x': '1'}}
THERE = {'metadata': {'name': 'a', 'namespace': 'n', 'uid': 'u', 'resourceVersion': '7'}, 'data': {'x': '1'}}
EXISTS, CONFLICT = status(409, 'AlreadyExists'), status(409, 'Conflict')


def client_of(server: Server) -> Client:
    return Client(Configuration(server.url, retries=QUICK))


def asked(server: Server) -> list[str]:
    return [request.method for request in server.requests]


@pytest.mark.asyncio
@pytest.mark.parametrize('lost', [reset, status(500, 'InternalError'), status(504, 'Timeout')])
async def test_a_create_whose_answer_was_lost_returns_what_it_made(lost: Any) -> None:
    async with scripted(lost, EXISTS, answer(200, THERE)) as server, client_of(server) as client:
        assert await client.create(MAPS, MINE, 'n') == THERE
        assert asked(server) == ['POST', 'POST', 'GET']


@pytest.mark.asyncio
@pytest.mark.parametrize('there', [answer(200, {**THERE, 'data': {'x': '2'}}), status(404, 'NotFound')])
async def test_an_object_of_somebody_else_is_never_taken_for_ours(there: Any) -> None:
    async with scripted(reset, EXISTS, there) as server, client_of(server) as client:
        with pytest.raises(kubernetes.AlreadyExists):
            await client.create(MAPS, MINE, 'n')


@pytest.mark.asyncio
async def test_an_object_that_was_there_before_is_one_even_if_it_is_the_same() -> None:
    async with scripted(EXISTS, answer(200, THERE)) as server, client_of(server) as client:
        with pytest.raises(kubernetes.AlreadyExists):
            await client.create(MAPS, MINE, 'n')
        assert asked(server) == ['POST']


@pytest.mark.asyncio
async def test_a_create_without_a_name_is_not_repeated_once_the_server_may_have_acted() -> None:
    async with scripted(reset, answer(201, THERE)) as server, client_of(server) as client:
        with pytest.raises(kubernetes.ConnectionFailed):
            await client.create(MAPS, {'metadata': {'generateName': 'a-'}}, 'n')
        assert asked(server) == ['POST']


@pytest.mark.asyncio
async def test_a_replace_whose_answer_was_lost_returns_what_it_wrote_or_the_conflict() -> None:
    body = {**THERE, 'metadata': {**THERE['metadata'], 'resourceVersion': '6'}}
    async with scripted(reset, CONFLICT, answer(200, THERE)) as server, client_of(server) as client:
        assert await client.replace(MAPS, body) == THERE
        assert asked(server) == ['PUT', 'PUT', 'GET']
    async with scripted(reset, CONFLICT, answer(200, {**THERE, 'data': {}})) as server, client_of(server) as client:
        with pytest.raises(kubernetes.Conflict):
            await client.replace(MAPS, body)
    async with scripted(CONFLICT) as server, client_of(server) as client:
        with pytest.raises(kubernetes.Conflict):
            await client.replace(MAPS, body)
        assert asked(server) == ['PUT']


@pytest.mark.asyncio
async def test_a_delete_whose_answer_was_lost_has_succeeded_where_nothing_is_left() -> None:
    async with scripted(reset, status(404, 'NotFound')) as server, client_of(server) as client:
        assert (await client.delete(MAPS, 'a', 'n'))['status'] == 'Success'
    async with scripted(status(404, 'NotFound')) as server, client_of(server) as client:
        with pytest.raises(kubernetes.NotFound):
            await client.delete(MAPS, 'a', 'n')


@pytest.mark.asyncio
async def test_patches_are_repeated_unless_a_second_time_changes_more() -> None:
    async with scripted(reset, answer(200, THERE)) as server, client_of(server) as client:
        assert await client.patch(MAPS, 'a', {'data': {'x': '1'}}, 'n') == THERE
    add = [{'op': 'add', 'path': '/spec/list/-', 'value': 1}]
    async with scripted(reset, answer(200, THERE)) as server, client_of(server) as client:
        with pytest.raises(kubernetes.ConnectionFailed):
            await client.patch(MAPS, 'a', add, 'n', kind=Patch.JSON)
        assert server.requests[0].headers['content-type'] == 'application/json-patch+json'


@pytest.mark.asyncio
async def test_an_eviction_that_a_budget_forbids_is_said_at_once() -> None:
    async with scripted(status(429, 'TooManyRequests', Retry_After='0')) as server, client_of(server) as client:
        with pytest.raises(kubernetes.TooManyRequests):
            await pods.evict(client, 'p', 'n')
        assert len(server.requests) == 1


@pytest.mark.asyncio
async def test_an_eviction_is_asked_in_the_words_that_the_server_knows() -> None:
    async with scripted(status(400, 'BadRequest'), answer(201)) as server, client_of(server) as client:
        await pods.evict(client, 'p', 'n', grace_s=5, uid='u')
        first, second = (request.json() for request in server.requests)
        assert (first['apiVersion'], second['apiVersion']) == ('policy/v1', 'policy/v1beta1')
        assert second['deleteOptions'] == {'gracePeriodSeconds': 5, 'preconditions': {'uid': 'u'}}


@pytest.mark.asyncio
async def test_what_is_asked_is_what_the_api_reference_says() -> None:
    async with scripted(last=answer(200, {'items': [], 'metadata': {}})) as server, client_of(server) as client:
        await client.delete(
            MAPS, 'a', 'n', propagation='Foreground', grace_s=0, uid='u', resource_version='3', dry_run=True
        )
        await client.apply(MAPS, MINE, 'n', field_manager='me', force=True)
        await client.delete_all(MAPS, 'n', labels={'a': 'b'})
        await scaling.set_replicas(client, resources.STATEFUL_SETS, 's', 'n', 3)
        await tokens.request(client, 'sa', 'n', audiences=['vault'])
        await pods.logs(client, 'p', 'n', container='c', tail=5, previous=True)
        delete, apply, collection, scale, token, log = server.requests
    assert delete.json() == {
        'kind': 'DeleteOptions', 'apiVersion': 'v1', 'propagationPolicy': 'Foreground', 'gracePeriodSeconds': 0,
        'preconditions': {'uid': 'u', 'resourceVersion': '3'}, 'dryRun': ['All'],
    }  # fmt: skip
    assert (apply.target, apply.headers['content-type']) == (
        '/api/v1/namespaces/n/configmaps/a?fieldManager=me&force=true',
        'application/apply-patch+yaml',
    )
    assert apply.json() == {'apiVersion': 'v1', 'kind': 'ConfigMap', **MINE}
    assert collection.target == '/api/v1/namespaces/n/configmaps?labelSelector=a%3Db'
    assert (scale.target, scale.json()) == (
        '/apis/apps/v1/namespaces/n/statefulsets/s/scale',
        {'spec': {'replicas': 3}},
    )
    assert token.json()['spec'] == {'expirationSeconds': 3600, 'audiences': ['vault']}
    assert log.target == '/api/v1/namespaces/n/pods/p/log?container=c&previous=true&tailLines=5'


@pytest.mark.parametrize(
    ('document', 'code'),
    [
        ({'status': 'Success'}, 0),
        (
            {
                'status': 'Failure',
                'reason': 'NonZeroExitCode',
                'details': {'causes': [{'reason': 'ExitCode', 'message': '3'}]},
            },
            3,
        ),
    ],
)
def test_the_end_of_a_command_is_its_exit_code(document: dict[str, Any], code: int) -> None:
    assert commands.exit_code(document, 'ls') == code


@given(st.dictionaries(st.sampled_from(['reason', 'details', 'message']), st.text(max_size=5)))
def test_a_command_that_never_ran_is_an_error(document: dict[str, Any]) -> None:
    details = {'causes': [{'reason': 'ExitCode', 'message': document.pop('details', '')}]}
    with pytest.raises(kubernetes.HttpError):
        commands.exit_code({'status': 'Failure', **document, 'reason': 'InternalError', 'details': details}, 'ls')
