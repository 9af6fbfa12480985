"""Certificates, keys and proxies."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aioclustermanager import _http
from aioclustermanager._http import ClientCertificate, InvalidConfiguration, Tls, Transport, _retry, _tls

from tests.contract._certificates import Authority
from tests.listening import listening
from tests.unit.aioclustermanager.scripted import answer, scripted


@pytest.fixture(scope='module')
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp('pki'))
    made.issue('server', 'server')
    made.issue('client', 'somebody')
    return made


def server_context(authority: Authority, *, client: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.path))
    context.load_cert_chain(authority.folder / 'server.crt', authority.folder / 'server.key')
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
@pytest.mark.parametrize('form', ['memory', 'files', 'one file', 'memory, one text'])
async def test_a_client_certificate_is_shown_whichever_way_it_is_given(authority: Authority, form: str) -> None:
    certificate, key = authority.folder / 'client.crt', authority.folder / 'client.key'
    both = authority.folder / 'both.pem'
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    client = {
        'memory': ClientCertificate(certificate.read_bytes(), key.read_bytes()),
        'files': ClientCertificate(certificate_file=str(certificate), key_file=str(key)),
        'one file': ClientCertificate(certificate_file=str(both)),
        'memory, one text': ClientCertificate(both.read_bytes()),
    }[form]
    async with scripted(last=answer(), tls=server_context(authority, client=True)) as server:
        async with Transport(server.url, tls=Tls(ca=authority.path.read_bytes(), client=client)) as transport:
            assert (await transport.request('GET', '/')).status == 200
            assert (await transport.request('GET', '/')).status == 200
        assert server.connections == 1


@pytest.mark.parametrize('memory_files', [True, False])
def test_a_key_from_memory_is_on_no_disk_afterwards(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_files: bool
) -> None:
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr('tempfile.tempdir', None)
    if not memory_files:
        monkeypatch.delattr(os, 'memfd_create')
    pair = [(authority.folder / f'client.{part}').read_bytes() for part in ('crt', 'key')]
    _tls.context(Tls(ca_file=str(authority.path), client=ClientCertificate(*pair)))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidConfiguration):
        _tls.context(Tls(client=ClientCertificate(pair[0], b'nonsense')))
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_and_an_authority_count_both(authority: Authority) -> None:
    pair = [(authority.folder / f'client.{part}').read_bytes() for part in ('crt', 'key')]
    context = _tls.context(Tls(ca_file=str(authority.path), client=ClientCertificate(*pair)))
    assert len(context.get_ca_certs()) == 1 and context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ('tls', 'named'),
    [
        (Tls(ca_file='/nowhere/ca.pem'), 'cannot read the authorities in /nowhere/ca.pem: no such file'),
        (Tls(ca=b'no pem'), 'the authorities given: not certificates in PEM'),
        (Tls(ca='ä'.encode()), 'the authorities given: not certificates in PEM'),
        (Tls(client=ClientCertificate(certificate_file='/nowhere/c.pem')), 'cannot read /nowhere/c.pem: no such file'),
        (Tls(client=ClientCertificate(b'x', b'y')), 'the client certificate given: no certificate with its key'),
    ],
)
def test_what_cannot_be_used_is_named_before_any_connection(tls: Tls, named: str) -> None:
    with pytest.raises(InvalidConfiguration, match=named):
        Transport('https://127.0.0.1:1', tls=tls)


def test_no_secret_is_in_a_repr() -> None:
    shown = repr(
        (Tls(client=ClientCertificate(b'CERT', b'KEY')), _http.bearer('TOKEN'), _http.basic('user', 'PASSWORD'))
    )
    shown += repr(_http.Grant({'Authorization': 'TOKEN'}))
    assert not any(secret in shown for secret in ('CERT', 'KEY', 'TOKEN', 'PASSWORD'))


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
async def test_a_server_of_another_authority_or_name_is_not_trusted_unless_nobody_is_asked(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path)
    async with scripted(last=answer(), tls=server_context(authority)) as server:
        for tls in (Tls(ca_file=str(stranger.path)), Tls(ca_file=str(authority.path), server_name='other')):
            async with Transport(server.url, tls=tls, retries=_retry.NONE) as transport:
                with pytest.raises(_http.ConnectionFailed, match=r'(?i)certificate') as caught:
                    await transport.request('GET', '/')
                assert not caught.value.sent
        for tls in (Tls(verify=False), Tls(ca_file=str(authority.path), server_name='localhost')):
            async with Transport(server.url, tls=tls) as transport:
                assert (await transport.request('GET', '/')).status == 200


@asynccontextmanager
async def proxy(credentials: str = '', refuse: bool = False) -> AsyncIterator[tuple[int, list[str]]]:
    """A CONNECT proxy of the test's."""
    heads: list[str] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b'\r\n\r\n')).decode()
        heads.append(head)
        if refuse or (credentials and f'Proxy-Authorization: {credentials}' not in head):
            writer.write(b'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nsay!')
            writer.close()
            return
        host, _, port = head.split(' ')[1].rpartition(':')
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b'HTTP/1.1 200 Connection established\r\n\r\n')
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async with listening(serve) as port:
        yield port, heads


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
async def test_a_server_is_reached_through_a_proxy_that_sees_its_name_and_nothing_else(authority: Authority) -> None:
    tls = Tls(ca_file=str(authority.path))
    async with (
        proxy('Basic dTpwIHc=') as (port, heads),
        scripted(last=answer(), tls=server_context(authority)) as server,
    ):
        url = f'http://u:p%20w@127.0.0.1:{port}'
        async with Transport(server.url, tls=tls, proxy=url, authentication=_http.bearer('TOKEN')) as transport:
            assert (await transport.request('GET', '/')).status == 200
            assert (await transport.request('GET', '/')).status == 200
        assert len(heads) == 1 and heads[0].startswith(f'CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n')
        assert 'TOKEN' not in heads[0] and server.requests[0].headers['authorization'] == 'Bearer TOKEN'


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
async def test_a_proxy_that_refuses_is_named(authority: Authority) -> None:
    async with (
        proxy(refuse=True) as (port, _),
        Transport('https://10.0.0.1:6443', proxy=f'http://127.0.0.1:{port}', retries=_retry.NONE) as transport,
    ):
        with pytest.raises(
            _http.ConnectionFailed, match=f'the proxy 127.0.0.1:{port} does not connect .* 407'
        ) as caught:
            await transport.request('POST', '/')
        assert not caught.value.sent


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
async def test_a_plain_server_is_asked_of_the_proxy_itself() -> None:
    async with scripted(last=answer()) as between:
        async with Transport('http://cluster.example:8080', proxy=f'http://127.0.0.1:{between.port}') as transport:
            await transport.request('GET', '/api')
        assert between.requests[0].target == 'http://cluster.example:8080/api'
        assert between.requests[0].headers['host'] == 'cluster.example:8080'


def test_a_proxy_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(InvalidConfiguration, match=r'proxy socks5://127.0.0.1: only proxies at http://'):
        Transport('https://h:1', proxy='socks5://user:secret@127.0.0.1:1080')
