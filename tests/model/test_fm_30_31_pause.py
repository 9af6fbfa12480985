"""FM-30 and FM-31: pause respects disruption budgets, and a paused unit stays so."""

from __future__ import annotations

import pytest

from tests.model.cluster import WORKER, Cluster
from tests.model.parties import act
from tests.model.test_operations import action, apply, is_cordoned, pods_on, workload

pytestmark = pytest.mark.slow

UNIT = f'{WORKER}/0'


def budget(name: str, least: int) -> dict[str, object]:
    spec = {'minAvailable': least, 'selector': {'matchLabels': {'app': name}}}
    return {'apiVersion': 'policy/v1beta1', 'kind': 'PodDisruptionBudget', 'metadata': {'name': name}, 'spec': spec}


def test_fm_30_31_a_budget_is_heeded_in_time_and_a_paused_unit_stays_paused(cluster: Cluster) -> None:
    node = cluster.node_of(UNIT)
    apply(cluster, workload('Deployment', 'guarded', node), workload('Deployment', 'free', node), budget('guarded', 1))
    assert cluster.eventually(lambda: pods_on(cluster, node) == {'guarded', 'free'})

    done = action(cluster, UNIT, 'pause', 'timeout=10')
    assert done['status'] == 'failed' and 'not drained after 10 s: default/guarded-' in done['message']
    assert 'disruption budget' in done['results']['not-evicted']
    assert 'default/free-' in done['results']['evicted']
    assert any('is gone' in line for line in done['log']), done
    assert any('cannot be evicted yet' in line for line in done['log'])
    assert not is_cordoned(cluster, node) and cluster.status(UNIT)[0] == 'active'

    cluster.kubectl('delete', 'poddisruptionbudget', 'guarded')
    assert action(cluster, UNIT, 'pause', 'timeout=60')['status'] == 'completed'
    assert cluster.eventually(lambda: pods_on(cluster, node) == set())
    paused = cluster.status(UNIT)
    assert paused[0] == 'maintenance' and paused[1].startswith('Paused')

    act(cluster, 'update-status', UNIT)
    act(cluster, 'config', WORKER, 'docker_runtime=upstream', 'kubelet-extra-config={maxPods: 99}')
    act(cluster, 'run', '--unit', UNIT, 'systemctl restart snap.kubelet.daemon')
    cluster.upgrade(WORKER)
    assert is_cordoned(cluster, node) and cluster.status(UNIT) == paused
    assert cluster.status(f'{WORKER}/1')[0] == 'active' and not is_cordoned(cluster, cluster.node_of(f'{WORKER}/1'))
    assert action(cluster, UNIT, 'upgrade')['status'] == 'completed'
    assert is_cordoned(cluster, node) and cluster.status(UNIT) == paused

    assert action(cluster, UNIT, 'resume')['status'] == 'completed'
    assert not is_cordoned(cluster, node) and cluster.status(UNIT)[0] == 'active'
