"""Objects by keyword arguments, and what is read out of those that the server gives. Shapes as 0.3.44 has them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from aioclustermanager.k8s.delete import K8SDelete
from aioclustermanager.k8s.deploy import K8S_DEPLOY, K8SDeploy
from aioclustermanager.k8s.job import K8S_JOB, K8SJob
from aioclustermanager.k8s.namespace import K8SNamespace
from aioclustermanager.k8s.node import K8SNode
from aioclustermanager.k8s.quota import K8SQuota
from aioclustermanager.k8s.scale import K8SScale
from aioclustermanager.k8s.service import K8SService
from aioclustermanager.k8s.statefulset import K8S_STATEFULSET, K8SStatefulSet
from aioclustermanager.k8s.tf_job import K8S_JOB as K8S_TFJOB
from aioclustermanager.k8s.tf_job import K8STFJob

REPLICATED = (K8SDeploy, K8SStatefulSet)
RUNNING = (K8SJob, *REPLICATED)


def named(names: tuple[type, ...]) -> list[Any]:
    return [pytest.param(each, id=each.__name__) for each in names]


def spec(thing: Any) -> dict[str, Any]:
    found: dict[str, Any] = thing.payload()['spec']['template']['spec']
    return found


def container(thing: Any) -> dict[str, Any]:
    found: dict[str, Any] = spec(thing)['containers'][0]
    return found


# made from arguments


def test_a_job_without_further_words() -> None:
    first = {
        'name': 'j',
        'image': 'busybox',
        'resources': {'limits': {}, 'requests': {}},
        'imagePullPolicy': 'IfNotPresent',
    }
    assert K8SJob('n', 'j', 'busybox').payload() == {
        'kind': 'Job',
        'metadata': {'name': 'j', 'namespace': 'n'},
        'spec': {
            'backoffLimit': 1,
            'template': {'metadata': {'name': 'j'}, 'spec': {'containers': [first], 'restartPolicy': 'Never'}},
        },
    }


def test_a_deployment_without_further_words() -> None:
    first = {
        'name': 'container', 'image': 'nginx', 'resources': {'limits': {}, 'requests': {}},
        'imagePullPolicy': 'IfNotPresent', 'ports': [],
    }  # fmt: skip
    pods = {'terminationGracePeriodSeconds': 10, 'dnsPolicy': 'ClusterFirst', 'containers': [first]}
    assert K8SDeploy('n', 'd', 'nginx', labels={'app': 'x'}).payload() == {
        'kind': 'Deployment',
        'metadata': {'name': 'd', 'namespace': 'n', 'labels': {'app': 'x'}},
        'spec': {
            'replicas': 1,
            'revisionHistoryLimit': 2,
            'selector': {'matchLabels': {'app': 'x'}},
            'template': {'metadata': {'name': 'd', 'labels': {'app': 'x'}}, 'spec': pods},
        },
    }


def test_a_stateful_set_says_how_its_pods_come_and_go() -> None:
    found = K8SStatefulSet('n', 's', 'nginx', labels={'app': 'x'}).payload()['spec']
    assert (found['podManagementPolicy'], found['updateStrategy']) == ('OrderedReady', {'type': 'RollingUpdate'})
    assert (found['serviceName'], found['replicas']) == ('', 1)


def test_a_stateful_set_takes_what_only_it_has() -> None:
    own = {
        'serviceName': 'web', 'volumeClaimTemplates': [{'metadata': {'name': 'data'}}],
        'podManagementPolicy': 'Parallel', 'updateStrategy': {'type': 'OnDelete'},
    }  # fmt: skip
    found = K8SStatefulSet('n', 's', 'nginx', labels={'app': 'x'}, **own).payload()['spec']
    assert own.items() <= found.items()


@pytest.mark.parametrize('kind', named(RUNNING))
@pytest.mark.parametrize(
    ('keyword', 'value', 'place', 'made'),
    [
        ('cpu_limit', '1', 'resources', {'limits': {'cpu': '1'}, 'requests': {}}),
        ('mem_limit', '1Gi', 'resources', {'limits': {'memory': '1Gi'}, 'requests': {}}),
        ('cpu_request', '1', 'resources', {'limits': {}, 'requests': {'cpu': '1'}}),
        ('mem_request', '1Gi', 'resources', {'limits': {}, 'requests': {'memory': '1Gi'}}),
        ('imagePullPolicy', 'Always', 'imagePullPolicy', 'Always'),
        ('command', ['a'], 'command', ['a']),
        ('args', ['a'], 'args', ['a']),
        ('volumeMounts', [{'name': 'v'}], 'volumeMounts', [{'name': 'v'}]),
        ('envFrom', [{'configMapRef': {}}], 'envFrom', [{'configMapRef': {}}]),
        ('envvars', {'A': 'b', 'N': 1, 'T': True}, 'env', [
            {'name': 'A', 'value': 'b'}, {'name': 'N', 'value': '1'}, {'name': 'T', 'value': 'true'},
        ]),
        ('ports', [{'containerPort': 80}], 'ports', [{'containerPort': 80}]),
        ('readinessProbe', {'httpGet': {}}, 'readinessProbe', {'httpGet': {}}),
        ('livenessProbe', {'httpGet': {}}, 'livenessProbe', {'httpGet': {}}),
        ('securityContext', {'runAsUser': 1}, 'securityContext', {'runAsUser': 1}),
        ('privileged', True, 'securityContext', {'privileged': True}),
    ],
)  # fmt: skip
def test_a_keyword_of_the_container_is_in_the_container(
    kind: Any, keyword: str, value: Any, place: str, made: object
) -> None:
    plain, found = kind('n', 'x', 'i', labels={}), kind('n', 'x', 'i', labels={}, **{keyword: value})
    assert container(found)[place] == made
    assert {**container(found), place: None} == {**container(plain), place: None}


@pytest.mark.parametrize('kind', named(RUNNING))
@pytest.mark.parametrize(
    ('keyword', 'value', 'place', 'made'),
    [
        ('pullSecrets', 'registry', 'imagePullSecrets', [{'name': 'registry'}]),
        ('volumes', [{'name': 'v'}], 'volumes', [{'name': 'v'}]),
        ('affinity', {'nodeAffinity': {}}, 'affinity', {'nodeAffinity': {}}),
        ('nodeSelector', {'disk': 'ssd'}, 'nodeSelector', {'disk': 'ssd'}),
        ('tolerations', [{'key': 'gpu'}], 'tolerations', [{'key': 'gpu'}]),
    ],
)
def test_a_keyword_of_the_pod_is_in_the_pod(kind: Any, keyword: str, value: Any, place: str, made: object) -> None:
    assert spec(kind('n', 'x', 'i', labels={}, **{keyword: value}))[place] == made


@pytest.mark.parametrize('kind', named(RUNNING))
def test_annotations_are_the_pods(kind: Any) -> None:
    payload = kind('n', 'x', 'i', labels={}, annotations={'a': 'b'}).payload()
    assert payload['spec']['template']['metadata']['annotations'] == {'a': 'b'}
    assert 'annotations' not in payload['metadata']


@pytest.mark.parametrize('kind', named(REPLICATED))
def test_replicas_and_the_containers_name_can_be_said(kind: Any) -> None:
    found = kind('n', 'x', 'i', labels={'a': 'b'}, replicas=0, container='web')
    assert (found.payload()['spec']['replicas'], container(found)['name']) == (0, 'web')
    assert found.selector == {'a': 'b'}


def test_a_job_that_may_not_fail_once_says_so() -> None:
    assert K8SJob('n', 'j', 'i', backoffLimit=0, labels={'a': 'b'}).payload()['spec']['backoffLimit'] == 0


@pytest.mark.parametrize('kind', named(RUNNING))
def test_none_is_as_good_as_not_given_and_unknown_words_are_ignored(kind: Any) -> None:
    words = dict.fromkeys(('command', 'envvars', 'volumes', 'cpu_limit', 'annotations', 'pullSecrets', 'entrypoint'))
    assert kind('n', 'x', 'i', labels={}, unheard_of=1, **words).payload() == kind('n', 'x', 'i', labels={}).payload()


@pytest.mark.parametrize('kind', named((*RUNNING, K8STFJob)))
def test_what_was_made_shares_nothing_with_the_next_one(kind: Any) -> None:
    tables = copy.deepcopy((K8S_JOB, K8S_DEPLOY, K8S_STATEFULSET, K8S_TFJOB))
    first = kind('n', 'x', 'i', labels={'a': 'b'}, envvars={'A': 'b'})
    before = kind('n', 'x', 'i').payload()
    before = copy.deepcopy(before)
    spread(first.payload())
    assert kind('n', 'x', 'i').payload() == before
    assert tables == (K8S_JOB, K8S_DEPLOY, K8S_STATEFULSET, K8S_TFJOB)


def spread(value: Any) -> None:
    """Write into every part of a payload."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        spread(inner)
    if isinstance(value, dict):
        value['spoilt'] = True
    if isinstance(value, list):
        value.append('spoilt')


def test_service_quota_scale_namespace_and_deletion() -> None:
    service = K8SService('n', 's', [{'port': 80}], {'a': 'b'}, 'NodePort').payload()
    assert service['spec'] == {'ports': [{'port': 80}], 'selector': {'a': 'b'}, 'type': 'NodePort'}
    hard = {'requests.cpu': '1', 'limits.cpu': '1', 'requests.memory': '2Gi', 'limits.memory': '2Gi'}
    assert K8SQuota('n', 'q', '1', '2Gi').payload()['spec'] == {'hard': hard}
    assert K8SScale('n', 'd', 3).payload()['spec'] == {'replicas': 3}
    assert K8SNamespace('n').payload() == {'kind': 'Namespace', 'metadata': {'name': 'n'}}
    for purge in (True, False):
        assert K8SDelete(purge).payload() == {'kind': 'DeleteOptions', 'propagationPolicy': 'Background'}


def test_a_service_has_the_labels_given() -> None:
    labels = K8SService('n', 's', [], {}, 'ClusterIP', labels={'a': 'b'}).payload()['metadata']['labels']
    assert labels == {'a': 'b'}


def test_a_quota_limits_what_it_is_told_to_limit_and_nothing_else() -> None:
    # null would be 0 to the server, and then nothing can run
    assert K8SQuota('n', max_cpu='1').payload()['spec']['hard'] == {'requests.cpu': '1', 'limits.cpu': '1'}


def test_a_quota_without_a_name_has_one_that_can_be_said_and_is_the_namespaces() -> None:
    assert str(K8SQuota('n').id).isalpha()
    assert K8SQuota('n').id == K8SQuota('n').id != K8SQuota('m').id


# TFJobs


def test_tfjobs_of_old_and_of_today_count_their_replicas() -> None:
    old = K8STFJob('n', 't', 'i', workers=3, ps=2, masters=1).payload()['spec']['replicaSpecs']
    assert {each['tfReplicaType']: each['replicas'] for each in old} == {'WORKER': 3, 'PS': 2, 'MASTER': 1}
    new = K8STFJob('n', 't', 'i', workers=3, ps=0, masters=1, version='v1').payload()['spec']['tfReplicaSpecs']
    assert {kind: each['replicas'] for kind, each in new.items()} == {'Worker': 3, 'Chief': 1}
    assert new['Worker']['template']['spec']['containers'][0]['name'] == 'tensorflow'


@pytest.mark.parametrize('version', ['v1alpha1', 'v1'])
def test_a_tfjob_has_the_payload_it_was_given(version: str) -> None:
    job = K8STFJob('n', 't', 'i', envvars={'PAYLOAD': '{"a": 1}'}, version=version)
    assert job.get_payload() == {'a': 1}


@pytest.mark.parametrize(
    ('words', 'told'), [({'version': 'v2'}, "version 'v2'"), ({'version': 'v1', 'tb_gs': 'gs://x'}, 'tb_gs')]
)
def test_a_tfjob_that_no_operator_takes_is_refused(words: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        K8STFJob('n', 't', 'i', **words)


@pytest.mark.parametrize(
    ('status', 'finished', 'active'),
    [
        ({}, False, 0),
        ({'replicaStatuses': {'Worker': {'active': 2}, 'Chief': {'active': 1}}}, False, 3),
        ({'conditions': [{'type': 'Succeeded', 'status': 'True'}]}, True, 0),
        ({'conditions': [{'type': 'Failed', 'status': 'False'}]}, False, 0),
        ({'succeeded': 1}, True, 0),
    ],
)
def test_a_tfjob_says_whether_it_has_ended(status: dict[str, Any], finished: bool, active: int) -> None:
    job = K8STFJob(data={'metadata': {'name': 't'}, 'status': status})
    assert (job.finished, job.active, job.id) == (finished, active, 't')


# read


@pytest.mark.parametrize('kind', named((*RUNNING, K8STFJob)))
def test_an_object_of_the_servers_is_kept_as_it_is(kind: Any) -> None:
    data = {'metadata': {'name': 'x'}, 'spec': {}}
    assert kind(data=data).payload() is data is kind(data=data)._raw


@pytest.mark.parametrize(
    ('status', 'told'),
    [
        ({}, (False, False, False, False, False)),
        ({'active': 1, 'ready': 1}, (1, False, False, 1, False)),
        ({'failed': 2, 'terminating': 1}, (False, True, 2, False, 1)),
        ({'succeeded': 1}, (False, True, False, False, False)),
    ],
)
def test_a_job_tells_its_counts(status: dict[str, int], told: tuple[object, ...]) -> None:
    job = K8SJob(data={'metadata': {'name': 'j'}, 'status': status})
    assert (job.active, job.finished, job.failed, job.ready, job.terminating) == told


@pytest.mark.parametrize('kind', named(RUNNING))
def test_command_image_and_payload_are_those_of_the_first_container(kind: Any) -> None:
    thing = kind('n', 'x', 'nginx', labels={}, command=['run'], envvars={'A': 'b', 'PAYLOAD': json.dumps({'a': [1]})})
    assert (thing.command, thing.image, thing.get_payload()) == (['run'], 'nginx', {'a': [1]})


@pytest.mark.parametrize('kind', named(RUNNING))
@pytest.mark.parametrize('raw', [{'metadata': {'name': 'x'}}, {'metadata': {'name': 'x'}, 'spec': {}, 'status': None}])
def test_a_field_that_is_not_there_is_no_error(kind: Any, raw: dict[str, Any]) -> None:
    thing = kind(data=raw)
    assert (thing.id, thing.active, thing.command, thing.image, thing.get_payload()) == ('x', False, None, None, None)
    assert kind is K8SJob or (thing.selector, thing.label_selector) == ({}, '')


def test_a_selector_of_expressions_is_told_as_text() -> None:
    expressions = [
        {'key': 'tier', 'operator': 'In', 'values': ['a', 'b']}, {'key': 'old', 'operator': 'DoesNotExist'},
        {'key': 'new', 'operator': 'Exists'}, {'key': 'zone', 'operator': 'NotIn', 'values': ['c']},
    ]  # fmt: skip
    raw = {'metadata': {}, 'spec': {'selector': {'matchLabels': {'app': 'x'}, 'matchExpressions': expressions}}}
    assert K8SDeploy(data=raw).label_selector == 'app=x,tier in (a,b),!old,new,zone notin (c)'


@pytest.mark.parametrize(
    ('raw', 'hostname'),
    [
        ({'metadata': {'name': 'a', 'labels': {'kubernetes.io/hostname': 'h'}}}, 'h'),
        ({'metadata': {'name': 'a'}, 'status': {'addresses': [{'type': 'Hostname', 'address': 'h2'}]}}, 'h2'),
        ({'metadata': {'name': 'a'}}, 'a'),
    ],
)
def test_a_node_has_a_hostname_with_or_without_the_label(raw: dict[str, Any], hostname: str) -> None:
    assert (K8SNode(data=raw).id, K8SNode(data=raw).hostname) == ('a', hostname)


# not to be kept


@pytest.mark.parametrize('kind', named(RUNNING))
def test_what_the_api_has_no_field_for_is_not_sent(kind: Any) -> None:
    thing = kind('n', 'x', 'i', labels={}, entrypoint=['/run'])
    assert container(thing)['command'] == ['/run'] and 'entrypoint' not in container(thing)
    assert 'restartPolicy' not in thing.payload()['spec']
    assert container(kind('n', 'x', 'i', labels={}, entrypoint=['/run'], command=['/c']))['command'] == ['/c']
