"""The examples in the documentation of aioclustermanager print what their pages say."""

from __future__ import annotations

import asyncio
import inspect
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from _programs import Http, eventually, free_port, started
from aioclustermanager.k8s import _configuration
from aioclustermanager.manager import ClusterManager

from tests.model import console
from tests.nomad_stand_in import NomadStandIn

STAND_INS_ONLY = True  # a kubelet that needs no machine
ROOT = Path(__file__).parents[2]
PAGES = (
    'packages/aioclustermanager/README.md',
    'docs/howto/run-jobs-from-python.md',
    'docs/howto/talk-to-an-api-server.md',
    'docs/howto/talk-to-nomad.md',
)
EXAMPLE = re.compile(r'^```python\n(.*?)^```\n+```console\n(.*?)^```', re.MULTILINE | re.DOTALL)
REFERENCE = ROOT / 'docs/reference/aioclustermanager.md'


@pytest.fixture(scope='module')
def kubernetes(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster with all that belongs to one; yields its HOST:PORT."""
    admin = cluster.kubeconfig('all', 'admin-token')
    kubelet = {
        'kubeconfig': cluster.kubeconfig('kubelet', 'node-token'), 'hostname-override': 'node-a',
        'node-ip': '127.0.0.1',
        'container-runtime': 'remote', 'container-runtime-endpoint': '', 'network-plugin': 'cni', 'port': free_port(),
        'healthz-port': 0, 'cni-conf-dir': cluster.folder, 'fail-swap-on': 'false',
        'tls-cert-file': cluster.folder / 'server.crt', 'tls-private-key-file': cluster.folder / 'server.key',
        'client-ca-file': cluster.authority,
    }  # fmt: skip
    (cluster.folder / '10-test.conflist').write_text('{}')
    alone = {'kubeconfig': admin, 'port': 0, 'secure-port': 0, 'leader-elect': 'false'}
    with ExitStack() as stack:
        for program in ('kube-controller-manager', 'kube-scheduler', 'kubelet'):
            flags = kubelet if program == 'kubelet' else alone
            stack.enter_context(started(tmp_path_factory.mktemp(program), program, flags))
        eventually(lambda: _is_ready(cluster.admin))
        yield cluster.server.partition('://')[2]


def _is_ready(admin: Http) -> bool:
    conditions = admin.get('/api/v1/nodes/node-a')['status']['conditions']
    return any(each['type'] == 'Ready' and each['status'] == 'True' for each in conditions)


@pytest.fixture(scope='module')
def nomad() -> Iterator[str]:
    """A Nomad agent; yields its HOST:PORT."""
    up, down = threading.Event(), threading.Event()
    agent = NomadStandIn()

    async def serve() -> None:
        async with agent:
            up.set()
            await asyncio.to_thread(down.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert up.wait(30)
    yield f'127.0.0.1:{agent.port}'
    down.set()
    thread.join(30)


@pytest.mark.parametrize('page', PAGES)
def test_every_example_prints_what_its_page_says(page: str, cluster: Any, kubernetes: str, nomad: str) -> None:
    text = (ROOT / page).read_text()
    examples = EXAMPLE.findall(text)
    assert len(examples) == text.count('```python')
    for program, shown in examples:
        here = program.replace('localhost:6443', kubernetes).replace('localhost:4646', nomad)
        words = [sys.executable, '-W', 'error', '-c', here]
        ended = subprocess.run(words, cwd=cluster.folder, capture_output=True, text=True, timeout=120, check=False)
        assert (ended.returncode, ended.stderr) == (0, '')
        assert console.is_as_shown(shown, ended.stdout), ended.stdout


def test_the_reference_names_every_method_and_every_key(cluster: Any) -> None:
    text = REFERENCE.read_text()
    methods = [name for name, _ in inspect.getmembers(ClusterManager, callable) if not name.startswith('_')]
    assert [name for name in (*methods, *_configuration.KEYS) if not re.search(rf'\b{name}\b', text)] == []
