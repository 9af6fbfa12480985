"""The controllers as functions, run to rest on a small world of their own."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _controllers, _node_controller, _patches, _scheduler, _times

State = dict[str, list[dict[str, Any]]]
_numbers = itertools.count(1)


def thing(name: str, namespace: str = 'default', **more: Any) -> dict[str, Any]:
    meta = {'name': name, 'uid': f'uid-{next(_numbers)}', 'resourceVersion': '1', 'generation': 1}
    if namespace:
        meta['namespace'] = namespace
    return {'metadata': {**meta, **more.pop('metadata', {})}, **more}


def node(name: str, *, ready: str = 'True', **spec: Any) -> dict[str, Any]:
    conditions = [{'type': 'Ready', 'status': ready}]
    return thing(name, '', spec=spec, status={'conditions': conditions}, metadata={'labels': {'name': name}})


def owner(replicas: int = 0, **spec: Any) -> dict[str, Any]:
    template = {'metadata': {'labels': {'app': 'web'}}, 'spec': {'containers': [], **spec}}
    selector = {'matchLabels': {'app': 'web'}}
    return thing('web', spec={'replicas': replicas, 'selector': selector, 'template': template})


def perform(state: State, action: _controllers.Action) -> None:
    """Do to the state what a server would do."""
    parts = action.path.split('/')
    plural = next(part for part in reversed(parts) if part in _controllers.PATHS)
    if action.method == 'POST':
        meta = action.body['metadata']
        name = meta.get('name') or f'{meta["generateName"]}{next(_numbers)}'
        made = thing(
            name, meta['namespace'], **{k: v for k, v in action.body.items() if k != 'metadata'}, metadata=meta
        )
        state[plural].append({**made, 'metadata': {**made['metadata'], 'name': name}})
        return
    name = parts[parts.index(plural) + 1]
    found = next((item for item in state[plural] if item['metadata']['name'] == name), None)
    if found is None:
        return  # 404: two controllers wanted the same
    state[plural].remove(found)
    if action.method == 'PATCH':
        state[plural].append(_patches.merge(found, action.body))


def settle(state: State) -> int:
    """Act until nothing is left to do; returns the number of rounds."""
    for plural in _controllers.PATHS:
        state.setdefault(plural, [])
    for rounds in range(20):
        actions = [*_controllers.actions(state), *_node_controller.actions(state, {}, 0.0)]
        if not actions:
            return rounds
        for action in actions:
            perform(state, action)
    raise AssertionError(f'no rest: {actions}')


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_a_deployment_ends_with_the_pods_it_was_last_asked_for(wishes: list[int]) -> None:
    state: State = {'deployments': [owner()]}
    for wish in wishes:
        state['deployments'][0]['spec']['replicas'] = wish
        settle(state)
        assert len(state['pods']) == wish
        assert len(state['replicasets']) == 1


def test_a_new_template_replaces_the_pods() -> None:
    state: State = {'deployments': [owner(2)]}
    settle(state)
    before = {pod['metadata']['name'] for pod in state['pods']}
    state['deployments'][0]['spec']['template']['spec']['containers'] = [{'name': 'new'}]
    settle(state)
    assert len(state['pods']) == 2 and not before & {pod['metadata']['name'] for pod in state['pods']}


def test_pods_of_a_template_with_a_name_have_names_of_their_own() -> None:
    deployment = owner(2)
    deployment['spec']['template']['metadata']['name'] = 'web'
    state: State = {'deployments': [deployment]}
    settle(state)
    assert len({pod['metadata']['name'] for pod in state['pods']} - {'web'}) == 2


def test_what_a_deleted_owner_owned_goes_with_it() -> None:
    state: State = {'deployments': [owner(2)]}
    settle(state)
    state['deployments'].clear()
    settle(state)
    assert state['replicasets'] == [] and state['pods'] == []


def test_a_daemon_set_has_a_pod_on_each_node_that_it_selects_cordoned_ones_too() -> None:
    nodes = [node('a'), node('b', unschedulable=True), node('c')]
    nodes[2]['metadata']['labels'] = {'other': 'yes'}
    daemon = owner(nodeSelector={'name': 'b'})
    state: State = {'daemonsets': [daemon], 'nodes': nodes}
    settle(state)
    assert [pod['spec']['nodeName'] for pod in state['pods']] == ['b']
    daemon = next(iter(state['daemonsets']))
    daemon['spec']['template']['spec']['nodeSelector'] = {}
    settle(state)
    assert sorted(pod['spec']['nodeName'] for pod in state['pods']) == ['a', 'b', 'c']


def test_pods_of_a_node_that_is_gone_are_deleted() -> None:
    state: State = {'daemonsets': [owner()], 'nodes': [node('a'), node('b')]}
    settle(state)
    state['nodes'] = [item for item in state['nodes'] if item['metadata']['name'] == 'a']
    settle(state)
    assert [pod['spec']['nodeName'] for pod in state['pods']] == ['a']


def test_every_namespace_gets_its_service_account() -> None:
    state: State = {'namespaces': [thing('default', ''), thing('x', '')]}
    settle(state)
    assert {item['metadata']['namespace'] for item in state['serviceaccounts']} == {'default', 'x'}


@pytest.mark.parametrize(('silent_s', 'status', 'taint'), [(39, 'True', ''), (41, 'Unknown', 'unreachable')])
def test_a_silent_node_is_unknown_after_forty_seconds(silent_s: float, status: str, taint: str) -> None:
    state: State = {'nodes': [node('a')]}
    for _ in range(3):
        for action in list(_node_controller.actions(state, {'a': 0.0}, silent_s)):
            perform(state, action)
    assert state['nodes'][0]['status']['conditions'][0]['status'] == status
    taints = [item['key'].rpartition('/')[2] for item in state['nodes'][0]['spec'].get('taints') or []]
    assert taints == ([taint] if taint else [])


TAINT = {'key': 'k', 'effect': 'NoSchedule'}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    return thing(name, spec=spec)


@pytest.mark.parametrize(
    ('nodes', 'spec', 'expected'),
    [
        ([node('a'), node('b')], {}, 'a'),
        ([node('a', unschedulable=True), node('b')], {}, 'b'),
        ([node('a', ready='False'), node('b')], {}, 'b'),
        ([node('a'), node('b')], {'nodeSelector': {'name': 'b'}}, 'b'),
        ([node('a', taints=[TAINT])], {}, ''),
        ([node('a', taints=[{'key': 'k', 'effect': 'PreferNoSchedule'}])], {}, 'a'),
        ([node('a', taints=[TAINT])], {'tolerations': [{'key': 'k', 'operator': 'Exists'}]}, 'a'),
    ],
)  # fmt: skip
def test_a_pod_goes_to_a_node_that_may_have_it(nodes: Any, spec: Any, expected: str) -> None:
    bound = _scheduler.bindings([pod('p', **spec)], nodes)
    assert [name for _, name in bound] == ([expected] if expected else [])


def test_pods_are_spread_over_nodes() -> None:
    bound = _scheduler.bindings([pod(f'p{index}') for index in range(6)], [node('a'), node('b'), node('c')])
    assert sorted(name for _, name in bound) == ['a', 'a', 'b', 'b', 'c', 'c']


def test_times_are_read_back() -> None:
    assert abs(_times.parse(_times.micro()) - _times.parse(_times.timestamp())) < 2
