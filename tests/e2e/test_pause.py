"""pause and resume on a real node: what drains, what stays, what refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import WORKERS, Object, Real, names, nodes, template, web

UNIT = WORKERS[0]
SLEEP = 'mkdir -p /www && exec httpd -f -p 8080 -h /www'


def daemon_set(name: str) -> Object:
    spec = {
        'selector': {'matchLabels': {'app': name}},
        'template': template(name, f'mkdir -p /www; >/www/index.html; {SLEEP}'),
    }
    return {'apiVersion': 'apps/v1', 'kind': 'DaemonSet', 'metadata': {'name': name}, 'spec': spec}


def bare_pod(name: str, node: str) -> Object:
    made = template(name, f'mkdir -p /www; >/www/index.html; {SLEEP}', nodeName=node)
    return {'apiVersion': 'v1', 'kind': 'Pod', **made, 'metadata': {'name': name, 'labels': {'app': name}}}


def budget(name: str, available: int) -> Object:
    spec = {'minAvailable': available, 'selector': {'matchLabels': {'app': name}}}
    return {'apiVersion': 'policy/v1beta1', 'kind': 'PodDisruptionBudget', 'metadata': {'name': name}, 'spec': spec}


@pytest.fixture
def busy(real: Real) -> Iterator[Real]:
    """A cluster whose first worker has one pod of each kind that a drain treats differently."""
    node = real.node_of(UNIT)
    keeps_data = {'volumes': [{'name': 'data', 'emptyDir': {}}], 'nodeSelector': {'kubernetes.io/hostname': node}}
    real.apply(daemon_set('agent'), web('guarded', 2), budget('guarded', 1), web('data', 1, **keeps_data))
    real.apply(bare_pod('bare', node))
    for name, count in {'agent': 2, 'guarded': 2, 'data': 1, 'bare': 1}.items():
        real.until_running(f'app={name}', count)
    yield real
    real.action(UNIT, 'resume')
    real.delete('daemonset/agent', 'deployment/guarded', 'deployment/data', 'pdb/guarded')
    real.delete('pod/bare', '--ignore-not-found')


def test_pause_refuses_what_would_be_lost_until_it_is_told_and_drains_all_but_daemon_sets(busy: Real) -> None:
    node = busy.node_of(UNIT)
    status, message = busy.action(UNIT, 'pause')
    assert (status, 'default/bare' in message or 'default/data' in message) == ('failed', True), message
    status, message = busy.action(UNIT, 'pause', delete_local_data=True)
    assert (status, 'default/bare' in message) == ('failed', True), message
    status, message = busy.action(UNIT, 'pause', force=True)
    assert (status, 'default/data' in message) == ('failed', True), message
    assert names(busy.running('app=bare')) == {'bare'}
    assert not busy.get('node', node)['spec'].get('unschedulable')

    assert busy.action(UNIT, 'pause', delete_local_data=True, force=True)[0] == 'completed'
    assert busy.get('node', node)['spec']['unschedulable'] is True
    left = [pod for pod in busy.get('pods')['items'] if pod['spec'].get('nodeName') == node]
    assert busy.eventually(
        lambda: (
            {
                pod['metadata']['labels']['app']
                for pod in busy.get('pods')['items']
                if pod['spec'].get('nodeName') == node
            }
            == {'agent'}
        ),
        90,
    ), names(left)
    assert busy.pods('app=bare') == []
    assert nodes(busy.until_running('app=guarded', 2)) == {busy.node_of(WORKERS[1])}
    assert 'paused' in busy.status(UNIT)[1].lower() or busy.status(UNIT)[0] == 'maintenance', busy.status(UNIT)

    assert busy.action(UNIT, 'resume')[0] == 'completed'
    assert not busy.get('node', node)['spec'].get('unschedulable')
    busy.until_running('app=data', 1)  # only this node may have it: it waited


def test_pause_waits_for_a_disruption_budget_and_never_goes_below_it(busy: Real) -> None:
    node = busy.node_of(UNIT)
    busy.apply(budget('guarded', 2))  # of two: no eviction at all
    status, message = busy.action(UNIT, 'pause', delete_local_data=True, force=True, timeout=10)
    assert (status, 'guarded' in message) == ('failed', True), message
    assert len(busy.running('app=guarded')) == 2
    busy.action(UNIT, 'resume')
    assert not busy.get('node', node)['spec'].get('unschedulable')
