"""FM-38 to FM-47: labels and the options of kubelet and kube-proxy, good and bad, changed and changed back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.model import parties
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, config

pytestmark = [pytest.mark.slow, pytest.mark.one_cluster, pytest.mark.usefixtures('no_hook_fails')]

UNIT, OTHER = f'{WORKER}/0', f'{WORKER}/1'
KUBELET, PROXY = 'snap.kubelet.daemon', 'snap.kube-proxy.daemon'
API = 'snap.kube-apiserver.daemon'
CONFIG = '/root/cdk/kubelet/config.yaml'
PROXY_CONFIG = '/root/cdk/kube-proxy/config.yaml'
STATE = '/var/lib/kubelet/cpu_manager_state'


def labels(cluster: Cluster) -> dict[str, str]:
    """Return the labels of the first worker's node that no kubelet makes."""
    found = cluster.kubectl('get', 'node', cluster.node_of(UNIT), '-o', 'json')['metadata']['labels']
    return {key: value for key, value in found.items() if 'kubernetes.io/' not in key}


def arguments(cluster: Cluster, service: str, unit: str = UNIT) -> dict[str, str]:
    """Return the flags that a daemon's process has."""
    line = cluster.shell(unit, f'cat /proc/{cluster.pid(unit, service)}/cmdline')
    words = [word.removeprefix('--').partition('=') for word in line.split('\0') if word.startswith('--')]
    return {name: value for name, _, value in words}


def configuration(cluster: Cluster, path: str = CONFIG) -> dict[str, object]:
    read: dict[str, object] = yaml.safe_load(cluster.read(UNIT, path))
    return read


def running(cluster: Cluster) -> tuple[str, str, str]:
    """Return what differs when anything was written or restarted."""
    return cluster.digest(UNIT, '/root/cdk', '/var/snap'), cluster.pid(UNIT, KUBELET), cluster.pid(UNIT, PROXY)


# -- labels

OWN = {'juju-application': WORKER}


def test_fm_38_labels_are_on_the_node_one_hook_after_it_comes(cluster: Cluster) -> None:
    node = cluster.node_of(UNIT)
    cluster.shell(UNIT, f'systemctl stop {KUBELET}')
    cluster.kubectl('delete', 'node', node)
    last = cluster.last_run()
    config(cluster, 'labels=late=yes')
    hooks = cluster.runs(UNIT, last)
    assert max(run.seconds for run in hooks) < 60
    state, message = cluster.status(UNIT)
    assert state == 'waiting' and 'kubelet' in message
    cluster.shell(UNIT, f'systemctl start {KUBELET}')
    assert cluster.eventually(lambda: node in cluster.nodes())
    act(cluster, 'update-status', UNIT)
    assert labels(cluster) == {**OWN, 'late': 'yes'}
    assert cluster.status(UNIT)[0] == 'active'
    config(cluster, '--reset', 'labels')


def test_fm_39_removed_labels_go_though_the_api_was_down_and_the_charm_upgraded_meanwhile(cluster: Cluster) -> None:
    node = cluster.node_of(UNIT)
    config(cluster, 'labels=a=1 b=2')
    cluster.kubectl('label', 'node', node, 'by-hand=x')
    cluster.shell(f'{MASTER}/0', f'systemctl stop {API}')
    config(cluster, 'labels=b=3')
    state, message = cluster.status(UNIT)
    assert (state, node in message) == ('waiting', True), message
    cluster.upgrade(WORKER)
    cluster.shell(f'{MASTER}/0', f'systemctl start {API}')

    def are_new() -> bool:  # an API server that was just started takes a moment to answer
        act(cluster, 'update-status', WORKER)
        return labels(cluster) == {**OWN, 'b': '3', 'by-hand': 'x'}

    assert cluster.eventually(are_new), labels(cluster)
    config(cluster, 'labels=')
    assert labels(cluster) == {**OWN, 'by-hand': 'x'}
    assert cluster.status(UNIT)[0] == 'active'
    cluster.kubectl('label', 'node', node, 'by-hand-')


def test_fm_40_valid_labels_are_set_and_each_invalid_one_is_named(cluster: Cluster) -> None:
    invalid = ['novalue', 'a=b=c', '-bad-=x', 'long=' + 'x' * 64]
    config(cluster, f'labels=ok=1  {" ".join(invalid)}\n\nempty= example.com/x=y')
    assert labels(cluster) == {**OWN, 'ok': '1', 'empty': '', 'example.com/x': 'y'}
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and message.startswith('labels: ')
    assert [item for item in invalid if item[:30] not in message] == []
    config(cluster, 'labels=ok=1')
    assert labels(cluster) == {**OWN, 'ok': '1'}
    assert cluster.status(UNIT)[0] == 'active'
    config(cluster, '--reset', 'labels')


# -- kubelet-extra-config


def test_fm_41_what_is_no_mapping_blocks_by_name_and_changes_nothing(cluster: Cluster) -> None:
    config(cluster, 'kubelet-extra-config={maxPods: 42, authentication: {webhook: {cacheTTL: 3m}}}')
    before = running(cluster)
    assert configuration(cluster)['maxPods'] == 42
    assert configuration(cluster)['authentication'] == {
        'anonymous': {'enabled': False},
        'webhook': {'cacheTTL': '3m'},
        'x509': {'clientCAFile': '/root/cdk/ca.crt'},
    }
    for text in (
        '[maxPods]',
        'a: !!python/object/apply:os.system ["touch /root/run"]',
        '{clusterDomain: {x: y}}',
        '{maxPods: 5, nosuch: 1}',
    ):
        config(cluster, f'kubelet-extra-config={text}')
        state, message = cluster.status(UNIT)
        assert state == 'blocked' and message.startswith('kubelet-extra-config: '), (text, message)
        assert running(cluster) == before, text
    assert cluster.shell(UNIT, 'ls /root') == cluster.shell(OTHER, 'ls /root')
    assert 'run' not in cluster.shell(UNIT, 'ls /root').split()
    config(cluster, 'kubelet-extra-config=')
    assert cluster.status(UNIT)[0] == 'active'
    assert 'maxPods' not in configuration(cluster)
    config(cluster, '--reset', 'kubelet-extra-config')


# -- extra arguments


def test_fm_42_43_extra_arguments_are_what_a_shell_splits_and_leave_nothing_behind(cluster: Cluster) -> None:
    before = arguments(cluster, KUBELET), arguments(cluster, PROXY), configuration(cluster, PROXY_CONFIG)
    option = (
        "eviction-hard='memory.available<200Mi' --feature-gates=RotateKubeletServerCertificate=true,NodeLease=false "
        '-v="3" node-labels=x=1 node-labels=y=2 volume-plugin-dir="/var/my plugins" register-node '
        'cert-dir=null seccomp-profile-root=[1]'  # snapd would read both as JSON
    )
    config(cluster, f'kubelet-extra-args={option}', 'proxy-extra-args=proxy-mode=ipvs masquerade-all v=2')
    restarts = {service: parties.restarts(cluster, UNIT, service) for service in (KUBELET, PROXY)}
    assert arguments(cluster, KUBELET) == {
        **before[0],
        'eviction-hard': 'memory.available<200Mi',
        'feature-gates': 'RotateKubeletServerCertificate=true,NodeLease=false',
        'v': '3',
        'node-labels': 'x=1,y=2',
        'volume-plugin-dir': '/var/my plugins',
        'register-node': '',
        'cert-dir': 'null',
        'seccomp-profile-root': '[1]',
    }
    assert arguments(cluster, PROXY) == {**before[1], 'v': '2'}  # what has no field in its file
    file = {**before[2], 'mode': 'ipvs', 'iptables': {'masqueradeAll': True}}
    assert configuration(cluster, PROXY_CONFIG) == file

    now = running(cluster)
    config(cluster, 'kubelet-extra-args=v="', 'proxy-extra-args=v=2 =x')
    state, message = cluster.status(UNIT)
    assert state == 'blocked'
    assert 'kubelet-extra-args: no closing quotation' in message and 'proxy-extra-args: ' in message
    assert running(cluster) == now

    config(cluster, 'kubelet-extra-args=v=4', 'proxy-extra-args=healthz-port=10257')  # no file can hold that
    assert arguments(cluster, KUBELET) == {**before[0], 'v': '4'}
    alone = arguments(cluster, PROXY)
    assert (alone['healthz-port'], alone['cluster-cidr'], 'config' in alone) == ('10257', file['clusterCIDR'], False)
    assert cluster.shell(UNIT, f'ls {PROXY_CONFIG} 2>/dev/null', check=False) == ''
    config(cluster, '--reset', 'kubelet-extra-args,proxy-extra-args')
    after = arguments(cluster, KUBELET), arguments(cluster, PROXY), configuration(cluster, PROXY_CONFIG)
    assert after == before
    for service in (KUBELET, PROXY):
        assert parties.restarts(cluster, UNIT, service) == restarts[service] + 2
    assert cluster.status(UNIT)[0] == 'active'


def test_fm_44_the_kubelet_runs_with_another_cpu_policy_and_keeps_its_state_otherwise(cluster: Cluster) -> None:
    for option in ('kubelet-extra-config={cpuManagerPolicy: static}', 'kubelet-extra-args=cpu-manager-policy=static'):
        config(cluster, option)
        assert cluster.eventually(lambda: '"static"' in cluster.shell(UNIT, f'cat {STATE}', check=False))
        assert cluster.status(UNIT)[0] == 'active'
        cluster.shell(UNIT, f"sed -i 's/}}/, \"mark\": 1}}/' {STATE}; touch -d '2001-01-01' {STATE}")
        config(cluster, 'proxy-extra-args=v=2')
        assert '"mark"' in cluster.read(UNIT, STATE)
        config(cluster, '--reset', f'{option.partition("=")[0]},proxy-extra-args')
        assert cluster.eventually(lambda: '"none"' in cluster.shell(UNIT, f'cat {STATE}', check=False))
    assert cluster.status(UNIT)[0] == 'active'


# -- versions


def upgraded(cluster: Cluster, channel: str) -> str:
    """Move the workers to a channel; returns the first one's version."""
    config(cluster, f'channel={channel}')
    return cluster.shell(UNIT, 'kubelet --version').split()[-1]


def is_well(cluster: Cluster) -> bool:
    """Whether both daemons run with flags they know, and the node is Ready."""
    pids = [cluster.pid(UNIT, service) for service in (KUBELET, PROXY)]
    active = cluster.shell(UNIT, f'systemctl is-active {KUBELET} {PROXY}', check=False).split()
    ready = cluster.eventually(lambda: cluster.nodes()[cluster.node_of(UNIT)])
    return active == ['active', 'active'] and ready and pids == [cluster.pid(UNIT, s) for s in (KUBELET, PROXY)]


def walk(cluster: Cluster, *minors: int) -> None:
    for minor in minors:
        assert upgraded(cluster, f'1.{minor}/stable').startswith(f'v1.{minor}.')
        assert is_well(cluster), minor
        assert cluster.status(UNIT)[0] == 'active', cluster.status(UNIT)


def test_fm_45_an_argument_that_the_new_version_lacks_blocks_by_name_and_the_kubelet_runs(cluster: Cluster) -> None:
    config(cluster, 'require-manual-upgrade=false')
    walk(cluster, 11)
    config(cluster, 'kubelet-extra-args=cadvisor-port=0 v=2')
    assert arguments(cluster, KUBELET)['cadvisor-port'] == '0'
    upgraded(cluster, '1.12/stable')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and 'cadvisor-port' in message and '1.12' in message, message
    assert is_well(cluster)
    assert arguments(cluster, KUBELET)['v'] == '2'
    upgraded(cluster, '1.11/stable')
    assert arguments(cluster, KUBELET)['cadvisor-port'] == '0'
    assert cluster.status(UNIT)[0] == 'active'
    config(cluster, '--reset', 'kubelet-extra-args')
    config(cluster, '--reset', 'channel')
    config(cluster, '--reset', 'require-manual-upgrade')
    assert cluster.status(UNIT)[0] == 'active'


@pytest.mark.long
def test_fm_45_every_cut_in_the_versions_is_passed_up_and_down(cluster: Cluster) -> None:
    config(cluster, 'require-manual-upgrade=false')
    walk(cluster, 9, 10, 15, 24, 25, 26, 27, 28, 35, 36, 26, 23, 12)
    config(cluster, '--reset', 'require-manual-upgrade,channel')


# -- daemons and hosts


def test_fm_46_a_failing_daemon_is_named_and_runs_again_by_itself_when_the_cause_is_gone(cluster: Cluster) -> None:
    last = cluster.last_run()
    config(cluster, 'kubelet-extra-args=feature-gates=NoSuchGate=true')

    def is_named() -> bool:  # a kubelet that was just started is active until it has refused
        act(cluster, 'update-status', UNIT)
        state, message = cluster.status(UNIT)
        return state == 'waiting' and 'kubelet' in message

    for _ in range(2):
        assert cluster.eventually(is_named), cluster.status(UNIT)
    assert max(run.seconds for run in cluster.runs(UNIT, last)) < 60
    config(cluster, '--reset', 'kubelet-extra-args')
    assert cluster.status(UNIT)[0] == 'active'

    fail = '/var/lib/stand-in/fail/kubelet.json'
    cluster.shell(UNIT, f'cat > {fail}', stdin=json.dumps([{'match': '', 'times': 7, 'code': 1}]))
    # the start limit of systemd: five starts in ten seconds
    cluster.shell(UNIT, f'for i in 1 2 3 4 5 6; do systemctl restart {KUBELET}; sleep 0.3; done', check=False)
    last = cluster.last_run()
    active = f'systemctl is-active {KUBELET}'
    assert cluster.eventually(lambda: cluster.shell(UNIT, active, check=False).strip() == 'active')
    assert cluster.eventually(lambda: cluster.nodes()[cluster.node_of(UNIT)])
    assert cluster.runs(UNIT, last) == []
    cluster.shell(UNIT, f'rm -f {fail}')


def test_fm_47_each_host_gets_what_it_needs_and_no_other(cluster: Cluster) -> None:
    stub = '/run/systemd/resolve/stub-resolv.conf'
    before = running(cluster), configuration(cluster), conntrack(cluster)
    assert 'resolvConf' not in before[1] and 'maxPerCore' not in before[2]
    assert before[1]['failSwapOn'] is False
    cluster.shell(UNIT, f'mkdir -p {Path(stub).parent}; cp /etc/resolv.conf {stub}; cp /etc/resolv.conf /etc/r.old')
    cluster.shell(UNIT, f'ln -sf {stub} /etc/resolv.conf; mkdir -p /run/systemd; echo lxc > /run/systemd/container')
    act(cluster, 'update-status', WORKER)
    assert configuration(cluster)['resolvConf'] == '/run/systemd/resolve/resolv.conf'
    assert conntrack(cluster)['maxPerCore'] == 0
    assert 'maxPerCore' not in conntrack(cluster, OTHER)
    assert cluster.status(UNIT)[0] == 'active'
    cluster.shell(UNIT, 'rm /run/systemd/container; mv /etc/r.old /etc/resolv.conf')
    act(cluster, 'update-status', WORKER)
    assert (configuration(cluster), conntrack(cluster)) == before[1:]


def conntrack(cluster: Cluster, unit: str = UNIT) -> dict[str, object]:
    """Return what kube-proxy is told of the table of connections."""
    return dict(yaml.safe_load(cluster.read(unit, PROXY_CONFIG)).get('conntrack') or {})


def test_every_wrong_option_is_named_and_nothing_stops(cluster: Cluster) -> None:
    before = running(cluster), labels(cluster)
    wrong = {
        'allow-privileged': 'perhaps',
        'channel': '1.12/unstable',
        'kubelet-extra-args': 'nosuch=1',
        'proxy-extra-args': 'nosuch=1',
        'kubelet-extra-config': '[x]',
        'snapd_refresh': 'tuesday',
        'snap_proxy': 'squid:3128',
        'snap_proxy_url': 'ftp://x',
        'nagios_context': 'a b',
        'nagios_servicegroups': 'a;b',
        'labels': 'novalue',
    }
    config(cluster, *(f'{name}={value}' for name, value in wrong.items()))
    state, message = cluster.status(UNIT)
    assert state == 'blocked'
    assert [name for name in wrong if name not in message] == []
    assert (running(cluster), labels(cluster)) == before
    config(cluster, '--reset', ','.join(wrong))
    assert cluster.status(UNIT)[0] == 'active'
    assert (running(cluster), labels(cluster)) == before
