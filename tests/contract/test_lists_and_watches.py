"""Lists, selectors and watches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

MERGE = 'application/merge-patch+json'


@pytest.fixture
def maps(cluster: Any, namespace: str) -> str:
    path = f'/api/v1/namespaces/{namespace}/configmaps'
    for name, labels in (('a', {'x': '1'}), ('b', {'x': '2', 'y': ''}), ('c', {'y': '1'})):
        cluster.admin.post(path, {'metadata': {'name': name, 'labels': {**labels, 'test': ''}}})
    return path


@pytest.mark.parametrize(
    ('selector', 'expected'),
    [
        ('x=1', 'a'), ('x==1', 'a'), ('x!=1', 'bc'), ('x', 'ab'), ('!x', 'c'), ('x in (1,2)', 'ab'),
        ('x notin (1)', 'bc'), ('x=2,y', 'b'), ('y=', 'b'), ('x,!y', 'a'),
    ],
)  # fmt: skip
def test_a_label_selector_chooses(cluster: Any, maps: str, selector: str, expected: str) -> None:
    quoted = f'test,{selector}'.replace(' ', '%20')
    names = [item['metadata']['name'] for item in cluster.admin.get(f'{maps}?labelSelector={quoted}')['items']]
    assert ''.join(names) == expected


def test_a_field_selector_chooses_and_an_unknown_field_is_refused(cluster: Any, maps: str) -> None:
    found = cluster.admin.get(f'{maps}?fieldSelector=metadata.name%3Db')['items']
    assert [item['metadata']['name'] for item in found] == ['b']
    status, body = cluster.admin.call('GET', f'{maps}?fieldSelector=data.x%3Db')
    assert status == 400 and '"data.x" is not a known field selector: only "metadata.name"' in body['message']
    status, body = cluster.admin.call('GET', '/api/v1/pods?fieldSelector=data.x%3Db')
    assert status == 400 and 'field label not supported: data.x' in body['message']


def test_a_list_comes_in_pieces_of_the_size_asked_for(cluster: Any, maps: str) -> None:
    names, token, pieces = [], '', 0
    while pieces == 0 or token:
        piece = cluster.admin.get(f'{maps}?labelSelector=test&limit=2&continue={token}')
        names += [item['metadata']['name'] for item in piece['items']]
        token, pieces = piece['metadata'].get('continue', ''), pieces + 1
    assert (names, pieces) == (['a', 'b', 'c'], 2)


def test_a_list_is_of_its_kind_and_version(cluster: Any, maps: str) -> None:
    listed = cluster.admin.get(maps)
    assert (listed['kind'], listed['apiVersion']) == ('ConfigMapList', 'v1')
    assert all('kind' not in item for item in listed['items'])
    newest = max(int(item['metadata']['resourceVersion']) for item in listed['items'])
    assert int(listed['metadata']['resourceVersion']) >= newest


def events(cluster: Any, path: str, query: str, count: int) -> Iterator[tuple[str, str]]:
    """Yield (type, name) of the first events of a watch."""
    with cluster.admin.open('GET', f'{path}?watch=1&timeoutSeconds=60&{query}') as stream:
        for _ in range(count):
            event = json.loads(stream.readline())
            yield event['type'], event['object']['metadata'].get('name', '')


def test_a_watch_goes_on_from_a_version_without_a_gap(cluster: Any, maps: str) -> None:
    version = cluster.admin.get(maps)['metadata']['resourceVersion']
    cluster.admin.post(maps, {'metadata': {'name': 'd'}})
    cluster.admin.call('PATCH', f'{maps}/d', {'data': {'k': 'v'}}, kind=MERGE)
    cluster.admin.call('DELETE', f'{maps}/d')
    found = list(events(cluster, maps, f'resourceVersion={version}', 3))
    assert found == [('ADDED', 'd'), ('MODIFIED', 'd'), ('DELETED', 'd')]


def test_a_watch_without_a_version_begins_with_what_is_there(cluster: Any, maps: str) -> None:
    found = list(events(cluster, maps, 'labelSelector=test', 3))
    assert sorted(found) == [('ADDED', 'a'), ('ADDED', 'b'), ('ADDED', 'c')]


def test_an_object_that_leaves_the_selection_is_seen_as_deleted(cluster: Any, maps: str) -> None:
    version = cluster.admin.get(maps)['metadata']['resourceVersion']
    for value in ('9', '1'):
        cluster.admin.call('PATCH', f'{maps}/a', {'metadata': {'labels': {'x': value}}}, kind=MERGE)
    found = list(events(cluster, maps, f'resourceVersion={version}&labelSelector=x%3D1', 2))
    assert found == [('DELETED', 'a'), ('ADDED', 'a')]


def test_a_watch_sees_what_happens_later(cluster: Any, maps: str) -> None:
    version = cluster.admin.get(maps)['metadata']['resourceVersion']
    later = threading.Timer(0.3, lambda: cluster.admin.post(maps, {'metadata': {'name': 'z'}}))
    later.start()
    assert list(events(cluster, maps, f'resourceVersion={version}', 1)) == [('ADDED', 'z')]
    later.join()


def test_a_watch_ends_when_its_time_is_up(cluster: Any, maps: str) -> None:
    version = cluster.admin.get(maps)['metadata']['resourceVersion']
    with cluster.admin.open('GET', f'{maps}?watch=1&timeoutSeconds=1&resourceVersion={version}') as stream:
        assert stream.read() == b''


def test_a_watch_from_too_long_ago_is_gone(cluster: Any, maps: str) -> None:
    with cluster.admin.open('GET', f'{maps}?watch=1&timeoutSeconds=60&resourceVersion=1') as stream:
        event = json.loads(stream.readline())
    if event['type'] != 'ERROR':
        pytest.skip('this server still knows its first version')
    assert event['object']['code'] == 410
    assert 'too old resource version: 1' in event['object']['message']
