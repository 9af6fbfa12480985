"""A kubelet at rest: cut off at any step, the next hook gives the node back as it was."""

import os
import pwd

import pytest
from charms.layer.kubernetes_common import api, files, records, services
from charms.layer.kubernetes_worker import at_rest
from node_cluster import Cluster


class Killed(BaseException):
    """The hook was killed."""


class World:
    """A node in the API and a kubelet on the machine; each change may be the last of its hook."""

    def __init__(self):
        self.cluster = Cluster()
        self.kubelet = 'running'
        self.steps = 0
        self.kill_at = None

    def step(self):
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed

    def patch(self, *arguments, **more):
        self.step()
        Cluster.patch(self.cluster, *arguments, **more)
        self.step()

    def set_kubelet(self, state):
        self.step()
        self.kubelet = state
        self.step()
        return True

    def is_cordoned(self):
        return bool(self.cluster.node['spec'].get('unschedulable'))


@pytest.fixture
def world(tmp_path, monkeypatch):
    fake = World()
    me = pwd.getpwuid(os.geteuid()).pw_name
    real = files.write
    monkeypatch.setattr(files, 'write', lambda path, text, mode=0o600, owner='': real(path, text, mode, me))
    monkeypatch.setattr(records, 'ROOT', tmp_path)
    monkeypatch.setattr(at_rest.hookenv, 'log', lambda *_: None)
    monkeypatch.setattr(services, 'was_started', lambda _: True)
    monkeypatch.setattr(services, 'halt', lambda _: fake.set_kubelet('stopped'))
    monkeypatch.setattr(services, 'start', lambda _: fake.set_kubelet('running'))
    monkeypatch.setattr(fake.cluster, 'patch', fake.patch)
    monkeypatch.setattr(api.Client, 'from_kubeconfig', lambda *_, **__: fake.cluster)
    return fake


def rest(world):
    at_rest.begin('node-a', 'a test')
    assert world.kubelet == 'stopped' and world.is_cordoned()
    at_rest.end()


@pytest.mark.parametrize('cordoned', [False, True])
@pytest.mark.parametrize('step', range(1, 10))
def test_fm_51_a_hook_that_dies_at_any_step_is_ended_by_the_next_one(world, step, cordoned):
    world.cluster.node['spec']['unschedulable'] = cordoned
    world.kill_at = step
    try:
        rest(world)
    except Killed:
        world.kill_at = None
        if at_rest.is_on():
            rest(world)
    assert world.kubelet == 'running' and world.is_cordoned() is cordoned and not at_rest.is_on()


def test_fm_51_a_node_that_cannot_be_uncordoned_is_so_later(world, monkeypatch):
    at_rest.begin('node-a', 'a test')
    monkeypatch.setattr(world.cluster, 'get', down)
    with pytest.raises(api.Unavailable):
        at_rest.end()
    assert world.kubelet == 'running' and at_rest.is_on()
    monkeypatch.undo()


def test_fm_51_without_an_api_nothing_is_begun(world, monkeypatch):
    monkeypatch.setattr(world.cluster, 'get', down)
    with pytest.raises(api.Unavailable):
        at_rest.begin('node-a', 'a test')
    assert world.kubelet == 'running' and not at_rest.is_on()


def test_a_kubelet_that_never_ran_needs_no_rest(world, monkeypatch):
    monkeypatch.setattr(services, 'was_started', lambda _: False)
    at_rest.begin('node-a', 'a test')
    assert not at_rest.is_on() and not world.is_cordoned() and world.steps == 0


def down(*_, **__):
    raise api.Unavailable('GET', 0, 'connection refused')
