"""The operator's first day: steps that a user does in a row share a cluster."""

from __future__ import annotations

import json
from typing import Any

from tests.model.cluster import MASTER, WORKER, Cluster

IMAGE = {'name': 'main', 'image': 'busybox'}
SCRATCH = [{'name': 'scratch', 'emptyDir': {}}]


def apply(cluster: Cluster, *objects: dict[str, Any]) -> None:
    text = json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': objects})
    cluster.shell(cluster.leader(MASTER), f"kubectl apply -f - <<'END'\n{text}\nEND")


def workload(kind: str, name: str, node: str, **pod: Any) -> dict[str, Any]:
    template = {
        'metadata': {'labels': {'app': name}},
        'spec': {'nodeSelector': {'kubernetes.io/hostname': node}, 'containers': [IMAGE], **pod},
    }
    spec = {'selector': {'matchLabels': {'app': name}}, 'template': template}
    return {'apiVersion': 'apps/v1', 'kind': kind, 'metadata': {'name': name}, 'spec': spec}


def pods_on(cluster: Cluster, node: str) -> set[str]:
    """Return the applications whose pods are on a node (label app; our test's pods all have one)."""
    items = cluster.kubectl('get', 'pods', '-n', 'default', '-o', 'json')['items']
    return {pod['metadata']['labels']['app'] for pod in items if pod['spec'].get('nodeName') == node}


def action(cluster: Cluster, unit: str, name: str, *parameters: str) -> dict[str, Any]:
    answer: dict[str, Any] = cluster.answer('run-action', unit, name, *parameters, '--wait')
    return next(iter(answer.values()))  # type: ignore[no-any-return]


def is_cordoned(cluster: Cluster, node: str) -> bool:
    return bool(cluster.kubectl('get', 'node', node, '-o', 'json')['spec'].get('unschedulable'))


def test_fm_30_31_pause_drains_what_may_be_drained_and_shows_until_resume(cluster: Cluster) -> None:
    unit = f'{WORKER}/0'
    node = cluster.node_of(unit)
    bare = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'bare', 'labels': {'app': 'bare'}}}
    apply(
        cluster,
        workload('DaemonSet', 'agents', node),
        workload('Deployment', 'web', node),
        workload('Deployment', 'cache', node, volumes=SCRATCH),
        {**bare, 'spec': {'nodeName': node, 'containers': [IMAGE]}},
    )
    everything = {'agents', 'web', 'cache', 'bare'}
    assert cluster.eventually(lambda: pods_on(cluster, node) == everything), pods_on(cluster, node)

    refused = action(cluster, unit, 'pause')
    assert refused['status'] == 'failed'
    assert 'bare has no controller' in refused['message'] and 'force=true' in refused['message']
    assert 'emptyDir' in refused['message'] and 'delete-local-data=true' in refused['message']
    assert action(cluster, unit, 'pause', 'force=true')['status'] == 'failed'
    assert action(cluster, unit, 'pause', 'delete-local-data=true')['status'] == 'failed'
    assert pods_on(cluster, node) == everything
    assert not is_cordoned(cluster, node)
    assert cluster.status(unit)[0] == 'active'

    pods = cluster.kubectl('get', 'pods', '-A', '-o', 'json')['items']
    others = [pod for pod in pods if pod['spec'].get('nodeName') == node and pod['metadata']['namespace'] != 'default']
    drained = 3 + sum(pod['metadata']['ownerReferences'][0]['kind'] != 'DaemonSet' for pod in others)
    done = action(cluster, unit, 'pause', 'force=true', 'delete-local-data=true')
    assert (done['status'], done['results']['count']) == ('completed', str(drained))
    assert 'default/bare' in done['results']['evicted'] and 'of a DaemonSet' in done['results']['not-evicted']
    assert is_cordoned(cluster, node)
    assert cluster.eventually(lambda: pods_on(cluster, node) == {'agents'})
    paused = cluster.status(unit)
    assert paused[0] == 'maintenance' and 'Paused' in paused[1]

    cluster.juju('config', WORKER, 'labels=disk=ssd')
    assert cluster.status(unit) == paused
    assert cluster.status(f'{WORKER}/1')[0] == 'active'
    assert action(cluster, unit, 'pause')['results']['evicted'] == 'none'

    for _ in range(2):
        assert action(cluster, unit, 'resume')['status'] == 'completed'
        assert not is_cordoned(cluster, node)
        assert cluster.status(unit)[0] == 'active'
    assert cluster.eventually(lambda: pods_on(cluster, node) == everything - {'bare'}), pods_on(cluster, node)


def test_a_bad_option_blocks_and_the_last_good_state_keeps_running(cluster: Cluster) -> None:
    kubelet = 'snap.kubelet.daemon'
    cluster.juju('config', WORKER, 'kubelet-extra-config={maxPods: 42}')
    for number in range(2):
        assert 'maxPods: 42' in cluster.read(f'{WORKER}/{number}', '/root/cdk/kubelet/config.yaml')
    before = cluster.digest(f'{WORKER}/0', '/root/cdk'), cluster.pid(f'{WORKER}/0', kubelet)

    cluster.juju('config', WORKER, 'kubelet-extra-config=max-pods', 'labels=ok=1 -bad-=x')
    state, message = cluster.status(f'{WORKER}/0')
    assert state == 'blocked' and message.startswith('kubelet-extra-config: ')
    assert (cluster.digest(f'{WORKER}/0', '/root/cdk'), cluster.pid(f'{WORKER}/0', kubelet)) == before

    cluster.juju('config', WORKER, 'kubelet-extra-config={maxPods: 42}')
    state, message = cluster.status(f'{WORKER}/0')
    assert state == 'blocked' and message.startswith('labels: ')
    cluster.juju('config', WORKER, '--reset', 'labels')
    assert [cluster.status(f'{WORKER}/{number}')[0] for number in range(2)] == ['active', 'active']
    assert (cluster.digest(f'{WORKER}/0', '/root/cdk'), cluster.pid(f'{WORKER}/0', kubelet)) == before
    assert all(cluster.nodes().values())
    assert not [run for run in cluster.runs() if run.reason]


def test_a_failed_hook_shows_as_error_until_it_is_resolved(cluster: Cluster) -> None:
    app, unit = 'kubeapi-load-balancer', 'kubeapi-load-balancer/0'
    rules = json.dumps([{'match': 'restart', 'times': -1, 'code': 1, 'stderr': 'Job failed, see journalctl'}])
    broken = f"mkdir -p /var/lib/stand-in/fail; echo '{rules}' > /var/lib/stand-in/fail/systemctl.json"
    mended = 'rm /var/lib/stand-in/fail/systemctl.json'

    cluster.shell(unit, broken)
    said = cluster.juju('config', app, 'port=8443')
    assert f'{unit}: config-changed failed' in said
    assert cluster.status(unit) == ('error', 'hook failed: "config-changed"')
    assert 'Job failed, see journalctl' in cluster.juju('debug-log', '--replay', '-i', unit)
    assert cluster.bag('website', unit)['port'] == '443'
    assert f'in error: {unit}' in cluster.juju('wait', check=False)
    cluster.juju('resolved', unit)
    assert cluster.status(unit)[0] == 'error'
    cluster.shell(unit, mended)
    cluster.juju('resolved', unit)
    assert cluster.status(unit)[0] == 'active'
    for number in range(2):
        assert ':8443' in cluster.read(f'{WORKER}/{number}', '/root/cdk/kubeconfig')

    cluster.shell(unit, broken)
    cluster.juju('config', app, 'port=443')
    assert cluster.status(unit)[0] == 'error'
    last = cluster.last_run()
    cluster.juju('resolved', '--no-retry', unit)
    assert cluster.status(unit)[0] == 'active'
    assert 'config-changed' not in [run.name for run in cluster.runs(unit, last)]
    assert cluster.bag('website', unit)['port'] == '8443'
    assert cluster.eventually(lambda: list(cluster.nodes().values()) == [True, True])


def test_kube_control_can_be_removed_and_made_again(cluster: Cluster) -> None:
    ends = f'{MASTER}:kube-control', f'{WORKER}:kube-control'
    old = cluster.relation_ids(WORKER, 'kube-control')
    nodes = cluster.nodes()
    cluster.juju('remove-relation', *ends)
    for number in range(2):
        state, message = cluster.status(f'{WORKER}/{number}')
        assert state == 'blocked' and 'kube-control' in message
    tokens = cluster.read(f'{MASTER}/0', '/root/cdk/known_tokens.csv')
    assert tokens and not [node for node in nodes if node in tokens]

    cluster.juju('add-relation', *ends)
    (new,) = cluster.relation_ids(WORKER, 'kube-control')
    assert new not in old
    assert {unit: cluster.status(unit)[0] for unit in cluster.units()} == dict.fromkeys(cluster.units(), 'active')
    assert cluster.eventually(lambda: cluster.nodes() == dict.fromkeys(nodes, True)), cluster.nodes()
    tokens = cluster.read(f'{MASTER}/0', '/root/cdk/known_tokens.csv')
    assert all(node in tokens for node in nodes)


def works_with_its_credentials(cluster: Cluster, worker: str) -> bool:
    """Tell whether a worker's own credentials open the API to it."""
    told = cluster.shell(worker, 'kubectl --kubeconfig /root/cdk/kubeconfig get node $(hostname) -o name', check=False)
    return told.strip() == f'node/{cluster.node_of(worker)}'


def test_a_second_master_takes_over_from_the_first_without_a_worker_noticing(cluster: Cluster) -> None:
    workers = [f'{WORKER}/{number}' for number in range(2)]
    kubeconfigs = [cluster.read(worker, '/root/cdk/kubeconfig') for worker in workers]
    assert all('token:' in text for text in kubeconfigs)
    cluster.juju('add-unit', MASTER)
    units = cluster.units()
    assert {name: unit['workload-status']['current'] for name, unit in units.items()} == dict.fromkeys(units, 'active')
    tokens = [sorted(cluster.read(f'{MASTER}/{n}', '/root/cdk/known_tokens.csv').splitlines()) for n in range(2)]
    assert tokens[0] == tokens[1]

    cluster.juju('remove-unit', f'{MASTER}/0')
    assert cluster.leader(MASTER) == f'{MASTER}/1'
    units = cluster.units()
    assert f'{MASTER}/0' not in units
    assert {name: unit['workload-status']['current'] for name, unit in units.items()} == dict.fromkeys(units, 'active')
    assert [cluster.read(worker, '/root/cdk/kubeconfig') for worker in workers] == kubeconfigs
    assert all(works_with_its_credentials(cluster, worker) for worker in workers)
    assert cluster.eventually(lambda: list(cluster.nodes().values()) == [True, True])


def test_three_more_workers_become_nodes_and_one_leaves_while_the_api_is_down(cluster: Cluster) -> None:
    api = 'snap.kube-apiserver.daemon'
    last = cluster.last_run()
    cluster.juju('add-unit', WORKER, '-n', '3')
    units = cluster.units()
    assert {name: unit['workload-status']['current'] for name, unit in units.items()} == dict.fromkeys(units, 'active')
    workers = [name for name in units if name.startswith(f'{WORKER}/')]
    assert len(workers) == 5
    names = {worker: cluster.node_of(worker) for worker in workers}
    assert cluster.eventually(lambda: cluster.nodes() == dict.fromkeys(names.values(), True)), cluster.nodes()
    assert not [run for run in cluster.runs('', last) if run.reason]

    leaver = f'{WORKER}/1'
    cluster.shell(f'{MASTER}/0', f'systemctl stop {api}')
    cluster.juju('remove-unit', leaver)
    assert leaver not in cluster.units()
    tokens = cluster.read(f'{MASTER}/0', '/root/cdk/known_tokens.csv')
    assert tokens and names[leaver] not in tokens
    assert names[leaver] not in json.dumps(cluster.bag('kube-control', f'{MASTER}/0'))
    cluster.shell(f'{MASTER}/0', f'systemctl start {api}')
    cluster.until_api_answers()
    cluster.juju('update-status', MASTER)
    left = {name for worker, name in names.items() if worker != leaver}
    assert cluster.eventually(lambda: set(cluster.nodes()) == left), cluster.nodes()
    assert leaver not in json.dumps(cluster.answer('show-unit', f'{MASTER}/0'))


MARK = '/root/mark'
CHANGED = f'find /root /etc /opt /home /var/lib /var/snap -newer {MARK} -type f -not -path "/var/lib/stand-in/*"'
FRAMEWORK = ('.unit-state.db', '.juju-persistent-config')  # charmhelpers writes them in every hook, also a bare one
SERVICES = ('snap.kubelet.daemon', 'snap.kube-proxy.daemon', 'docker')


def test_fm_27_a_hook_with_nothing_to_do_does_nothing_also_while_the_api_is_down(cluster: Cluster) -> None:
    unit, api = f'{WORKER}/0', 'snap.kube-apiserver.daemon'
    shown, pids = cluster.status(unit), [cluster.pid(unit, service) for service in SERVICES]
    endpoints = ('kube-control', 'certificates', 'cni', 'kube-api-endpoint')
    cluster.juju('update-status', unit)
    bags = [cluster.bag(endpoint, unit) for endpoint in endpoints]
    calls = '/var/lib/stand-in/calls.log'
    for state in ('start', 'stop'):
        cluster.shell(f'{MASTER}/0', f'systemctl {state} {api}')
        cluster.shell(unit, f'wc -l < {calls} > {MARK}')
        last = cluster.last_run()
        cluster.juju('update-status', unit)
        (run,) = cluster.runs('', last)
        assert (run.unit, run.name, run.reason) == (unit, 'update-status', '')
        assert run.seconds < 60
        files = [path for path in cluster.shell(unit, CHANGED).split() if not path.endswith(FRAMEWORK)]
        assert files == []
        started = cluster.shell(unit, f'tail -n +$(($(cat {MARK}) + 1)) {calls}').splitlines()
        programs = [(call['program'], call['arguments'][0]) for call in map(json.loads, started)]
        # snapd has one refresh timer for the machine, which others may have set
        assert sorted(call for call in programs if call[1] != 'show') == [('snap', 'get'), ('systemctl', 'is-active')]
        assert cluster.status(unit) == shown
        assert [cluster.bag(endpoint, unit) for endpoint in endpoints] == bags
        assert [cluster.pid(unit, service) for service in SERVICES] == pids


def test_a_running_cluster_gets_ports_a_subordinate_and_a_newer_charm(cluster: Cluster) -> None:
    workers = [f'{WORKER}/{number}' for number in range(2)]
    cluster.juju('run', '--application', WORKER, 'open-port', '30510/tcp')
    assert all('30510/tcp' in cluster.units()[worker]['open-ports'] for worker in workers)
    for verb, exposed in (('unexpose', False), ('expose', True)):
        cluster.juju(verb, WORKER)
        assert cluster.answer('status')['applications'][WORKER].get('exposed', False) is exposed

    cluster.juju('deploy', './companions/nrpe')
    cluster.juju('add-relation', WORKER, 'nrpe')
    units = cluster.units()
    assert {name: unit['workload-status']['current'] for name, unit in units.items()} == dict.fromkeys(units, 'active')
    assert {name for name in units if name.startswith('nrpe/')} == {'nrpe/0', 'nrpe/1'}
    assert cluster.bag('nrpe-external-master', 'nrpe/0')['nagios_hostname']
    cluster.juju('remove-application', 'nrpe')
    assert not [name for name in cluster.units() if name.startswith('nrpe/')]

    last, same = cluster.last_run(), f'charms/{WORKER}-0'
    assert 'already up-to-date' in cluster.juju('upgrade-charm', WORKER, '--path', str(cluster.folder / same))
    assert cluster.runs('', last) == []
    before = [(cluster.digest(worker, '/root/cdk'), cluster.pid(worker, SERVICES[0])) for worker in workers]
    cluster.upgrade(WORKER)
    assert [(cluster.digest(worker, '/root/cdk'), cluster.pid(worker, SERVICES[0])) for worker in workers] == before
    assert {run.unit for run in cluster.runs('', last) if run.name == 'upgrade-charm'} == set(workers)
    assert not [run for run in cluster.runs('', last) if run.reason]
    assert [cluster.status(worker)[0] for worker in workers] == ['active', 'active']
