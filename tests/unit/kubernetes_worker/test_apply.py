"""The doors against a fake machine and API with state: what is left after any hook, also one that was killed."""

import dataclasses
import os
import pwd

import pytest
from charms.layer.kubernetes_common import api, files, records, services, snaps
from charms.layer.kubernetes_worker import apply, inputs, journal
from charms.layer.kubernetes_worker import daemons as wanted_daemons
from charms.layer.kubernetes_worker.facts import Dns, Settings
from samples import CLUSTER, READY

ME = pwd.getpwuid(os.geteuid()).pw_name


class Killed(BaseException):
    """The hook was killed."""


class Machine:
    """Files in a folder, snapd's settings, and daemons that remember what they were started with."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = {'kubelet': {}, 'kube-proxy': {}}
        self.running = {}
        self.restarts = []
        self.steps = 0
        self.kill_at = None

    def step(self):
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed

    def path(self, path):
        path = str(path)
        return path if path.startswith(str(self.folder)) else f'{self.folder}{path}'

    def snap(self, verb, name, *pairs):
        self.step()
        for pair in pairs:
            key, _, value = pair.partition('=')
            if value == 'null':
                self.settings[name].pop(key, None)
            else:
                self.settings[name][key] = value
        self.step()

    def systemctl(self, verb, *units):
        self.step()
        if verb == 'restart':
            name = units[0].split('.')[1]
            self.running[name] = self.now(name)
            self.restarts.append(name)
        self.step()
        return True

    def now(self, name):
        """What a process started now would read."""
        paths = {
            'kubelet': ['/root/cdk/kubeconfig', '/root/cdk/kubelet/config.yaml'],
            'kube-proxy': ['/root/cdk/kubeproxyconfig', '/root/cdk/kube-proxy/config.yaml'],
        }
        return dict(self.settings[name]), [REAL['read'](self.path(path)) for path in paths[name]]


REAL = {'read': files.read, 'write': files.write, 'remove': files.remove}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    fake = Machine(tmp_path)

    def write(path, text, mode=0o600, owner='root'):
        fake.step()
        return REAL['write'](fake.path(path), text, mode, ME)

    monkeypatch.setattr(records, 'ROOT', tmp_path / 'records')
    monkeypatch.setattr(files, 'write', write)
    monkeypatch.setattr(files, 'read', lambda path: REAL['read'](fake.path(path)))
    monkeypatch.setattr(files, 'remove', lambda path: REAL['remove'](fake.path(path)))
    monkeypatch.setattr(services, '_systemctl', fake.systemctl)
    monkeypatch.setattr(snaps, '_snap', fake.snap)
    monkeypatch.setattr(snaps, '_configured_keys', lambda _: set())
    monkeypatch.setattr(snaps, 'revision', lambda _: '1')
    for module in ('failures', 'resource', 'labels_waiting', 'labels_refused', 'started'):
        monkeypatch.setattr(journal, module, [])
    monkeypatch.setattr(apply.hookenv, 'log', lambda *_: None)
    return fake


def converge(facts):
    for daemon in wanted_daemons.desired(facts):
        apply._converge(daemon)


def changed(**settings):
    return dataclasses.replace(READY, settings=Settings(**settings))


def test_a_second_hook_with_the_same_facts_touches_nothing(machine):
    converge(READY)
    assert sorted(machine.restarts) == ['kube-proxy', 'kubelet']
    before = (dict(machine.running), list(machine.restarts))
    converge(READY)
    assert (machine.running, machine.restarts) == before


def test_a_change_restarts_only_the_daemon_that_reads_it(machine):
    converge(READY)
    machine.restarts.clear()
    converge(changed(proxy_args={'v': '4'}))
    assert machine.restarts == ['kube-proxy']
    assert machine.settings['kube-proxy']['v'] == '4'


def test_fm_43_arguments_taken_back_leave_the_process_as_it_was_before(machine):
    converge(READY)
    before = machine.running['kubelet']
    converge(changed(kubelet_args={'v': '4', 'max-pods': '5'}))
    assert machine.running['kubelet'][0]['max-pods'] == '5'
    converge(READY)
    assert machine.running['kubelet'] == before


def test_fm_15_another_dns_address_restarts_the_kubelet_once(machine):
    converge(READY)
    machine.restarts.clear()
    other = dataclasses.replace(READY, cluster=dataclasses.replace(CLUSTER, dns=Dns('cluster.local', '10.152.183.99')))
    converge(other)
    converge(other)
    assert machine.restarts == ['kubelet']


@pytest.mark.parametrize('part', ['ca', 'server_certificate', 'server_key'])
def test_fm_34_a_new_certificate_is_loaded(machine, part):
    converge(READY)
    machine.restarts.clear()
    converge(dataclasses.replace(READY, cluster=dataclasses.replace(CLUSTER, **{part: 'NEW\n'})))
    assert 'kubelet' in machine.restarts


def test_fm_55_another_revision_of_the_program_is_started(machine, monkeypatch):
    converge(READY)
    machine.restarts.clear()
    monkeypatch.setattr(snaps, 'revision', lambda _: '2')
    converge(READY)
    assert sorted(machine.restarts) == ['kube-proxy', 'kubelet']


@pytest.mark.parametrize('back', [False, True], ids=['again', 'old value put back'])
def test_fm_23_24_a_hook_killed_at_any_step_leaves_nothing_half_done(machine, back):
    """Kill the hook that brings a change at each of its steps; the next hook finishes, or undoes, the whole change."""
    change = changed(kubelet_args={'v': '4'}, kubelet_config={'maxPods': 5}, proxy_args={'masquerade-all': 'true'})
    for kill_at in range(1, 100):
        machine.steps, machine.kill_at = 0, None
        converge(READY)
        machine.steps, machine.kill_at = 0, kill_at
        try:
            converge(change)
        except Killed:
            machine.kill_at = None
            converge(READY if back else change)
            assert machine.running == {name: machine.now(name) for name in machine.running}
            assert machine.settings['kubelet']['v'] == ('0' if back else '4')
        else:
            assert kill_at > 10
            return
    pytest.fail('the hook never came to its end')


@pytest.mark.parametrize(
    'config, gone', [({'cpuManagerPolicy': 'static'}, True), ({'maxPods': 5}, False)], ids=['policy', 'unrelated']
)
def test_fm_44_saved_cpu_state_goes_with_its_policy_only(machine, config, gone):
    converge(READY)
    state = machine.folder / 'var/lib/kubelet/cpu_manager_state'
    state.parent.mkdir(parents=True)
    state.write_text('{}')
    converge(changed(kubelet_config=config))
    assert state.exists() is not gone


class Node:
    """A node in the API; `down` means that nobody answers, `absent` that it has not registered."""

    def __init__(self, labels=None):
        self.labels = labels or {}
        self.down = self.absent = False
        self.writes = 0

    def get(self, resource, name):
        if self.down:
            raise api.Unavailable('GET', 0, 'refused')
        if self.absent:
            raise api.NotFound('GET', 404, 'no such node')
        return {'metadata': {'labels': dict(self.labels)}}

    def patch(self, resource, name, body, kind):
        self.writes += 1
        labels = {**self.labels, **body['metadata']['labels']}
        self.labels = {key: value for key, value in labels.items() if value is not None}


@pytest.fixture
def node(machine, monkeypatch):
    fake = Node({'kubernetes.io/hostname': 'node-a'})
    monkeypatch.setattr(api.Client, 'from_kubeconfig', lambda *_, **__: fake)
    monkeypatch.setattr(inputs, 'collect', lambda: READY)
    monkeypatch.setattr(inputs, 'app', lambda: 'kubernetes-worker')
    return fake


def label(monkeypatch, text):
    for entries in (journal.labels_waiting, journal.labels_refused):
        entries.clear()
    monkeypatch.setattr(apply.hookenv, 'config', lambda _: text)
    apply.labels()


def test_labels_are_set_once(node, monkeypatch):
    for _ in range(3):
        label(monkeypatch, 'a=1')
    assert node.labels == {'kubernetes.io/hostname': 'node-a', 'a': '1', 'juju-application': 'kubernetes-worker'}
    assert node.writes == 1


def test_fm_38_an_absent_node_is_waited_for_and_labelled_when_it_comes(node, monkeypatch):
    node.absent = True
    label(monkeypatch, 'a=1')
    assert journal.labels_waiting == ['Waiting for node node-a in the API, to label it']
    node.absent = False
    label(monkeypatch, 'a=1')
    assert node.labels['a'] == '1' and journal.labels_waiting == []


def test_fm_39_labels_that_were_ours_go_also_when_the_api_was_down_in_between(node, monkeypatch):
    label(monkeypatch, 'a=1 b=2')
    node.labels['by-hand'] = 'x'
    node.down = True
    label(monkeypatch, 'b=3')
    label(monkeypatch, 'b=4')
    node.down = False
    label(monkeypatch, 'b=3')
    assert 'a' not in node.labels and node.labels['b'] == '3' and node.labels['by-hand'] == 'x'
    label(monkeypatch, '')
    assert node.labels.keys() == {'kubernetes.io/hostname', 'by-hand', 'juju-application'}
