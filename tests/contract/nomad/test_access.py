"""Tokens, namespaces of tokens, regions and certificates."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from aioclustermanager._http import ConnectionFailed, Forbidden, Invalid, NotFound, Retries
from aioclustermanager.nomad import Client

from tests.contract._certificates import Authority
from tests.contract.nomad.shapes import image, is_dead
from tests.nomad_stand_in import READ, WRITE, NomadStandIn, Token

pytestmark = pytest.mark.asyncio
BOSS, WRITER, READER = 'b0550000-secret', '77717e00-secret', '4ead0000-secret'


@pytest.fixture
def guarded(stand_in: NomadStandIn) -> NomadStandIn:
    stand_in.tokens |= {
        BOSS: Token(BOSS, management=True),
        WRITER: Token(WRITER, namespaces={'default': WRITE}),
        READER: Token(READER, namespaces={'default': READ | {'read-logs'}}),
    }
    return stand_in


def client(stand_in: NomadStandIn, token: str = '', **more: str) -> Client:
    return Client({'endpoint': stand_in.endpoint, **({'token': token} if token else {}), **more})


@pytest.mark.parametrize(('token', 'said'), [('', 'Permission denied'), ('nobody', 'ACL token not found')])
async def test_without_a_good_token_nothing_is_allowed(guarded: NomadStandIn, token: str, said: str) -> None:
    async with client(guarded, token) as nobody:
        with pytest.raises(Forbidden, match=said):
            await nobody.jobs.get('a')
        with pytest.raises(Forbidden, match=said):
            await nobody.jobs.create(image('a', 'quick'))
        with pytest.raises(Forbidden, match=said):
            await nobody.jobs.wait('a', is_dead, timeout_s=5)
    assert len(guarded.requests) == 3, 'a refusal is not asked for again'


async def test_a_token_may_what_its_policies_say(guarded: NomadStandIn) -> None:
    async with client(guarded, WRITER) as writer, client(guarded, READER) as reader:
        await writer.jobs.create(image('a', 'talks'))
        await reader.jobs.wait('a', is_dead, timeout_s=60)
        with pytest.raises(Forbidden):
            await reader.jobs.stop('a')
        with pytest.raises(Forbidden):
            await writer.within('other').jobs.get('a')
        with pytest.raises(Forbidden):
            await writer.namespaces.apply('other')
        (ran,) = await reader.jobs.allocations('a')
        text = b''.join([piece async for piece in reader.allocations.follow_log(ran['ID'], 'sh')])
        assert text == b'0123456789abcdef\n' * 9, 'following needs no right to read files'
        with pytest.raises(Forbidden):
            async for _ in reader.allocations.follow_log(ran['ID'], 'sh', tail=3):
                pass


async def test_events_need_the_rights_of_their_topics(guarded: NomadStandIn) -> None:
    async with client(guarded, READER) as reader, client(guarded, BOSS) as boss:
        await boss.jobs.create(image('a', 'quick'))
        async for event in reader.events('Job'):
            assert event.key == 'a'
            break
        for topics in ((), ('Node',)):
            with pytest.raises(Forbidden):
                async for _ in reader.events(*topics):
                    pass
        async for event in boss.events():
            assert event.topic == 'Node'
            break


async def test_a_token_stands_in_no_error_and_no_repr(guarded: NomadStandIn) -> None:
    async with client(guarded, READER) as reader:
        with pytest.raises(Forbidden) as caught:
            await reader.jobs.stop('a')
        assert READER not in repr(caught.value) + repr(reader.settings) + repr(vars(reader))


async def test_a_region_that_is_not_there_is_refused_at_once(guarded: NomadStandIn) -> None:
    async with client(guarded, BOSS, region='mars') as far, client(guarded, BOSS, region='global') as near:
        with pytest.raises(Invalid, match='No path to region'):
            await far.jobs.get('a')
        with pytest.raises(NotFound):
            await near.jobs.get('a')
        assert await near.regions() == ['global']
    assert [request for request in guarded.requests if 'region=mars' in request] == ['GET /v1/job/a?region=mars']


async def test_client_and_server_know_each_other_by_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue('server', 'server.global.nomad')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_REQUIRED
    mine, my_key = authority.issue('client', 'client.global.nomad')
    async with NomadStandIn(tls=context) as stand_in:
        known = {'endpoint': stand_in.endpoint, 'ca_file': str(authority.path)}
        async with Client({**known, 'certificate': str(mine), 'key': str(my_key)}) as client:
            assert client.settings.server.startswith('https://')
            assert (await client.agent_self())['config']['Region'] == 'global'
            async for event in client.events('Node'):
                assert event.topic == 'Node'
                break
        async with Client(known, retries=Retries(attempts=0)) as stranger:
            with pytest.raises(ConnectionFailed):
                await stranger.agent_self()
        async with Client({'endpoint': f'https://{stand_in.endpoint}'}, retries=Retries(attempts=0)) as wary:
            with pytest.raises(ConnectionFailed, match='certificate'):
                await wary.agent_self()
