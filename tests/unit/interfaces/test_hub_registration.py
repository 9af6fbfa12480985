"""Both sides of hub-registration under the real reactive bus, hook by hook; and how answers are sealed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.interfaces.conftest import INTERFACES, load


@pytest.fixture(scope='module')
def sealing() -> Iterator[ModuleType]:
    yield load('hub_registration_sealing', INTERFACES / 'hub-registration' / 'sealing.py')


def by_hand(name: str) -> ModuleType:
    return load(name, INTERFACES.parent / 'companions' / 'hub-standin' / 'lib' / 'seal.py')


def hub(hook: Any) -> None:
    """A hub: its leader hands out a credential for each cluster, and has accepted edge-7."""
    from charmhelpers.core import hookenv

    @hook.when('hub-registration.requested')  # type: ignore[untyped-decorator]
    def answer(endpoint: Any) -> None:
        for request in endpoint.unanswered() if hookenv.is_leader() else ():
            endpoint.answer(request, f'kubeconfig of {request.cluster}')
            hook.note(('answered', request.unit, request.cluster))

    @hook.when('hub-registration.connected')  # type: ignore[untyped-decorator]
    def approve(endpoint: Any) -> None:
        endpoint.approve('edge-7')


def spoke(hook: Any) -> None:
    """A cluster: its leader asks, with a key that it keeps."""
    from charmhelpers.core import hookenv, unitdata

    @hook.when('hub-registration.connected')  # type: ignore[untyped-decorator]
    def ask(endpoint: Any) -> None:
        if not hookenv.is_leader():
            endpoint.withdraw()
            return
        name = {'edge': 'edge-7', 'far': 'far-1', 'thief': 'edge-7'}[hookenv.local_unit().split('/')[0]]
        key = unitdata.kv().get('key') or endpoint.new_key()
        unitdata.kv().set('key', key)
        endpoint.ask(name, key)
        hook.note((endpoint.bootstrap(name, key), endpoint.is_approved(name)))


def model(juju: Any, spokes: dict[str, int]) -> dict[str, int]:
    """Deploy a hub and applications that ask it; returns their relations."""
    juju.deploy('hub', 'hub-registration', 'provides', handlers=hub)
    juju.add_unit('hub')
    relations = {}
    for app, units in spokes.items():
        juju.deploy(app, 'hub-registration', 'requires', handlers=spoke)
        for _ in range(units):
            juju.add_unit(app)
        relations[app] = juju.relate('hub', app)
    juju.settle()
    return relations


def last(juju: Any, unit: str) -> Any:
    return [note for ran, _, result in juju.results for note in result.notes if ran == unit][-1]


def test_the_leader_of_each_cluster_gets_a_credential_that_nobody_else_can_read(juju: Any) -> None:
    relations = model(juju, {'edge': 2, 'far': 1})
    assert last(juju, 'edge/0') == ('kubeconfig of edge-7', True)
    assert last(juju, 'far/0') == ('kubeconfig of far-1', False)
    for app, number in relations.items():
        bag = juju.bag(number, 'hub/0')
        assert set(json.loads(bag['answers'])) == {f'{app}/0'}
        assert 'kubeconfig' not in bag['answers']
    assert juju.bag(relations['edge'], 'edge/1') == {}
    assert juju.flags('hub/0') == {'hub-registration.connected'}


def test_hooks_that_change_nothing_write_nothing(juju: Any) -> None:
    model(juju, {'edge': 1})
    for unit in ('hub/0', 'edge/0'):
        assert juju.run(unit, 'update-status').writes == {}


def test_a_new_leader_asks_with_a_key_of_its_own_and_the_old_answer_goes(juju: Any) -> None:
    number = model(juju, {'edge': 2})['edge']
    juju.apps['edge'].leader = 'edge/1'
    for unit in ('edge/0', 'edge/1'):
        juju.run(unit, 'config-changed')
    juju.settle()
    assert last(juju, 'edge/1') == ('kubeconfig of edge-7', True)
    assert set(json.loads(juju.bag(number, 'hub/0')['answers'])) == {'edge/1'}
    assert juju.bag(number, 'edge/0') == {}


def test_a_name_that_another_relation_has_gets_no_answer(juju: Any) -> None:
    relations = model(juju, {'edge': 1, 'thief': 1})
    assert last(juju, 'edge/0') == ('kubeconfig of edge-7', True)
    assert last(juju, 'thief/0') == ('', False)
    assert juju.bag(relations['thief'], 'hub/0') == {}


def test_what_a_stranger_writes_is_no_answer_and_no_request(juju: Any) -> None:
    number = model(juju, {'edge': 1})['edge']
    for text in (
        '[',
        '[]',
        '{"edge/0": 7}',
        '{"edge/0": {"cluster": "edge-7"}}',
        '{"edge/0": {"cluster": 1, "key": 2, "sealed": 3}}',
    ):
        juju.write_bag(number, 'hub/0', {'answers': text})
        juju.settle()
    juju.write_bag(number, 'edge/0', {'cluster-name': 'Edge 7', 'public-key': 'x'})
    juju.run('hub/0', 'config-changed')
    assert 'hub-registration.requested' not in juju.flags('hub/0')


@given(text=st.text(), about=st.text(max_size=63))
def test_what_is_sealed_is_read_by_its_receiver_and_nobody_else(sealing: ModuleType, text: str, about: str) -> None:
    mine, other = sealing.new_key(), sealing.new_key()
    sealed = sealing.seal(sealing.public(mine), text, about)
    assert sealing.unseal(mine, sealed, about) == text
    sender, _, content = sealed.partition('.')
    flipped = 'B' if content[0] == 'A' else 'A'
    for key, what, cluster in (
        (other, sealed, about),
        (mine, sealed, about + 'x'),
        (mine, f'{sender}.{flipped}{content[1:]}', about),
        (mine, content, about),
        ('', sealed, about),
    ):
        with pytest.raises(sealing.Unreadable):
            sealing.unseal(key, what, cluster)


def test_no_two_answers_look_alike(sealing: ModuleType) -> None:
    key = sealing.public(sealing.new_key())
    assert sealing.seal(key, 'same', 'edge-7') != sealing.seal(key, 'same', 'edge-7')


@pytest.mark.parametrize('key', ['', 'x', 'QUJD', 'ä'])
def test_a_key_that_is_none_is_refused(sealing: ModuleType, key: str) -> None:
    with pytest.raises(sealing.Unreadable):
        sealing.seal(key, 'text', 'edge-7')


def test_the_companion_that_seals_by_hand_is_understood(sealing: ModuleType) -> None:
    mine = sealing.new_key()
    sealed = by_hand('hub_standin_seal').seal(sealing.public(mine), 'kubeconfig', 'edge-7')
    assert sealing.unseal(mine, sealed, 'edge-7') == 'kubeconfig'
