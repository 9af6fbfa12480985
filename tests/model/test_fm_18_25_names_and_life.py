"""FM-18 to FM-26: names of hosts and nodes, units that come, leave and are upgraded at odd moments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.model import access, parties
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act

pytestmark = [pytest.mark.slow, pytest.mark.one_cluster]

LEADER = f'{MASTER}/0'
UNIT, OTHER = f'{WORKER}/0', f'{WORKER}/1'
KUBELET, PROXY = 'snap.kubelet.daemon', 'snap.kube-proxy.daemon'
FILES = ('/root/cdk', '/root/.kube', '/var/snap/kubelet/current', '/var/snap/kube-proxy/current')


@pytest.fixture(scope='module', autouse=True)
def no_retries(cluster_of_file: Cluster) -> None:
    """Some hooks here are to stay failed until they are resolved."""
    act(cluster_of_file, 'model-config', 'automatically-retry-hooks=false')


def action(cluster: Cluster, unit: str, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = cluster.answer('run-action', unit, name, '--wait')
    return next(iter(answer.values()))  # type: ignore[no-any-return]


def labels(cluster: Cluster, node: str) -> dict[str, str]:
    found: dict[str, str] = cluster.kubectl('get', 'node', node, '-o', 'json')['metadata']['labels']
    return found


def names_one_node(cluster: Cluster, unit: str, node: str) -> bool:
    """Check that all that names a worker's node names this one."""
    assert cluster.bag('kube-control', unit)['kubelet_user'] == f'system:node:{node}'
    assert f'hostnameOverride: {node}\n' in cluster.read(unit, '/root/cdk/kube-proxy/config.yaml')
    assert cluster.eventually(lambda: cluster.nodes().get(node, False)), cluster.nodes()
    act(cluster, 'update-status', unit)
    assert labels(cluster, node)['juju-application'] == unit.partition('/')[0]
    assert cluster.status(unit)[0] == 'active', cluster.status(unit)
    for name, cordoned in (('pause', True), ('resume', None)):
        done = action(cluster, unit, name)
        assert (done['status'], done['results']['node']) == ('completed', node), done
        assert cluster.kubectl('get', 'node', node, '-o', 'json')['spec'].get('unschedulable') is cordoned
    return True


def test_fm_22_a_changed_option_reaches_the_kubelet_after_an_upgrade_of_the_charm(cluster: Cluster) -> None:
    before = cluster.digest(UNIT, *FILES), cluster.pid(UNIT, KUBELET)
    cluster.upgrade(WORKER)
    assert (cluster.digest(UNIT, *FILES), cluster.pid(UNIT, KUBELET)) == before
    act(cluster, 'config', WORKER, 'kubelet-extra-args=v=2')
    assert '--v="2"' in cluster.read(UNIT, '/var/snap/kubelet/current/args')
    assert cluster.pid(UNIT, KUBELET) != before[1]
    act(cluster, 'config', WORKER, '--reset', 'kubelet-extra-args')


@pytest.mark.parametrize('share', [0.6, 1.0])
def test_fm_24_options_put_back_after_a_hook_died_half_way_leave_what_was_before(
    cluster: Cluster, share: float
) -> None:
    node = cluster.node_of(UNIT)
    before = cluster.digest(UNIT, *FILES), labels(cluster, node)
    calls = [run.calls for run in cluster.runs(UNIT) if run.name == 'config-changed' and not run.reason][-1]
    crash = f'{max(1, int(calls * share))}:{UNIT}:config-changed'
    settings = ('labels=half=way', 'kubelet-extra-args=v=7', 'kubelet-extra-config={maxPods: 7}')
    act(cluster, 'config', WORKER, *settings, check=False, JUJU_LOCAL_CRASH=crash)
    assert cluster.status(UNIT)[0] == 'error'
    act(cluster, 'config', WORKER, '--reset', 'labels,kubelet-extra-args,kubelet-extra-config', check=False)
    act(cluster, 'resolved', UNIT)
    assert cluster.status(UNIT)[0] == 'active'
    assert (cluster.digest(UNIT, *FILES), labels(cluster, node)) == before
    assert '--v=0' in cluster.shell(UNIT, f'tr "\\0" "\\n" < /proc/{cluster.pid(UNIT, KUBELET)}/cmdline')


STEPS = (('snap', 'set kubelet '), ('systemctl', f'enable {KUBELET}'), ('systemctl', f'restart {KUBELET}'))


def killed_at(cluster: Cluster, program: str, call: str, *settings: str) -> None:
    """Change options of the workers, and kill the first one's hook when it has come to this call of a program."""
    rules, calls = f'/var/lib/stand-in/fail/{program}.json', '/var/lib/stand-in/calls.log'
    before = int(cluster.shell(UNIT, f'wc -l < {calls}'))
    rule = json.dumps([{'match': call, 'delay_s': 200}])
    cluster.shell(UNIT, f'mkdir -p $(dirname {rules}); cat > {rules}', stdin=rule)
    process = cluster.start('--quiet', 'config', WORKER, *settings, JUJU_LOCAL_PATIENCE='0')
    words = ', '.join(f'"{word}"' for word in call.split())
    try:
        since = f'tail -n +{before + 1} {calls}'
        assert cluster.eventually(lambda: words in cluster.shell(UNIT, since)), call
    finally:
        cluster.shell(UNIT, f'pkill -9 -f [h]ooks/config-changed; pkill -9 -f "{call[:-1]}[{call[-1]}]"', check=False)
        process.communicate(timeout=200)
        cluster.shell(UNIT, f'rm -f {rules}')


def test_fm_23_a_kill_at_any_step_of_a_restart_leaves_no_daemon_older_than_its_files(cluster: Cluster) -> None:
    node = cluster.node_of(UNIT)

    def pods() -> str:
        """Return what the kubelet read when it was started."""
        return str(cluster.kubectl('get', 'node', node, '-o', 'json')['status']['capacity']['pods'])

    settings = ('kubelet-extra-args=v=3', 'kubelet-extra-config={maxPods: 42}')
    act(cluster, 'config', WORKER, *settings)
    undisturbed = cluster.digest(UNIT, *FILES)
    for program, call in STEPS:
        act(cluster, 'config', WORKER, '--reset', 'kubelet-extra-args,kubelet-extra-config')
        assert cluster.eventually(lambda: pods() == '110')
        killed_at(cluster, program, call, *settings)
        assert cluster.status(UNIT)[0] == 'error', call
        act(cluster, 'resolved', UNIT)
        assert cluster.status(UNIT)[0] == 'active', call
        assert cluster.digest(UNIT, *FILES) == undisturbed, call
        assert '--v=3' in cluster.shell(UNIT, f'tr "\\0" "\\n" < /proc/{cluster.pid(UNIT, KUBELET)}/cmdline'), call
        assert cluster.eventually(lambda: pods() == '42'), call
    act(cluster, 'config', WORKER, '--reset', 'kubelet-extra-args,kubelet-extra-config')


def test_fm_26_one_status_whatever_is_due_at_once(cluster: Cluster) -> None:
    act(cluster, 'config', WORKER, 'channel=1.13/stable', 'kubelet-extra-args=v=2')
    first = cluster.status(UNIT)
    assert first[0] == 'blocked' and 'run action upgrade' in first[1]
    for _ in range(3):
        act(cluster, 'update-status', WORKER)
        assert [cluster.status(unit) for unit in (UNIT, OTHER)] == [first, first]
    act(cluster, 'config', WORKER, '--reset', 'channel,kubelet-extra-args')
    assert cluster.status(UNIT)[0] == 'active'


def test_fm_18_36_all_that_names_the_node_follows_the_cloud_and_back(cluster: Cluster) -> None:
    host, name = cluster.node_of(UNIT), 'ip-10-87-0-13.ec2.internal'
    old = access.kubeconfig_tokens(cluster, UNIT)
    cluster.shell(UNIT, f'sed -i "1i 127.0.1.1 {name} $(hostname)" /etc/hosts')
    act(cluster, 'config', WORKER, 'kubelet-extra-args=cloud-provider=aws')
    assert names_one_node(cluster, UNIT, name)
    assert access.accepted(cluster, [*old.values()]) == [False] * 3
    assert f'system:node:{host}' not in {user for user, _ in access.known(cluster).values()}
    assert {host, name} <= set(json.loads(cluster.bag('certificates', UNIT)['sans']))
    cluster.shell(UNIT, f'sed -i "/{name}/d" /etc/hosts')
    act(cluster, 'config', WORKER, '--reset', 'kubelet-extra-args')
    assert names_one_node(cluster, UNIT, host)
    assert f'system:node:{name}' not in {user for user, _ in access.known(cluster).values()}


def test_fm_19_36_a_host_with_capital_letters_is_a_node_in_lower_case(cluster: Cluster) -> None:
    act(cluster, 'add-unit', WORKER, '--no-wait')
    unit = f'{WORKER}/2'
    cluster.name_machine(unit, 'Node-A')
    act(cluster, 'wait')
    assert cluster.shell(unit, 'hostname').strip() == 'Node-A'
    assert names_one_node(cluster, unit, 'node-a')
    assert {'Node-A', 'node-a'} <= set(json.loads(cluster.bag('certificates', unit)['sans']))


def test_fm_20_a_unit_leaves_while_the_api_is_down_and_its_daemons_stay_stopped(cluster: Cluster) -> None:
    unit, api = f'{WORKER}/2', 'snap.kube-apiserver.daemon'
    cluster.shell(LEADER, f'systemctl stop {api}')
    act(cluster, 'remove-unit', unit, check=False, JUJU_LOCAL_CRASH=f'1:{unit}:stop')
    assert cluster.status(unit)[0] == 'error'  # and so its machine is still there to be looked at
    assert cluster.shell(unit, f'systemctl is-active {KUBELET} {PROXY}', check=False).split() == ['inactive'] * 2
    assert cluster.shell(unit, f'systemctl is-enabled {KUBELET} {PROXY}', check=False).split() == ['disabled'] * 2
    act(cluster, 'resolved', unit)
    assert unit not in cluster.units()
    cluster.shell(LEADER, f'systemctl start {api}')
    cluster.until_api_answers()
    act(cluster, 'update-status', LEADER)
    assert cluster.eventually(lambda: 'node-a' not in cluster.nodes()), cluster.nodes()


def test_fm_20_21_25_28_37_a_newcomer_names_what_it_lacks_one_by_one_and_can_leave_at_any_time(
    cluster: Cluster, tmp_path: Path
) -> None:
    """FM-20, FM-21, FM-25, FM-28 and FM-37: one story shows them all."""
    app, unit = 'newcomers', 'newcomers/0'
    authority = {'certificates': {'interface': 'tls-certificates'}}
    act(cluster, 'deploy', str(parties.charm(tmp_path, 'sealed', {}, provides=authority)))
    resource = 'cni-amd64=./build/resources/cni-amd64.tgz'
    crash = {'JUJU_LOCAL_CRASH': f'3:{unit}:install'}
    act(cluster, 'deploy', f'./build/{WORKER}', app, '--resource', resource, check=False, **crash)
    assert cluster.status(unit)[0] == 'error'
    last = cluster.last_run()
    cluster.upgrade(app, WORKER, check=False)  # a new charm during the first deployment
    act(cluster, 'resolved', unit)
    hooks = [(run.name, run.reason) for run in cluster.runs(unit, last)]
    assert hooks[0] == ('install', '') and ('upgrade-charm', '') in hooks[:3], hooks
    assert max(run.seconds for run in cluster.runs(unit, last)) < 60
    steps = (
        ('kube-control', f'{MASTER}:kube-control', 'blocked'),
        ('certificates', 'sealed:certificates', 'blocked'),
        ('kube-api-endpoint', 'kubeapi-load-balancer:website', 'blocked'),
        ('cni', 'flannel:cni', 'blocked'),
    )
    for endpoint, peer, wanted in steps:
        state, message = cluster.status(unit)
        assert state == wanted and (endpoint if endpoint != 'cni' else 'CNI') in message, (endpoint, message)
        assert 'kubelet' not in message
        assert access.kubeconfig_tokens(cluster, unit) == {}
        assert cluster.pid(unit, KUBELET) in ('', '0') or not cluster.shell(unit, 'ls /root/cdk/kubelet', check=False)
        act(cluster, 'add-relation', f'{app}:{endpoint}', peer)
    assert cluster.status(unit) == ('waiting', 'Waiting for the CA certificate from certificates')
    assert access.kubeconfig_tokens(cluster, unit) == {}
    assert cluster.shell(unit, f'systemctl is-active {KUBELET} {PROXY}', check=False).split() == ['inactive'] * 2
    act(cluster, 'remove-application', 'sealed')
    state, message = cluster.status(unit)
    assert state == 'blocked' and 'certificates' in message, message
    act(cluster, 'add-relation', f'{app}:certificates', 'easyrsa:client')
    act(cluster, 'wait')
    assert cluster.status(unit)[0] == 'active'
    assert cluster.is_ready(unit)


def test_fm_20_units_leave_that_never_started_and_after_the_control_plane(cluster: Cluster) -> None:
    act(cluster, 'deploy', f'./build/{WORKER}', 'never')  # it lacks all relations, and plugins
    last = cluster.last_run()
    act(cluster, 'remove-application', 'never')
    act(cluster, 'remove-application', MASTER)
    act(cluster, 'remove-unit', OTHER)
    assert {name.partition('/')[0] for name in cluster.units()} & {'never', MASTER} == set()
    assert OTHER not in cluster.units()
    assert [(run.unit, run.name) for run in cluster.runs(after=last) if run.reason] == []
