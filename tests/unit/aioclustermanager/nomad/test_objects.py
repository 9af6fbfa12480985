"""Jobs, allocations and nodes under the names of 0.3.44."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from aioclustermanager.nomad import const
from aioclustermanager.nomad.execution import NomadExecution
from aioclustermanager.nomad.executions_list import NomadExecutionList
from aioclustermanager.nomad.job import NOMAD_JOB, NomadJob
from aioclustermanager.nomad.job_list import NomadJobList
from aioclustermanager.nomad.namespace import NomadNamespace
from aioclustermanager.nomad.node import NomadNode
from aioclustermanager.nomad.node_list import NomadNodeList


def task(job: NomadJob) -> dict[str, Any]:
    found: dict[str, Any] = job.payload()['Job']['TaskGroups'][0]['Tasks'][0]
    return found


def test_a_job_is_a_batch_of_one_docker_task_named_by_namespace_and_name() -> None:
    job = NomadJob('n', 'pi', 'perl', command=['perl', '-w'], args=['-e', '1'], cpu_limit='500', mem_limit=64)
    sent = job.payload()['Job']
    assert (sent['ID'], sent['Name'], sent['Type'], task(job)['Name']) == ('n-pi', 'n-pi', 'batch', 'n-pi')
    assert task(job)['Config'] == {'image': 'perl', 'command': 'perl', 'args': ['-w', '-e', '1']}
    assert (task(job)['Resources']['CPU'], task(job)['Resources']['MemoryMB']) == (500, 64)
    assert sent['TaskGroups'][0]['RestartPolicy']['Mode'] == 'fail'
    assert (job.image, job.command, job.status, job.active, job.finished) == ('perl', 'perl', '', False, False)


def test_what_nomad_understands_is_passed_on_and_none_counts_as_not_given() -> None:
    given = {'volumes': ['a:b'], 'templates': [{'DestPath': 'x'}], 'docker_network_mode': 'host', 'entrypoint': ['sh']}
    job = NomadJob('n', 'j', 'i', nomad_constraints=[{'Operand': '='}], datacenters=['dc2'], envvars={'A': 1}, **given)
    assert task(job)['Config'] == {'image': 'i', 'volumes': ['a:b'], 'network_mode': 'host', 'entrypoint': ['sh']}
    assert (task(job)['Templates'], task(job)['Env']) == ([{'DestPath': 'x'}], {'A': '1'})
    assert (job.payload()['Job']['Constraints'], job.payload()['Job']['Datacenters']) == ([{'Operand': '='}], ['dc2'])
    plain = NomadJob('n', 'j', 'i', **dict.fromkeys([*given, 'command', 'args', 'envvars', 'cpu_limit', 'mem_limit']))
    assert task(plain)['Config'] == {'image': 'i'}
    assert task(plain)['Resources'] == NOMAD_JOB['Job']['TaskGroups'][0]['Tasks'][0]['Resources']


def test_words_after_the_command_are_kept_without_arguments_and_a_command_may_be_a_word() -> None:
    assert task(NomadJob('n', 'j', 'i', command=['sh', '-c', 'x']))['Config']['args'] == ['-c', 'x']
    assert task(NomadJob('n', 'j', 'i', command='true'))['Config'] == {'image': 'i', 'command': 'true'}


def test_jobs_share_nothing_with_each_other_or_with_what_they_were_made_from() -> None:
    before, volumes = copy.deepcopy(NOMAD_JOB), ['a:b']
    job = NomadJob('n', 'j', 'i', volumes=volumes)
    task(job)['Config']['volumes'].append('c:d')
    task(job)['Env']['A'] = 'b'
    assert (before, volumes) == (NOMAD_JOB, ['a:b'])


def test_a_limit_that_is_no_number_is_named_with_its_unit() -> None:
    with pytest.raises(ValueError, match="mem_limit: Nomad takes a whole number of MB, not '1Gi'"):
        NomadJob('n', 'j', 'i', mem_limit='1Gi')


@pytest.mark.parametrize(
    ('status', 'active', 'finished'),
    [('pending', True, False), ('running', True, False), ('dead', False, True), ('complete', False, True)],
)
def test_a_job_is_finished_when_it_is_dead(status: str, active: bool, finished: bool) -> None:
    job = NomadJob(data={'ID': 'a', 'Status': status})
    assert (job.status, job.active, job.finished) == (status, active, finished)


@pytest.mark.parametrize(
    ('found', 'namespace', 'name'),
    [('n-pi', 'n', 'pi'), ('n-pi', '', 'n-pi'), ('np-pi', 'n', 'np-pi'), ('n-n-pi', 'n', 'n-pi')],
)
def test_the_name_of_a_job_is_its_id_without_the_namespace(found: str, namespace: str, name: str) -> None:
    assert NomadJobList([{'ID': found}], namespace).values()[0].id == name


def test_in_a_namespace_of_nomads_own_the_name_is_the_id() -> None:
    assert NomadJobList([{'ID': 'n-pi'}], 'n', emulated=False).values()[0].id == 'n-pi'


def test_the_scale_is_that_of_the_first_group_wrapped_or_not() -> None:
    job = NomadJob(data={'ID': 'a', 'TaskGroups': [{'Count': 2}, {'Count': 5}]})
    job.scale = 3
    job.rewrap()
    assert job.payload() == {'Job': {'ID': 'a', 'TaskGroups': [{'Count': 3}, {'Count': 5}]}}
    assert job.scale == 3


@pytest.mark.parametrize(
    ('task', 'payload'),
    [
        ({'Env': {'PAYLOAD': '{"a": 1}'}}, {'a': 1}),
        ({'Env': None, 'Templates': [{'EmbeddedTmpl': 'x=$(cat <<EOF\n{"b": 2}\nEOF\n)'}]}, {'b': 2}),
        ({'Env': {'PAYLOAD': 'no json'}, 'Templates': None}, None),
        ({'Templates': [{'EmbeddedTmpl': None}]}, None),
        ({}, None),
    ],
)
def test_the_payload_is_found_in_the_environment_or_in_the_last_template(task: Any, payload: Any) -> None:
    assert NomadJob(data={'TaskGroups': [{'Tasks': [task]}]}).get_payload() == payload


def test_a_job_in_a_list_has_neither_payload_nor_image() -> None:
    job = NomadJob(data={'ID': 'a', 'Status': 'dead'})
    assert (job.get_payload(), job.image, job.command) == (None, None, None)


def allocation(index: int, status: str, **more: Any) -> dict[str, Any]:
    return {'ID': f'id-{index}', 'JobID': 'n-pi', 'ClientStatus': status, 'CreateIndex': index, **more}


def test_allocations_stand_in_the_order_in_which_they_were_made() -> None:
    executions = NomadExecutionList([allocation(9, 'complete'), allocation(3, 'failed')])
    assert executions.statuses() == ['failed', 'complete']
    assert (executions.has_failed_anytime(), executions.is_running(), executions.is_done()) == (True, False, True)
    assert (executions[0].id, executions[0].internal_id) == ('n-pi', 'id-3')


def test_no_allocations_are_done_and_do_not_run() -> None:
    executions = NomadExecutionList([])
    assert (len(executions), executions.is_running(), executions.is_done()) == (0, False, True)
    assert not executions.has_failed_anytime()


@pytest.mark.parametrize('status', ['pending', 'running', 'failed', 'complete', 'lost'])
def test_an_execution_is_what_its_client_says(status: str) -> None:
    execution = NomadExecution(allocation(1, status))
    told = {'pending': execution.pending, 'running': execution.running, 'failed': execution.failed}
    told['complete'] = execution.finished
    assert [name for name, yes in told.items() if yes] == [status] * (status != 'lost')


def test_events_are_those_of_the_task_named_like_the_job_or_of_the_first_one() -> None:
    states = {
        'other': {'Events': [{'Type': 'Received', 'Time': 5}]},
        'n-pi': {'Events': [{'Type': 'Started', 'Time': 7}]},
    }
    assert NomadExecution(allocation(1, 'running', TaskStates=states)).events == [('Started', 7)]
    del states['n-pi']
    assert NomadExecution(allocation(1, 'running', TaskStates=states)).events == [('Received', 5)]
    assert NomadExecution(allocation(1, 'pending', TaskStates=None)).events == []


def test_events_are_sorted_by_their_time() -> None:
    events = [{'Type': 'Started', 'Time': 9}, {'Type': 'Received', 'Time': 10**18}, {'Type': 'Task Setup', 'Time': 1}]
    execution = NomadExecution(allocation(1, 'running', TaskStates={'n-pi': {'Events': events}}))
    assert [kind for kind, _ in execution.sort_status_executions()] == ['Task Setup', 'Started', 'Received']


def test_a_node_has_a_hostname_even_where_the_server_does_not_tell() -> None:
    nodes = NomadNodeList([{'ID': '1', 'Name': 'a'}, {'Name': 'b', 'Attributes': {'unique.hostname': 'b.example'}}])
    assert [(node.id, node.hostname) for node in nodes] == [('a', 'a'), ('b', 'b.example')]
    assert (nodes.total, NomadNode({'Name': 'c'}).id) == (2, 'c')


def test_a_namespace_is_its_name() -> None:
    assert NomadNamespace('n').payload() == {'name': 'n'}
    assert NomadNamespace(data={'Name': 'n', 'Quota': ''}).payload()['Quota'] == ''


def test_the_constants_are_those_of_nomad() -> None:
    assert (const.PENDING, const.RUNNING, const.SUCCEEDED, const.FAILED, const.ERROR, const.DEAD) == (
        'pending',
        'running',
        'complete',
        'failed',
        'failed',
        'dead',
    )
