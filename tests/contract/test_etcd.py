"""etcd's JSON gateway: what the API server uses of it.

For a real etcd set CONTRACT_ETCD (https://host:port), CONTRACT_ETCD_CA, CONTRACT_ETCD_CERTIFICATE, CONTRACT_ETCD_KEY.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _certificates import Authority
from _programs import Http, eventually, free_port, real_programs, run, started


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Etcd:
    def __init__(self, http: Http, prefix: str) -> None:
        self.http = http
        self.prefix = prefix

    def key(self, name: str) -> str:
        return b64(self.prefix + name)

    def call(self, operation: str, **body: Any) -> Any:
        status, answer = self.http.call('POST', f'/v3/{operation}', body)
        assert status == 200, answer
        return answer

    def put(self, name: str, value: str) -> int:
        return int(self.call('kv/put', key=self.key(name), value=b64(value))['header']['revision'])

    def values(self, name: str = '', **more: Any) -> dict[str, str]:
        end = {} if name else {'range_end': b64(self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1))}
        found = self.call('kv/range', key=self.key(name), **end, **more).get('kvs', [])
        decoded = {base64.b64decode(kv['key']).decode(): base64.b64decode(kv.get('value', '')).decode() for kv in found}
        return {key.removeprefix(self.prefix): value for key, value in decoded.items()}


def flags(folder: Path, authority: Authority, port: int) -> dict[str, object]:
    certificate, key = authority.issue('etcd', 'etcd')
    url, peers = f'https://127.0.0.1:{port}', f'http://127.0.0.1:{free_port()}'
    return {
        'name': 'etcd0', 'data-dir': folder / 'data', 'listen-client-urls': url, 'advertise-client-urls': url,
        'cert-file': certificate, 'key-file': key, 'trusted-ca-file': authority.path, 'client-cert-auth': 'true',
        'listen-peer-urls': peers, 'initial-advertise-peer-urls': peers, 'initial-cluster': f'etcd0={peers}',
    }  # fmt: skip


@pytest.fixture(scope='module', params=['stand-in', 'real'])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    real = real_programs() if request.param == 'real' else None
    if request.param == 'real' and real is None:
        pytest.skip('no real etcd here: `make store` builds the store it is in, or $KUBERNETES_BIN names its folder')
    if url := os.environ.get('CONTRACT_ETCD'):
        pair = Path(os.environ['CONTRACT_ETCD_CERTIFICATE']), Path(os.environ['CONTRACT_ETCD_KEY'])
        yield Http(url, Path(os.environ['CONTRACT_ETCD_CA']), certificate=pair)
        return
    folder = tmp_path_factory.mktemp('etcd')
    authority, port = Authority(folder), free_port()
    http = Http(f'https://127.0.0.1:{port}', authority.path, certificate=authority.issue('client', 'client'))
    with started(folder, 'etcd', flags(folder, authority, port), version='3.4.23', real=real):
        eventually(lambda: http.call('GET', '/health') == (200, {'health': 'true'}))
        yield http


@pytest.fixture
def etcd(server: Http, request: pytest.FixtureRequest) -> Etcd:
    return Etcd(server, f'/{request.node.name}/')


def test_what_is_put_is_found_in_order(etcd: Etcd) -> None:
    for name in ('b', 'a', 'c'):
        etcd.put(name, name.upper())
    assert list(etcd.values().items()) == [('a', 'A'), ('b', 'B'), ('c', 'C')]
    assert etcd.values('b') == {'b': 'B'}
    assert etcd.values('zz') == {}


def test_a_limit_says_that_there_is_more(etcd: Etcd) -> None:
    for name in 'abc':
        etcd.put(name, '')
    end = b64(etcd.prefix[:-1] + '0')
    answer = etcd.call('kv/range', key=etcd.key(''), range_end=end, limit='2')
    assert (len(answer['kvs']), answer['more'], answer['count']) == (2, True, '3')


def test_revisions_and_versions_are_counted(etcd: Etcd) -> None:
    first, second = etcd.put('a', '1'), etcd.put('a', '2')
    kv = etcd.call('kv/range', key=etcd.key('a'))['kvs'][0]
    assert second == first + 1
    assert (kv['create_revision'], kv['mod_revision'], kv['version']) == (str(first), str(second), '2')


def test_a_transaction_writes_only_when_its_condition_holds(etcd: Etcd) -> None:
    def guarded(revision: int, value: str) -> Any:
        compare = {'key': etcd.key('a'), 'target': 'MOD', 'result': 'EQUAL', 'mod_revision': str(revision)}
        put = {'request_put': {'key': etcd.key('a'), 'value': b64(value)}}
        return etcd.call(
            'kv/txn', compare=[compare], success=[put], failure=[{'request_range': {'key': etcd.key('a')}}]
        )

    made = guarded(0, 'first')
    assert made['succeeded'] is True
    refused = guarded(0, 'second')
    assert 'succeeded' not in refused
    assert refused['responses'][0]['response_range']['kvs'][0]['value'] == b64('first')
    assert guarded(int(made['header']['revision']), 'third')['succeeded'] is True
    assert etcd.values() == {'a': 'third'}


def test_a_deleted_key_is_gone_and_begins_anew(etcd: Etcd) -> None:
    etcd.put('a', '1')
    assert etcd.call('kv/deleterange', key=etcd.key('a'))['deleted'] == '1'
    assert 'deleted' not in etcd.call('kv/deleterange', key=etcd.key('a'))
    etcd.put('a', '2')
    assert etcd.call('kv/range', key=etcd.key('a'))['kvs'][0]['version'] == '1'


def test_a_watch_tells_the_past_then_the_present(etcd: Etcd) -> None:
    first = etcd.put('a', '1')
    etcd.call('kv/deleterange', key=etcd.key('a'))
    create = {'key': etcd.key(''), 'range_end': b64(etcd.prefix[:-1] + '0'), 'start_revision': str(first)}
    with etcd.http.open('POST', '/v3/watch', {'create_request': create}) as stream:
        assert json.loads(stream.readline())['result']['created'] is True
        seen: list[tuple[str, str]] = []
        while len(seen) < 3:
            for event in json.loads(stream.readline())['result']['events']:
                seen.append((event.get('type', 'PUT'), event['kv'].get('value', '')))
            if len(seen) == 2:
                etcd.put('b', '2')
    assert seen == [('PUT', b64('1')), ('DELETE', ''), ('PUT', b64('2'))]


def test_a_compacted_past_is_refused(etcd: Etcd) -> None:
    first = etcd.put('a', '1')
    last = etcd.put('a', '2')
    etcd.call('kv/compaction', revision=str(last))
    with etcd.http.open(
        'POST', '/v3/watch', {'create_request': {'key': etcd.key('a'), 'start_revision': str(first)}}
    ) as stream:
        results = [json.loads(stream.readline())['result'] for _ in range(2)]
    assert int(results[1]['compact_revision']) >= last and results[1]['canceled'] is True
    assert etcd.values() == {'a': '2'}


def test_a_client_without_a_certificate_is_not_heard(server: Http, tmp_path: Path) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    stranger = Http(server.server, None)
    stranger._context = context
    with pytest.raises((urllib.error.URLError, OSError)):
        stranger.call('GET', '/health')


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    authority, port = Authority(tmp_path), free_port()
    http = Http(f'https://127.0.0.1:{port}', authority.path, certificate=authority.issue('client', 'client'))
    etcd = Etcd(http, '/kill/')
    for round_number in range(2):
        with started(tmp_path, 'etcd', flags(tmp_path, authority, port), version='3.4.23') as process:
            eventually(lambda: http.call('GET', '/health')[0] == 200)
            assert len(etcd.values()) == round_number * 5
            for index in range(5):
                revision = etcd.put(f'{round_number}-{index}', 'x')
            assert revision == 6 + round_number * 5
            process.kill()


def test_the_environment_configures_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f'http://127.0.0.1:{free_port()}'
    monkeypatch.setenv('ETCD_LISTEN_CLIENT_URLS', url)
    monkeypatch.setenv('ETCD_DATA_DIR', str(tmp_path / 'data'))
    with started(tmp_path, 'etcd', {}, version='3.2.10'):
        eventually(lambda: Http(url, None).call('GET', '/version')[1]['etcdserver'] == '3.2.10')
    assert (tmp_path / 'data').is_dir()


def test_it_says_its_version_and_refuses_unknown_flags(tmp_path: Path) -> None:
    assert run(tmp_path, 'etcd', '--version', version='3.2.10').stdout.splitlines()[0] == 'etcd Version: 3.2.10'
    ended = run(tmp_path, 'etcd', '--nonsense', version='3.2.10')
    assert ended.returncode == 1 and 'nonsense' in ended.stderr
