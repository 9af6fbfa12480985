"""Pause and resume from outside: the node, the pods, the action's result and what the unit remembers."""

import os
import pwd

import pytest
from charms.layer.kubernetes_common import api, files, records
from charms.layer.kubernetes_worker import actions, eviction, inputs, pause
from node_cluster import Clock, Cluster

DEFAULTS = {'timeout': 300}


class Juju:
    """What an action tells Juju."""

    def __init__(self):
        self.parameters = {}
        self.results = {}
        self.failure = None
        self.handlers_ran = 0
        self.told = []


@pytest.fixture
def juju(tmp_path, monkeypatch):
    fake = Juju()
    me = pwd.getpwuid(os.geteuid()).pw_name
    real = files.write
    monkeypatch.setattr(files, 'write', lambda path, text, mode=0o600, owner='': real(path, text, mode, me))
    monkeypatch.setattr(records, 'ROOT', tmp_path)
    monkeypatch.setattr(inputs, 'node_name', lambda: 'node-a')
    monkeypatch.setattr(
        actions.hookenv, 'action_get', lambda name: fake.parameters.get(name, DEFAULTS.get(name, False))
    )
    monkeypatch.setattr(pause, '_tell', fake.told.append)
    monkeypatch.setattr(actions.hookenv, 'action_set', fake.results.update)
    monkeypatch.setattr(actions.hookenv, 'action_fail', lambda text: setattr(fake, 'failure', text))
    monkeypatch.setattr(actions, 'run_handlers', lambda: setattr(fake, 'handlers_ran', fake.handlers_ran + 1))
    monkeypatch.setattr(eviction.evict_all, '__kwdefaults__', {'clock': Clock()})
    return fake


@pytest.fixture
def cluster(monkeypatch):
    fake = Cluster(['web'])
    monkeypatch.setattr(api.Client, 'from_kubeconfig', lambda *_, **__: fake)
    return fake


def is_cordoned(cluster):
    return bool(cluster.node['spec'].get('unschedulable'))


def test_fm_31_pause_twice_and_resume_twice(juju, cluster):
    for _ in range(2):
        actions.run('pause')
        assert is_cordoned(cluster) and pause.is_on() and not juju.failure
    assert cluster.pods == {}
    for _ in range(2):
        actions.run('resume')
        assert not is_cordoned(cluster) and not pause.is_on() and not juju.failure
    assert juju.handlers_ran == 4


@pytest.mark.parametrize('parameter', ['force', 'delete-local-data'])
def test_fm_30_a_pause_that_must_not_drain_names_pod_and_parameter_and_takes_the_cordon_back(juju, cluster, parameter):
    if parameter == 'force':
        cluster.pods['web']['metadata']['ownerReferences'] = []
    else:
        cluster.pods['web']['spec'] = {'volumes': [{'name': 'x', 'emptyDir': {}}]}
    actions.run('pause')
    assert 'default/web' in juju.failure and f'{parameter}=true' in juju.failure
    assert not is_cordoned(cluster) and not pause.is_on() and set(cluster.pods) == {'web'}
    juju.parameters, juju.failure = {parameter: True}, None
    actions.run('pause')
    assert juju.failure is None and is_cordoned(cluster) and cluster.pods == {}


def test_fm_31_a_failed_pause_leaves_a_node_cordoned_that_was_so_before(juju, cluster):
    cluster.node['spec']['unschedulable'] = True
    cluster.pods['web']['metadata']['ownerReferences'] = []
    actions.run('pause')
    assert juju.failure and is_cordoned(cluster) and not pause.is_on()


def test_fm_31_a_pause_that_cannot_take_the_cordon_back_says_so_and_stays_paused(juju, cluster, monkeypatch):
    def lost(*_, **__):
        monkeypatch.setattr(cluster, 'get', down)
        down()

    def down(*_, **__):
        raise api.Unavailable('GET', 0, 'connection refused')

    monkeypatch.setattr(cluster, 'list', lost)
    actions.run('pause')
    assert 'may be left cordoned' in juju.failure and 'resume' in juju.failure
    assert is_cordoned(cluster) and pause.is_on()


def test_a_pause_without_an_api_does_nothing_and_says_why(juju, cluster, monkeypatch):
    def down(*_, **__):
        raise api.Unavailable('GET', 0, 'connection refused')

    monkeypatch.setattr(cluster, 'get', down)
    actions.run('pause')
    assert 'connection refused' in juju.failure and not pause.is_on()


def test_an_action_before_the_unit_has_joined_says_so(juju, monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError(2, 'No such file', '/root/.kube/config')

    monkeypatch.setattr(api.Client, 'from_kubeconfig', missing)
    actions.run('resume')
    assert 'has not joined a cluster' in juju.failure


def test_fm_30_a_pause_tells_its_progress_and_lists_what_went_and_what_stays(juju, cluster):
    cluster.pods['agent'] = {**cluster.pods['web'], 'metadata': {**cluster.pods['web']['metadata'], 'name': 'agent'}}
    cluster.pods['agent']['metadata']['ownerReferences'] = [{'kind': 'DaemonSet', 'controller': True}]
    actions.run('pause')
    assert juju.results == {
        'node': 'node-a',
        'count': '1',
        'evicted': 'default/web',
        'not-evicted': 'default/agent (of a DaemonSet)',
    }
    assert juju.told == ['1 pods to evict from node node-a, 1 stay', 'default/web is gone, 0 to go']


def test_fm_30_a_pause_that_a_budget_forbids_ends_in_time_and_fails_with_what_it_did(juju, cluster):
    cluster.pods['free'] = {**cluster.pods['web'], 'metadata': {**cluster.pods['web']['metadata'], 'name': 'free'}}
    cluster.guarded = {'web': 10**6}
    juju.parameters = {'timeout': 20}
    actions.run('pause')
    assert 'after 20 s: default/web (budget of web)' in juju.failure
    assert (juju.results['evicted'], juju.results['not-evicted']) == ('default/free', 'default/web (budget of web)')
    assert not is_cordoned(cluster) and not pause.is_on()


@pytest.mark.parametrize('value', ['soon', -1, 10**6, None])
def test_a_bad_number_fails_the_action_and_is_named(juju, cluster, value):
    juju.parameters = {'timeout': value}
    actions.run('pause')
    assert juju.failure.startswith('pause: timeout: ') and not is_cordoned(cluster)
