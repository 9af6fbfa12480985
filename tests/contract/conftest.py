"""The clusters that contract tests talk to: etcd and API server started here, as stand-ins and as the real programs.

The real ones are found in $KUBERNETES_BIN or where `make store` put them; without them the tests run on stand-ins only.
A module that takes over ten seconds on them says `REAL_IS_SLOW = True`, and runs there with `make slow`; one that can
run on stand-ins only says `STAND_INS_ONLY = True`.

For another real one set CONTRACT_SERVER (https://host:port), CONTRACT_CA (file) and CONTRACT_TOKEN, or
CONTRACT_CERTIFICATE and CONTRACT_KEY (files), of a user in system:masters.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from _clusters import OTHER, REAL, STAND_INS, Cluster, controllers, start
from _programs import Http, eventually, real_programs, started


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if 'cluster' not in metafunc.fixturenames:
        return
    marks = [pytest.mark.slow] if getattr(metafunc.module, 'REAL_IS_SLOW', False) else []
    kinds = [OTHER] if os.environ.get('CONTRACT_SERVER') else [STAND_INS, pytest.param(REAL, marks=marks)]
    if getattr(metafunc.module, 'STAND_INS_ONLY', False):
        kinds = [STAND_INS]
    metafunc.parametrize('cluster', kinds, indirect=True, scope='session')


@pytest.fixture(scope='session')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Cluster]]:
    """Give a cluster by its kind, started when it is first asked for: files that take turns start no more of them."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda kind: _started(kind, tmp_path_factory.mktemp('cluster'), stack))


@pytest.fixture(scope='session')
def cluster(request: pytest.FixtureRequest, running: Callable[[str], Cluster]) -> Cluster:
    if request.param == REAL and real_programs() is None:
        pytest.skip('no real kube-apiserver here: `make store` builds it, or $KUBERNETES_BIN names its folder')
    return running(request.param)


def _started(kind: str, folder: Path, stack: contextlib.ExitStack) -> Cluster:
    if kind == OTHER:
        return _other(folder)
    real = real_programs() if kind == REAL else None
    made = start(folder, stack, real)
    if real:
        flags = controllers(made)
        stack.enter_context(started(folder, 'kube-controller-manager', flags, real=real))
    return made


@pytest.fixture(params=[STAND_INS, REAL])
def programs(request: pytest.FixtureRequest) -> Path | None:
    """Where the real programs are, for those that end by themselves; None: the stand-ins, as Kubernetes 1.20."""
    real = real_programs() if request.param == REAL else None
    if request.param == REAL and real is None:
        pytest.skip('no real programs here: `make store` builds them')
    return real


def _other(folder: Path) -> Cluster:
    authority = Path(os.environ['CONTRACT_CA'])
    certificate = os.environ.get('CONTRACT_CERTIFICATE')
    pair = (Path(certificate), Path(os.environ['CONTRACT_KEY'])) if certificate else None
    server, token = os.environ['CONTRACT_SERVER'], os.environ.get('CONTRACT_TOKEN', '')
    return Cluster(Http(server, authority, token=token, certificate=pair), True, folder, authority, {})


_numbers = itertools.count()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own, once the real controllers have put into it what they put into every one.

    Their map and their account come when they come: between two things that a test makes, or after it has counted.
    """
    name = f'contract-{os.getpid()}-{next(_numbers)}'
    cluster.admin.post('/api/v1/namespaces', {'metadata': {'name': name}})
    path = f'/api/v1/namespaces/{name}'
    if cluster.real:
        eventually(lambda: cluster.admin.get(f'{path}/configmaps/kube-root-ca.crt'))
        eventually(lambda: cluster.admin.get(f'{path}/serviceaccounts/default').get('secrets'))
    else:  # a controller manager runs beside the stand-in in few tests only
        cluster.admin.call('POST', f'{path}/serviceaccounts', {'metadata': {'name': 'default'}})
    yield name
    cluster.admin.call('DELETE', f'/api/v1/namespaces/{name}')
