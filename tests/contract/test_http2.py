"""HTTP/2 as clients written in Go speak it: one connection to a server, every request and watch a stream in it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from _http2 import Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

NOTHING = '/apis/nothing.example.com/v1/things'
BIG = {'text': 'x' * 900_000}


def connected(cluster: Any, token: str | None = None, **more: Any) -> Connection:
    if not cluster.is_ours:
        pytest.skip('its tokens are not known here')
    known = cluster.admin.token if token is None else token
    return Connection(cluster.server, cluster.authority, known, **more)


@pytest.fixture
def http2(cluster: Any) -> Iterator[Connection]:
    with connected(cluster) as connection:
        yield connection


@pytest.fixture
def maps(namespace: str) -> str:
    return f'/api/v1/namespaces/{namespace}/configmaps'


def made(http2: Connection, maps: str, name: str, data: dict[str, str] | None = None) -> None:
    answer = http2.call('POST', maps, {'metadata': {'name': name}, 'data': data or {}})
    assert answer.status == 201, answer.body


def watching(http2: Connection, maps: str) -> int:
    """Return the stream of a watch that has begun."""
    version = http2.call('GET', maps).decoded['metadata']['resourceVersion']
    stream = http2.send('GET', f'{maps}?watch=1&resourceVersion={version}')
    http2.until(lambda: http2.answers[stream].status)
    return stream


def names(http2: Connection, stream: int) -> list[str]:
    return [event['object']['metadata']['name'] for event in http2.answers[stream].events]


@pytest.mark.parametrize(
    ('offers', 'chosen'), [(['h2', 'http/1.1'], 'h2'), (['h2'], 'h2'), (['http/1.1'], 'http/1.1'), ([], None)]
)
def test_who_offers_http2_gets_it_and_others_what_they_know(
    cluster: Any, offers: Sequence[str], chosen: str | None
) -> None:
    with connected(cluster, offers=offers) as connection:
        assert connection.chosen == chosen


def test_the_server_tells_the_figures_of_kube_apiserver(http2: Connection) -> None:
    http2.call('GET', '/version')
    told = {code.name: http2.frames.remote_settings[code] for code in SettingCodes}
    told |= {'connection': http2.frames.outbound_flow_control_window}
    assert told == {
        'HEADER_TABLE_SIZE': 4096, 'ENABLE_PUSH': 0, 'MAX_CONCURRENT_STREAMS': 250, 'INITIAL_WINDOW_SIZE': 2**18,
        'MAX_FRAME_SIZE': 2**18, 'MAX_HEADER_LIST_SIZE': 2**20 + 320, 'ENABLE_CONNECT_PROTOCOL': 0,
        'connection': 250 * 2**18,
    }  # fmt: skip


def test_objects_are_made_read_patched_listed_and_deleted_in_one_connection(http2: Connection, maps: str) -> None:
    made(http2, maps, 'a', {'x': '1'})
    patched = http2.call('PATCH', f'{maps}/a', {'data': {'y': '2'}}, kind='application/merge-patch+json')
    assert (patched.status, patched.decoded['data']) == (200, {'x': '1', 'y': '2'})
    assert http2.call('GET', f'{maps}/a').decoded['data'] == {'x': '1', 'y': '2'}
    assert 'a' in [item['metadata']['name'] for item in http2.call('GET', maps).decoded['items']]
    assert http2.call('DELETE', f'{maps}/a').status == 200
    assert http2.call('GET', f'{maps}/a').status == 404


def test_an_answer_names_nothing_that_only_http_1_1_has(http2: Connection, maps: str) -> None:
    stream = watching(http2, maps)
    for headers in (http2.call('GET', '/version').headers, http2.answers[stream].headers):
        assert not {'connection', 'transfer-encoding', 'keep-alive'} & set(headers)


def test_what_is_refused_is_refused_as_a_status(cluster: Any, maps: str) -> None:
    with connected(cluster, 'nobody-token') as nobody, connected(cluster, 'wrong') as stranger:
        forbidden = nobody.call('GET', maps)
        assert (forbidden.status, forbidden.decoded['reason']) == (403, 'Forbidden')
        assert 'User "nobody" cannot list' in forbidden.decoded['message']
        assert stranger.call('GET', maps).status == 401


def test_the_certificate_of_the_connection_is_who_asks(cluster: Any, maps: str) -> None:
    with connected(cluster, '', certificate=(cluster.folder / 'client.crt', cluster.folder / 'client.key')) as client:
        assert 'User "client" cannot list' in client.call('GET', maps).decoded['message']


def test_a_body_that_nobody_reads_is_refused_and_the_connection_goes_on(cluster: Any, maps: str) -> None:
    with connected(cluster, 'nobody-token') as nobody:
        for _ in range(3):
            assert (
                nobody.call('POST', maps, {'metadata': {'name': 'a'}, 'data': {**BIG, 'more': 'x' * 900_000}}).status
                == 403
            )
        assert nobody.call('GET', '/version').status == 200


def test_the_events_of_a_watch_come_while_it_goes_on(http2: Connection, maps: str) -> None:
    stream = watching(http2, maps)
    for name in ('a', 'b'):
        made(http2, maps, name)
        http2.until(lambda name=name: names(http2, stream)[-1:] == [name])
    assert not http2.answers[stream].ended


def test_a_watch_ends_with_its_stream_when_its_time_is_up(http2: Connection, maps: str) -> None:
    answer = http2.call('GET', f'{maps}?watch=1&timeoutSeconds=1&resourceVersion=0&labelSelector=none')
    assert (answer.status, answer.body, answer.reset) == (200, b'', None)


def test_fifty_watches_share_a_connection_and_each_is_told(http2: Connection, maps: str) -> None:
    streams = [watching(http2, maps) for _ in range(50)]
    made(http2, maps, 'told')
    http2.until(lambda: all(names(http2, stream) == ['told'] for stream in streams))


def test_a_stream_that_is_given_up_leaves_the_others(http2: Connection, maps: str) -> None:
    given_up, kept = watching(http2, maps), watching(http2, maps)
    http2.reset(given_up)
    made(http2, maps, 'later')
    http2.until(lambda: names(http2, kept) == ['later'])
    assert http2.answers[given_up].body == b''


def test_a_big_list_and_big_objects_come_and_go_whole(http2: Connection, maps: str) -> None:
    for number in range(4):
        made(http2, maps, f'big-{number}', BIG)
    items = http2.call('GET', maps).decoded['items']
    assert [item['data'] for item in items if item['metadata']['name'].startswith('big')] == [BIG] * 4


def test_a_client_that_does_not_read_one_answer_gets_the_others(http2: Connection, maps: str) -> None:
    made(http2, maps, 'big', BIG)
    stalled = http2.frames.get_next_available_stream_id()
    http2.stalled.add(stalled)
    assert http2.send('GET', f'{maps}/big') == stalled
    http2.until(lambda: len(http2.answers[stalled].body) == http2.frames.local_settings.initial_window_size)
    for _ in range(10):
        assert http2.call('GET', '/version').status == 200
    assert not http2.answers[stalled].ended
    http2.go_on(stalled)
    assert http2.wait(stalled).decoded['data'] == BIG


def test_many_requests_at_once_are_each_answered_with_their_own(http2: Connection, maps: str) -> None:
    made(http2, maps, 'a')
    paths = [(f'{maps}/a', 200), (f'{maps}/nothing', 404), ('/version', 200), (NOTHING, 404)] * 25
    streams = [http2.send('GET', path) for path, _ in paths]
    assert [http2.wait(stream).status for stream in streams] == [status for _, status in paths]


def test_a_request_more_than_allowed_is_refused_and_the_others_go_on(http2: Connection, maps: str) -> None:
    watches = [watching(http2, maps)] + [http2.send('GET', f'{maps}?watch=1') for _ in range(249)]
    http2.until(lambda: all(http2.answers[stream].status == 200 for stream in watches))
    http2.frames.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 1000  # h2 would not ask for more
    http2.frames.remote_settings.acknowledge()
    refused = http2.send('GET', '/version')
    http2.until(lambda: http2.answers[refused].reset is not None)
    assert http2.answers[refused].reset == ErrorCodes.PROTOCOL_ERROR
    http2.reset(watches.pop())
    made(http2, maps, 'later')
    http2.until(lambda: names(http2, watches[0]) == ['later'])


@pytest.mark.skipif(not shutil.which('curl'), reason='no curl here')
def test_curl_speaks_http2_to_it_unasked(cluster: Any, maps: str) -> None:
    asked = f'header = "Authorization: Bearer {cluster.admin.token}"\nurl = "{cluster.server}{maps}"\n'
    words = ['curl', '-sS', '--cacert', str(cluster.authority), '-o', '/dev/null', '-w', '%{http_version} %{http_code}']
    done = subprocess.run([*words, '-K', '-'], input=asked, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == '2 200'
