"""FM-69, FM-70 and Nagios: what an older revision left, what a cloud integrator told, what nrpe runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model import cluster as cluster_of
from tests.model import parties
from tests.model.cluster import WORKER, Cluster
from tests.model.parties import act, tell

pytestmark = pytest.mark.slow

UNIT, OTHER = f'{WORKER}/0', f'{WORKER}/1'
KUBELET, PROXY = 'snap.kubelet.daemon', 'snap.kube-proxy.daemon'
ARGUMENTS = '/var/snap/kubelet/current/args'
CLOUD = '/var/snap/kubelet/common/cloud-config.conf'


@pytest.fixture(scope='module')
def cluster(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all of this file; each test leaves it as it was."""
    copy = cluster_of.copy(canonical, tmp_path_factory.mktemp('rest') / 'data')
    yield copy
    copy.destroy()


def settings(cluster: Cluster, unit: str) -> list[object]:
    """Return snapd's settings of both daemons, less what is the machine's own."""
    own = ('node-ip', 'hostname-override')
    found = [json.loads(cluster.shell(unit, f'snap get -d {name}')) for name in ('kubelet', 'kube-proxy')]
    return [{key: value for key, value in one.items() if key not in own} for one in found]


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
