"""Lists and executions, with the answers of 0.3.44."""

from __future__ import annotations

from typing import Any

import pytest
from aioclustermanager.k8s.deploy_list import K8SDeployList
from aioclustermanager.k8s.execution import K8SExecution
from aioclustermanager.k8s.executions_list import K8SExecutionList
from aioclustermanager.k8s.job_list import K8SJobList
from aioclustermanager.k8s.node_list import K8SNodeList
from aioclustermanager.k8s.statefulset_list import K8SStatefulSetList
from aioclustermanager.k8s.tf_job_list import K8STFJobList

WITH_TOTAL = (K8SDeployList, K8SJobList, K8SNodeList, K8SStatefulSetList, K8STFJobList)
BY_INDEX = (K8SNodeList, K8SExecutionList)
DATA = {'items': [{'metadata': {'name': 'a'}, 'status': {'active': 2}}, {'metadata': {'name': 'b'}}]}


def pod(phase: str | None, *changes: tuple[str, str | None], name: str = 'p', **more: Any) -> dict[str, Any]:
    conditions = [{'type': kind, 'lastTransitionTime': when} for kind, when in changes]
    return {'metadata': {'name': name}, 'status': {'phase': phase, 'conditions': conditions}, **more}


@pytest.mark.parametrize('kind', WITH_TOTAL)
def test_a_list_can_be_counted_and_gone_through(kind: Any) -> None:
    found = kind(data=DATA, unheard_of=1)
    assert (len(found), found.total, [each.id for each in found]) == (2, 2, ['a', 'b'])
    assert [each.id for each in found.values()] == ['a', 'b']


@pytest.mark.parametrize('kind', [*WITH_TOTAL, K8SExecutionList])
@pytest.mark.parametrize('data', [None, {}, {'items': None}, {'items': []}])
def test_an_empty_list_is_no_error(kind: Any, data: Any) -> None:
    assert [*kind(data=data)] == []


@pytest.mark.parametrize('kind', BY_INDEX)
def test_nodes_and_executions_are_found_and_put_by_their_place(kind: Any) -> None:
    found = kind(data=DATA)
    found[0] = found[1]
    assert found[0].id == 'b' and len(found.values()) == 2


def test_jobs_tell_how_many_pods_they_have_running() -> None:
    assert K8SJobList(data=DATA).schedulled_pods() == 2


@pytest.mark.parametrize(
    ('phase', 'told'),
    [
        ('Pending', (True, False, False)),
        ('Running', (False, True, False)),
        ('Failed', (False, False, True)),
        ('Succeeded', (False, False, False)),
        (None, (False, False, False)),
    ],
)
def test_an_execution_is_what_its_phase_says(phase: str | None, told: tuple[bool, ...]) -> None:
    execution = K8SExecution(data=pod(phase))
    assert (execution.pending, execution.running, execution.failed) == told
    assert (execution.status, execution.id, execution.internal_id) == (phase or '', 'p', 'p')


def test_events_are_the_conditions_and_can_be_had_in_their_order() -> None:
    events = [
        ('Ready', '2020-01-01T00:00:03Z'),
        ('Odd', None),
        ('PodScheduled', '2020-01-01T00:00:01Z'),
        ('Odder', None),
    ]
    execution = K8SExecution(data=pod('Running', *events))
    assert execution.events == events
    assert execution.sort_status_executions() == [events[1], events[3], events[2], events[0]]
    assert K8SExecution(data={'metadata': {'name': 'p'}}).events == []


def test_an_execution_has_the_payload_of_its_container() -> None:
    spec = {'containers': [{'env': [{'name': 'PAYLOAD', 'value': '[1]'}]}]}
    assert K8SExecution(data=pod('Running', spec=spec)).get_payload() == [1]
    assert K8SExecution(data=pod('Running')).get_payload() is None


@pytest.mark.parametrize(
    ('phases', 'told'),
    [
        ((), (False, False, False)),
        (('Pending', 'Unknown'), (False, False, False)),
        (('Pending', 'Failed'), (True, False, False)),
        (('Running', 'Succeeded'), (False, True, True)),
        (('Failed', 'Running', 'Succeeded'), (True, True, True)),
    ],
)
def test_executions_are_what_any_of_them_is(phases: tuple[str, ...], told: tuple[bool, ...]) -> None:
    found = K8SExecutionList(data={'items': [pod(phase) for phase in phases]})
    assert (found.has_failed_anytime(), found.is_running(), found.is_done()) == told
    assert found.statuses() == list(phases)
