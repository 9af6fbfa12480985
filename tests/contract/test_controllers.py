"""What the controller manager may do where RBAC decides. The cluster is these tests' own: in theirs it is an admin."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _clusters import REAL, STAND_INS, start
from _programs import Http, eventually, real_programs, started

_numbers = itertools.count()


@pytest.fixture(scope='module', params=[STAND_INS, REAL])
def alone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An API server that no controller works on."""
    real = real_programs() if request.param == REAL else None
    if request.param == REAL and real is None:
        pytest.skip('no real kube-controller-manager here: `make store` builds it')
    with contextlib.ExitStack() as stack:
        yield start(tmp_path_factory.mktemp('alone'), stack, real), real


def replicas(http: Http, namespace: str) -> list[Any]:
    found: list[Any] = http.get(f'/apis/apps/v1/namespaces/{namespace}/replicasets')['items']
    return found


@contextlib.contextmanager
def manager(alone: Any, folder: Path, **more: str) -> Iterator[str]:
    """Run a controller manager in its own name; give a namespace with a deployment that it is to look after."""
    cluster, real = alone
    namespace = f'controllers-{next(_numbers)}'
    cluster.admin.post('/api/v1/namespaces', {'metadata': {'name': namespace}})
    labels = {'app': 'web'}
    template = {'metadata': {'labels': labels}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    spec = {'selector': {'matchLabels': labels}, 'template': template}
    body = {'metadata': {'name': 'web'}, 'spec': spec}
    cluster.admin.post(f'/apis/apps/v1/namespaces/{namespace}/deployments', body)
    flags: dict[str, object] = {
        'kubeconfig': cluster.kubeconfig('manager', 'manager-token'), 'leader-elect': 'false', 'port': 0,
        'secure-port': 0, 'root-ca-file': cluster.authority,
        'service-account-private-key-file': cluster.folder / 'accounts.key',
        **{key.replace('_', '-'): value for key, value in more.items()},
    }  # fmt: skip
    with started(folder, 'kube-controller-manager', flags, real=real):
        yield namespace


def test_controllers_with_accounts_of_their_own_do_their_work(alone: Any, tmp_path: Path) -> None:
    with manager(alone, tmp_path, use_service_account_credentials='true') as namespace:
        assert eventually(lambda: replicas(alone[0].admin, namespace))


def test_the_manager_in_its_own_name_may_not_do_their_work(alone: Any, tmp_path: Path) -> None:
    with manager(alone, tmp_path) as namespace:
        log = tmp_path / 'kube-controller-manager.log'
        eventually(lambda: 'replicasets' in log.read_text() and 'forbidden' in log.read_text())
        assert replicas(alone[0].admin, namespace) == []
