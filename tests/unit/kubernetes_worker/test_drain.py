import pytest
from charms.layer.kubernetes_worker import drain


def pod(name, owner='', volumes=(), phase='Running', annotations=None):
    owners = [{'kind': owner, 'name': 'x', 'controller': True}] if owner else []
    metadata = {'namespace': 'default', 'name': name, 'ownerReferences': owners, 'annotations': annotations or {}}
    return {'metadata': metadata, 'spec': {'volumes': list(volumes)}, 'status': {'phase': phase}}


SCRATCH = {'name': 'scratch', 'emptyDir': {}}


def plan(*pods, delete_local_data=False, force=False):
    return drain.plan(pods, delete_local_data=delete_local_data, force=force)


def test_fm_30_pods_of_daemonsets_and_the_kubelets_own_are_left_alone():
    mirror = pod('etcd', annotations={'kubernetes.io/config.mirror': 'x'})
    found = plan(pod('ingress', 'DaemonSet', [SCRATCH]), mirror)
    assert (found.evict, found.refusals, len(found.stay)) == ((), (), 2)


def test_pods_of_controllers_are_evicted():
    assert plan(pod('web', 'ReplicaSet')) == drain.Plan((('default', 'web'),), (), ())


@pytest.mark.parametrize(
    'found, option',
    [
        (pod('web', 'ReplicaSet', [SCRATCH]), 'delete-local-data'),
        (pod('bare'), 'force'),
    ],
    ids=['emptyDir', 'bare'],
)
def test_fm_30_a_pod_that_would_lose_something_needs_its_option(found, option):
    refused = plan(found).refusals
    assert len(refused) == 1
    assert found['metadata']['name'] in refused[0] and f'{option}=true' in refused[0]
    assert plan(found, **{option.replace('-', '_'): True}).refusals == ()


@pytest.mark.parametrize('phase', ['Succeeded', 'Failed'])
def test_finished_pods_lose_nothing(phase):
    assert plan(pod('job', volumes=[SCRATCH], phase=phase)) == drain.Plan((('default', 'job'),), (), ())


def test_a_pod_with_two_faults_needs_both_options():
    found = pod('bare', volumes=[SCRATCH])
    assert plan(found, force=True).refusals and plan(found, delete_local_data=True).refusals
    assert not plan(found, force=True, delete_local_data=True).refusals


def test_pods_with_fields_left_out_are_understood():
    found = {'metadata': {'namespace': 'a', 'name': 'b'}, 'spec': {}}
    assert plan(found, force=True).evict == (('a', 'b'),)
