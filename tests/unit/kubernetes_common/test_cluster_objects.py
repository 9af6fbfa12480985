"""Objects of the cluster against an API with state."""

import pytest
from charms.layer.kubernetes_common import api, cluster_objects
from charms.layer.kubernetes_common.things import make

from tests.unit.kubernetes_common.objects_api import Api

MARK = 'ours'


def thing(name='a', **content):
    made = make('configmaps', 'v1', 'ConfigMap', name, **content)
    made.body['metadata']['labels'] = {MARK: 'true'}
    return made


@pytest.fixture
def server():
    return Api()


def test_what_is_there_is_not_written_again(server):
    wanted = [thing('a'), thing('b', data={'x': '1'})]
    assert len(cluster_objects.apply(server, wanted, MARK)) == 2
    server.writes.clear()
    assert cluster_objects.apply(server, wanted, MARK) == []
    assert server.writes == []


def test_a_change_is_written_and_keys_that_others_added_stay(server):
    cluster_objects.apply(server, [thing(data={'x': '1'})], MARK)
    server.objects['configmaps', 'a']['data']['people'] = 'theirs'
    server.objects['configmaps', 'a']['metadata']['labels']['people'] = 'too'
    assert cluster_objects.apply(server, [thing(data={'x': '2'})], MARK) == ['configmaps a']
    assert server.objects['configmaps', 'a']['data'] == {'x': '2', 'people': 'theirs'}
    assert server.objects['configmaps', 'a']['metadata']['labels'] == {MARK: 'true', 'people': 'too'}


def test_what_cannot_be_changed_is_made_anew(server):
    cluster_objects.apply(server, [thing(data={'x': '1'})], MARK)
    server.immutable = {'a'}
    cluster_objects.apply(server, [thing(data={'y': '2'})], MARK)
    assert server.objects['configmaps', 'a']['data'] == {'y': '2'}


def test_fm_60_an_object_without_the_mark_is_neither_changed_nor_removed(server):
    server.objects['configmaps', 'a'] = {'metadata': {'name': 'a'}}
    for call in (cluster_objects.check, cluster_objects.apply):
        with pytest.raises(cluster_objects.Foreign, match='configmaps a'):
            call(server, [thing()], MARK)
    assert cluster_objects.remove(server, [('configmaps', 'v1')], MARK) == []
    assert server.objects == {('configmaps', 'a'): {'metadata': {'name': 'a'}}} and server.writes == []


def test_two_units_may_make_the_same_at_the_same_time(server, monkeypatch):
    real = server.get
    asked = []

    def late(*arguments, **more):
        asked.append(1)
        if len(asked) == 1:  # the other unit's object is there a moment later
            server.objects['configmaps', 'a'] = thing().signed()
            raise api.NotFound('GET', 404, 'not found')
        return real(*arguments, **more)

    monkeypatch.setattr(server, 'get', late)
    assert cluster_objects.apply(server, [thing()], MARK) == []


def test_fm_59_what_is_gone_already_is_no_failure(server, monkeypatch):
    cluster_objects.apply(server, [thing('a'), thing('b')], MARK)
    listed = server.list('configmaps', labels=MARK)
    monkeypatch.setattr(server, 'list', lambda *_, **__: listed)
    del server.objects['configmaps', 'a']
    assert cluster_objects.remove(server, [('configmaps', 'v1')], MARK) == ['configmaps b']
    assert server.objects == {}


@pytest.mark.parametrize(
    'served, found',
    [
        ({'/apis/apps/v1': ['daemonsets']}, 'apps/v1'),
        ({'/apis/extensions/v1beta1': ['daemonsets', 'ingresses']}, 'extensions/v1beta1'),
        ({'/apis/apps/v1': ['statefulsets'], '/apis/extensions/v1beta1': ['daemonsets']}, 'extensions/v1beta1'),
        ({}, ''),
    ],
)
def test_fm_62_the_first_group_that_serves_a_resource_is_taken(served, found):
    class Discovery:
        def request(self, _, where):
            if where not in served:
                raise api.NotFound('GET', 404, 'no such group')
            return {'resources': [{'name': name} for name in served[where]]}

    assert cluster_objects.first_group(Discovery(), 'daemonsets', ('apps/v1', 'extensions/v1beta1')) == found
