"""The README, the tutorial and the how-tos, run as they stand there against a real deployment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.model import console
from tests.model.cluster import CLIENT, ROOT, Cluster

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """The environment of a user of this cluster, to whom `juju` is juju-local."""
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/juju').symlink_to(CLIENT)
    path = f'{tmp_path}/bin:{CLIENT.parent}:{os.environ["PATH"]}'
    return {**os.environ, 'PATH': path, 'JUJU_LOCAL_DATA': str(cluster.data), 'TZ': 'UTC'}


@pytest.fixture
def deployed(canonical: Path) -> str:
    """What the deployment said that the cluster was copied from."""
    return (canonical / 'said').read_text()


def test_the_tutorial_prints_what_it_says(shell: dict[str, str], deployed: str) -> None:
    console.check(ROOT / 'docs/tutorial/first-cluster.md', ROOT, shell, {'make deploy': deployed})


def test_the_readme_prints_what_it_says(shell: dict[str, str], deployed: str) -> None:
    not_here = ('juju add-unit kubernetes-worker -n 3',)
    instead = {'make deploy': deployed, **dict.fromkeys(not_here, '')}
    console.check(ROOT / 'README.md', ROOT, shell, instead)


def test_the_how_tos_of_a_cluster_print_what_they_say(shell: dict[str, str]) -> None:
    for name in ('open-a-node-port', 'make-a-program-fail', 'credentials'):
        console.check(ROOT / f'docs/howto/{name}.md', ROOT, shell)


@pytest.mark.long
@pytest.mark.parametrize(
    'name', ['configure-workers', 'container-runtime', 'ingress', 'private-registry', 'pause-a-worker']
)
def test_the_how_tos_of_a_worker_print_what_they_say(shell: dict[str, str], name: str) -> None:
    console.check(ROOT / f'docs/howto/{name}.md', ROOT, shell)
