"""FM-69, FM-70 and Nagios: what an older revision left, what a cloud integrator told, what nrpe runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.model import parties
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, tell

pytestmark = [pytest.mark.slow, pytest.mark.one_cluster]

UNIT, OTHER = f'{WORKER}/0', f'{WORKER}/1'
KUBELET, PROXY = 'snap.kubelet.daemon', 'snap.kube-proxy.daemon'
ARGUMENTS = '/var/snap/kubelet/current/args'
CLOUD = '/var/snap/kubelet/common/cloud-config.conf'


def settings(cluster: Cluster, unit: str) -> list[object]:
    """Return snapd's settings of both daemons, less what is the machine's own."""
    own = ('node-ip', 'hostname-override')
    found = [json.loads(cluster.shell(unit, f'snap get -d {name}')) for name in ('kubelet', 'kube-proxy')]
    return [{key: value for key, value in one.items() if key not in own} for one in found]


# what an earlier generation had told its snaps and this one does not
OLD = {
    UNIT: {'kubelet': 'cni-bin-dir=/opt/elsewhere v=4', 'kube-proxy': 'cleanup-ipvs=true'},
    OTHER: {'kubelet': 'cadvisor-port=0', 'kube-proxy': 'v=4'},
    f'{MASTER}/0': {'kube-apiserver': 'event-ttl=2h v=7', 'kube-scheduler': 'profiling=false'},
}


def aged(cluster: Cluster, unit: str) -> list[str]:
    """Make a unit one of an earlier generation, which kept no records; return the arguments it should come back to."""
    before = arguments(cluster, unit)
    cluster.shell(unit, 'rm -r /var/lib/canonical-kubernetes')
    for snap, told in OLD[unit].items():
        cluster.shell(unit, f'snap set {snap} {told}')
    assert arguments(cluster, unit) != before
    return before


def arguments(cluster: Cluster, unit: str) -> list[str]:
    return [cluster.read(unit, f'/var/snap/{snap}/current/args') for snap in OLD[unit]]


def is_served(cluster: Cluster) -> bool:
    """Whether both nodes are Ready, and the log of a pod on each is to be had through the API server."""
    pods = cluster.kubectl('get', 'pods', '-A', '-o', 'json')['items']
    found = {pod['spec']['nodeName']: pod['metadata'] for pod in pods if pod['status']['phase'] == 'Running'}
    logs = [cluster.kubectl('logs', '-n', meta['namespace'], meta['name']) for meta in found.values()]
    return len(logs) == 2 and all('started' in text for text in logs) and list(cluster.nodes().values()) == [True] * 2


# what units of the public charm keep in their store: flags that are called so no more, and values nobody reads
LEFT = {
    'reactive.states.kubernetes-worker.config.created': None,
    'reactive.states.kubernetes-worker.gpu.enabled': None,
    'reactive.states.kubernetes-worker.snaps.upgrade-needed': None,
    'kubernetes-worker.prev_args.kubelet': {'require-kubeconfig': 'true'},
    'kubernetes-worker.resource-checksums.kubelet': 'd41d8cd98f00b204e9800998ecf8427e',
}
KEEP = """import json, sqlite3, sys
store = sqlite3.connect('/var/lib/juju/agents/unit-%s/charm/.unit-state.db')
for key, value in json.load(sys.stdin).items():
    store.execute('insert or replace into kv values (?, ?)', (key, json.dumps(value)))
store.commit()
"""


def test_fm_69_an_upgrade_from_another_generation_ends_as_a_fresh_unit(cluster: Cluster) -> None:
    cluster.shell(UNIT, 'rm -r /var/lib/canonical-kubernetes')
    cluster.shell(UNIT, 'snap set kubelet require-kubeconfig=true cadvisor-port=0 cni-bin-dir=/opt/elsewhere v=4')
    cluster.shell(UNIT, 'snap set kube-proxy cleanup-ipvs=true')
    cluster.shell(UNIT, 'mkdir -p /root/cdk/own; echo mine > /root/cdk/own/notes; echo old > /root/cdk/audit.log')
    assert cluster.eventually(lambda: is_served(cluster))
    script = KEEP % UNIT.replace('/', '-')
    cluster.shell(UNIT, f'python3 -c {shlex.quote(script)}', stdin=json.dumps(LEFT))
    last = cluster.last_run()
    cluster.upgrade(WORKER)
    assert [(run.unit, run.name) for run in cluster.runs(after=last) if run.reason] == []
    assert settings(cluster, UNIT) == settings(cluster, OTHER)
    assert cluster.read(UNIT, ARGUMENTS).count('--') == cluster.read(OTHER, ARGUMENTS).count('--')
    line = cluster.shell(UNIT, f'cat /proc/{cluster.pid(UNIT, KUBELET)}/cmdline')
    assert 'cni-bin-dir' not in line and '--v=0' in line
    for path in ('/root/cdk/kubelet/config.yaml', '/root/cdk/ca.crt'):
        assert cluster.read(UNIT, path) == cluster.read(OTHER, path)
    assert cluster.read(UNIT, '/root/cdk/own/notes') == 'mine\n'
    assert cluster.read(UNIT, '/root/cdk/audit.log') == 'old\n'
    assert [cluster.status(unit)[0] for unit in (UNIT, OTHER)] == ['active', 'active']
    act(cluster, 'config', WORKER, 'kubelet-extra-args=v=2')
    assert '--v="2"' in cluster.read(UNIT, ARGUMENTS)
    act(cluster, 'config', WORKER, '--reset', 'kubelet-extra-args')


def test_fm_69_hours_between_the_upgrades_of_workers_and_masters_cost_no_log_and_no_node(cluster: Cluster) -> None:
    last = cluster.last_run()
    wanted = {unit: aged(cluster, unit) for unit in OLD}
    for app in (WORKER, MASTER):
        cluster.upgrade(app)
        assert cluster.eventually(lambda: is_served(cluster)), app
        for unit in OLD:
            assert (arguments(cluster, unit) == wanted[unit]) is (app == MASTER or unit != f'{MASTER}/0'), unit
        assert [cluster.status(unit)[0] for unit in OLD] == ['active'] * 3
    assert [(run.unit, run.name) for run in cluster.runs(after=last) if run.reason] == []


def cloud_flags(cluster: Cluster) -> list[str]:
    return [line for line in cluster.read(UNIT, ARGUMENTS).splitlines() if line.startswith('--cloud')]


def test_fm_70_the_kubelet_follows_the_clouds_integrator_and_forgets_it_with_the_relation(
    cluster: Cluster, tmp_path: Path
) -> None:
    told = {
        'auth_url': 'https://keystone:5000/v3',
        'username': 'me',
        'password': 's3cret',
        'user_domain_name': 'users',
        'project_domain_name': 'projects',
        'project_name': 'k8s',
    }
    before, count = cluster.read(UNIT, ARGUMENTS), parties.restarts(cluster, UNIT, KUBELET)
    assert cloud_flags(cluster) == []
    provides = {'clients': {'interface': 'openstack-integration'}}
    act(cluster, 'deploy', str(parties.charm(tmp_path, 'integrator', {}, provides=provides)))
    act(cluster, 'add-relation', f'{WORKER}:openstack', 'integrator:clients')
    state, message = cluster.status(UNIT)
    assert (state, 'integrator' in message) == ('waiting', True), message
    assert cluster.read(UNIT, ARGUMENTS) == before
    number = parties.relation(cluster, WORKER, 'integrator')

    def say(**more: str) -> None:
        words = (shlex.quote(f'{key}={json.dumps(value)}') for key, value in {**told, **more}.items())
        tell(cluster, 'integrator/0', ' '.join(words), number, 'clients')

    say()
    assert cloud_flags(cluster) == [f'--cloud-config="{CLOUD}"', '--cloud-provider="openstack"']
    assert 'password = "s3cret"' in cluster.read(UNIT, CLOUD)
    assert cluster.shell(UNIT, f'stat -c "%a %U" {CLOUD}').split() == ['600', 'root']
    assert cluster.status(UNIT)[0] == 'active'
    say(region='north')
    assert 'region = "north"' in cluster.read(UNIT, CLOUD)
    assert parties.restarts(cluster, UNIT, KUBELET) == count + 2
    act(cluster, 'remove-relation', WORKER, 'integrator')
    assert cluster.read(UNIT, ARGUMENTS) == before
    assert cluster.shell(UNIT, f'ls {CLOUD}', check=False) == ''
    assert parties.restarts(cluster, UNIT, KUBELET) == count + 3
    assert cluster.status(UNIT)[0] == 'active'
    assert 's3cret' not in cluster.juju('debug-log', '--replay', '--level', 'DEBUG')


def checks(cluster: Cluster) -> list[str]:
    return cluster.shell(UNIT, 'ls /etc/nagios/nrpe.d /var/lib/nagios/export 2>/dev/null', check=False).split()


def test_nagios_checks_come_and_go_with_the_relation_and_follow_the_options(cluster: Cluster) -> None:
    cluster.shell(UNIT, 'mkdir -p /var/lib/nagios/export')
    act(cluster, 'deploy', './companions/nrpe')
    act(cluster, 'add-relation', WORKER, 'nrpe')
    act(cluster, 'update-status', WORKER)
    host = f'juju-{UNIT.replace("/", "-")}'
    definition = f'/var/lib/nagios/export/service__{host}_check_{KUBELET}.cfg'
    for service in (KUBELET, PROXY):
        assert f'check_{service}.cfg' in checks(cluster)
        assert service in cluster.bag('nrpe-external-master', UNIT)['monitors']
    command = cluster.read(UNIT, f'/etc/nagios/nrpe.d/check_{KUBELET}.cfg').splitlines()[-1].partition('=')[2]
    assert cluster.shell(UNIT, f'{command}; echo $?').splitlines() == [f'OK: {KUBELET} is active', '0']
    cluster.shell(UNIT, f'systemctl stop {KUBELET}')
    assert cluster.shell(UNIT, f'{command}; echo $?').splitlines() == [f'CRITICAL: {KUBELET} is inactive', '2']
    cluster.shell(UNIT, f'systemctl start {KUBELET}')

    assert ' juju\n' in cluster.read(UNIT, definition)
    act(cluster, 'config', WORKER, 'nagios_servicegroups=k8s, prod')
    assert ' k8s,prod\n' in cluster.read(UNIT, definition)
    act(cluster, 'config', WORKER, 'nagios_servicegroups=a;b', 'nagios_context=')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and 'nagios_context: ' in message and 'nagios_servicegroups: ' in message
    assert ' k8s,prod\n' in cluster.read(UNIT, definition)
    act(cluster, 'config', WORKER, 'nagios_context=site', '--reset', 'nagios_servicegroups')
    assert ' site\n' in cluster.read(UNIT, definition)
    act(cluster, 'config', WORKER, '--reset', 'nagios_context')
    act(cluster, 'remove-relation', WORKER, 'nrpe')
    assert [name for name in checks(cluster) if 'check_' in name] == []
    assert cluster.status(UNIT)[0] == 'active'
