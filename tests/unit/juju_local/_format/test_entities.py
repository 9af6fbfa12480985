"""show-unit, config and the results of actions, from a hand-written model."""

from __future__ import annotations

from typing import Any

import pytest
from juju_local._format import _entities, _tasks
from juju_local._state import Action, Model, Resource


def test_show_unit_shows_both_sides_of_a_relation(model: Model) -> None:
    shown: Any = _entities.show_unit(model, 'kubernetes-worker/2')
    control = shown['relation-info'][0]
    assert (control['relation-id'], control['endpoint'], control['related-endpoint']) == (
        1,
        'kube-control',
        'kube-control',
    )
    assert control['local-unit'] == {'in-scope': True, 'data': {'gpu': 'false'}}
    assert control['related-units'] == {
        'kubernetes-master/0': {'in-scope': True, 'data': {'domain': 'cluster.local', 'port': '53'}}
    }
    assert shown['opened-ports'] == [] and shown['leader'] is False and shown['machine'] == '1'


def test_show_unit_leaves_units_out_when_only_the_application_is_asked_for(model: Model) -> None:
    shown: Any = _entities.show_unit(model, 'kubernetes-worker/2', endpoint='kube-control', app_only=True)
    assert [sorted(each) for each in shown['relation-info']] == [
        ['application-data', 'endpoint', 'related-endpoint', 'relation-id']
    ]


def test_config_tells_where_each_value_comes_from(model: Model) -> None:
    model.applications['kubernetes-worker'].config['labels'] = 'zone=a'
    settings: Any = _entities.show_config(model, 'kubernetes-worker')['settings']
    assert settings['labels'] == {
        'default': '',
        'description': 'Labels of the node.',
        'source': 'user',
        'type': 'string',
        'value': 'zone=a',
    }
    assert settings['ingress']['source'] == 'default' and settings['ingress']['value'] is True
    assert settings['proxy'] == {'description': 'No default.', 'source': 'unset', 'type': 'string'}


@pytest.mark.parametrize('value, text', [(None, ''), (True, 'true'), (0, '0'), ('a', 'a'), (1.5, '1.5')])
def test_a_single_value_is_written_as_go_does(value: object, text: str) -> None:
    assert _entities.go_text(value) == text


def test_resources_tell_what_was_supplied(model: Model) -> None:
    assert _entities.resources_table(_entities.resources(model, 'flannel')).endswith('cni-amd64  -            -\n')
    model.applications['flannel'].resources['cni-amd64'] = Resource('resources/x', 2, 10, 'ab')
    assert _entities.resources_table(_entities.resources(model, 'flannel')).endswith('cni-amd64  user         2\n')


def action(number: str = '2', unit: str = 'u/0', **more: Any) -> Action:
    return Action(number, unit, 'pause', operation='1', enqueued=1795258411.0, **more)


def test_a_queued_action_tells_its_id() -> None:
    assert _tasks.queued([action()]) == 'Action queued with id: "2"\n'
    assert _tasks.queued([action(), action('3', 'u/1')]).splitlines()[:3] == ['unit-u-0:', '  id: "2"', '  unit: u/0']


def test_a_failed_action_shows_its_message_results_log_and_timing() -> None:
    done = action(status='failed', message='no', results={'a': {'b': '1'}}, log=[(1795258411.0, 'half way')])
    assert _tasks.waited([done])['unit-u-0'] == {
        'UnitId': 'u/0',
        'id': '2',
        'message': 'no',
        'results': {'a': {'b': '1'}},
        'log': ['2026-11-21 10:53:31 +0000 UTC half way'],
        'status': 'failed',
        'timing': {'enqueued': '2026-11-21 10:53:31 +0000 UTC'},
    }


def test_plain_results_of_one_unit_are_its_map_and_then_its_output() -> None:
    done = action(status='completed', results={'nodes': '3', 'stdout': 'hello\n', 'return-code': 0})
    assert _tasks.plain([done]) == 'nodes: "3"\n\nhello\n'


def test_an_operation_is_running_while_one_of_its_tasks_is() -> None:
    model = Model()
    model.actions = {'2': action(status='completed', completed=1.0), '3': action('3', 'u/1', status='running')}
    shown: Any = _tasks.operation(model, '1')
    assert shown['status'] == 'running'
    assert shown['summary'] == 'pause run on unit-u-0,unit-u-1'
    assert list(shown['tasks']) == ['2', '3'] and 'completed' not in shown['timing']


def test_actions_are_listed_with_the_first_line_of_their_description(model: Model) -> None:
    declared = model.charm_of('flannel').actions
    assert _tasks.actions_table(declared) == 'Action  Description\npause   Cordon the unit.\n'
    assert _tasks.actions_schema(declared)['pause']['title'] == 'pause'  # type: ignore[index]
