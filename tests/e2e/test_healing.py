"""Whatever dies without warning comes back, and the cluster heals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import OUTSIDE, WORKERS, Real, restarts, service, web
from tests.model.cluster import MASTER

NODE_PORT = 30520
KILLED = [
    (WORKERS[0], 'snap.kubelet.daemon'),
    (WORKERS[0], 'snap.kube-proxy.daemon'),
    (WORKERS[0], 'docker'),
    (WORKERS[0], 'containerd'),
    (f'{MASTER}/0', 'snap.kube-apiserver.daemon'),
    (f'{MASTER}/0', 'snap.kube-controller-manager.daemon'),
    (f'{MASTER}/0', 'snap.kube-scheduler.daemon'),
    ('etcd/0', 'etcd'),
]


@pytest.fixture(scope='module')
def served(deployment: tuple[Real, object]) -> Iterator[Real]:
    real = deployment[0]
    real.apply(web('heal', 2), service('heal', NODE_PORT))
    real.until_running('app=heal', 2)
    yield real
    real.delete('deployment/heal', 'service/heal')


@pytest.mark.parametrize(
    ('unit', 'name'), KILLED, ids=[name.removeprefix('snap.').removesuffix('.daemon') for _, name in KILLED]
)
def test_a_killed_daemon_comes_back_and_new_work_runs(served: Real, unit: str, name: str) -> None:
    served.kill(unit, name)
    served.until_ready(2)
    for worker in WORKERS:
        served.until_answered(OUTSIDE, f'http://{served.address(worker)}:{NODE_PORT}/')
    served.kubectl('rollout', 'restart', 'deployment/heal')
    served.kubectl('rollout', 'status', 'deployment/heal', '--timeout=150s')
    served.until_running('app=heal', 2)
    served.juju('update-status', unit)
    assert served.status(unit)[0] == 'active'


def test_pods_answer_while_their_kubelet_is_dead_and_are_not_restarted_when_it_is_back(served: Real) -> None:
    before = restarts(served.until_running('app=heal', 2))
    containers = served.containers(WORKERS[0])
    served.shell(WORKERS[0], 'systemctl stop snap.kubelet.daemon')
    for worker in WORKERS:
        served.until_answered(OUTSIDE, f'http://{served.address(worker)}:{NODE_PORT}/')
    served.shell(WORKERS[0], 'systemctl start snap.kubelet.daemon')
    served.until_ready(2)
    assert served.containers(WORKERS[0]) == containers
    assert restarts(served.until_running('app=heal', 2)) == before
