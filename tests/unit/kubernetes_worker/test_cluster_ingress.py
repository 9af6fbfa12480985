"""The ingress's objects against an API with state: when the API is asked at all, and who takes them away."""

import os
import pwd

import pytest
from charms.layer.kubernetes_common import api, files, records
from charms.layer.kubernetes_worker import cluster_ingress, ingress, ingress_inputs, inputs, journal, machine
from charms.layer.kubernetes_worker.ingress import Settings
from samples import READY

from tests.unit.kubernetes_common.objects_api import Api

UNIT = 'kubernetes-worker/0'
MARK = 'cdk-kubernetes-worker-ingress'


class Server(Api):
    """The same, with discovery and a version; it counts what is asked."""

    def __init__(self):
        super().__init__()
        self.at = (1, 12, 10)
        self.asked = 0

    def version(self):
        self.asked += 1
        return self.at

    def request(self, _, where):
        self.asked += 1
        if where != '/apis/apps/v1':
            raise api.NotFound('GET', 404, 'no such group')
        return {'resources': [{'name': 'daemonsets'}, {'name': 'deployments'}]}

    def list(self, resource, *, namespace='', group='v1', labels=''):
        return super().list(resource, group=group, labels=labels) if labels else []


@pytest.fixture
def server(tmp_path, monkeypatch):
    fake = Server()
    me = pwd.getpwuid(os.geteuid()).pw_name
    real = files.write
    monkeypatch.setattr(files, 'write', lambda path, text, mode=0o600, owner='': real(path, text, mode, me))
    monkeypatch.setattr(records, 'ROOT', tmp_path)
    monkeypatch.setattr(journal, 'later', [])
    monkeypatch.setattr(inputs, 'collect', lambda: READY)
    monkeypatch.setattr(inputs, 'app', lambda: 'kubernetes-worker')
    monkeypatch.setattr(machine, 'architecture', lambda: 'amd64')
    monkeypatch.setattr(ingress_inputs, 'read', lambda: (Settings(), []))
    monkeypatch.setattr(cluster_ingress, 'set_flag', lambda _: None)
    monkeypatch.setattr(cluster_ingress, 'clear_flag', lambda _: None)
    monkeypatch.setattr(cluster_ingress.hookenv, 'log', lambda *_: None)
    monkeypatch.setattr(cluster_ingress.hookenv, 'local_unit', lambda: UNIT)
    monkeypatch.setattr(api.Client, 'from_kubeconfig', lambda *_, **__: fake)
    return fake


def goal(monkeypatch, **units):
    told = {'units': {name.replace('_', '/'): {'status': status} for name, status in units.items()}}
    monkeypatch.setattr(cluster_ingress.hookenv, 'goal_state', lambda: told)


def ours(server):
    return [key for key, body in server.objects.items() if body['metadata'].get('labels', {}).get(MARK) == 'true']


def test_what_is_done_costs_no_request_until_somebody_is_to_look_again(server):
    cluster_ingress.converge(look_again=False)
    assert len(ours(server)) == 10 and journal.later == []
    server.asked = 0
    cluster_ingress.converge(look_again=False)
    assert server.asked == 0
    cluster_ingress.converge(look_again=True)
    assert server.asked == 1


def test_fm_62_a_server_of_another_version_is_given_its_own_controller(server):
    cluster_ingress.converge(look_again=False)
    server.at = (1, 22, 0)
    cluster_ingress.converge(look_again=True)
    name = 'nginx-ingress-controller-kubernetes-worker'
    image = server.objects['daemonsets', name]['spec']['template']['spec']['containers'][0]['image']
    assert image.endswith(':v1.2.1')


def test_a_charm_that_makes_other_objects_writes_them_after_its_upgrade(server, monkeypatch):
    cluster_ingress.converge(look_again=False)
    monkeypatch.setattr(ingress, 'BACKEND', 'another/backend-{}:2')
    cluster_ingress.converge(look_again=False)
    backend = server.objects['deployments', 'default-http-backend-kubernetes-worker']
    assert backend['spec']['template']['spec']['containers'][0]['image'] == 'another/backend-amd64:2'


@pytest.mark.parametrize('others', [{}, {'kubernetes-worker_1': 'dying'}])
def test_with_the_last_unit_the_objects_go_and_those_of_others_stay(server, monkeypatch, others):
    server.objects['configmaps', 'theirs'] = {'metadata': {'name': 'theirs'}}
    cluster_ingress.converge(look_again=False)
    goal(monkeypatch, **{'kubernetes-worker_0': 'dying', **others})
    cluster_ingress.withdraw()
    assert set(server.objects) == {('configmaps', 'theirs')}


@pytest.mark.parametrize('status', ['active', 'waiting', 'error', 'allocating'])
def test_while_another_unit_stays_so_do_the_objects(server, monkeypatch, status):
    cluster_ingress.converge(look_again=False)
    goal(monkeypatch, **{'kubernetes-worker_0': 'dying', 'kubernetes-worker_1': status})
    cluster_ingress.withdraw()
    assert len(ours(server)) == 10


@pytest.mark.parametrize('error', [NotImplementedError(), ValueError('no JSON')])
def test_without_a_word_from_juju_nothing_is_removed(server, monkeypatch, error):
    def fail():
        raise error

    cluster_ingress.converge(look_again=False)
    monkeypatch.setattr(cluster_ingress.hookenv, 'goal_state', fail)
    cluster_ingress.withdraw()
    assert len(ours(server)) == 10


@pytest.mark.parametrize('error', [api.Unavailable('DELETE', 0, 'connection refused'), FileNotFoundError('config')])
def test_a_unit_leaves_whatever_is_down(server, monkeypatch, error):
    def fail(*_, **__):
        raise error

    goal(monkeypatch, **{'kubernetes-worker_0': 'dying'})
    monkeypatch.setattr(api.Client, 'from_kubeconfig', fail)
    cluster_ingress.withdraw()
