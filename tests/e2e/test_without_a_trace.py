"""The end: after destroy-model nothing is left. Last by its name, since it takes the deployment down."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from juju_local import _cgroups

from tests.e2e.cluster import DEPLOY, HEAL_S, Real, outside, processes, traces


def assert_nothing_left(real: Real) -> None:
    assert traces(real.data) == []
    assert not real.folder.exists()
    left = [place.name for each in _cgroups.present() for place in Path(each.place).iterdir()]
    assert _cgroups.model_group(real.folder) not in left


def test_destroy_model_leaves_no_process_mount_group_or_file(real: Real) -> None:
    assert traces(real.data)  # there was something to find
    real.juju('destroy-model', '--yes')
    assert_nothing_left(real)


@pytest.fixture
def begun(store: None, tmp_path: Path) -> Iterator[tuple[Real, subprocess.Popen[str]]]:
    """A deployment that has begun, of a model of its own."""
    real = Real(tmp_path / 'data')
    with real.start(*DEPLOY) as deploying:
        yield real, deploying
        deploying.kill()
    real.destroy()


@pytest.mark.parametrize('running', ['bin/init', 'dockerd'])  # the first machine; what has mounts and rules of its own
def test_destroy_model_clears_what_a_killed_deployment_left_and_a_killed_destroy_model(
    begun: tuple[Real, subprocess.Popen[str]], running: str
) -> None:
    real, deploying = begun
    before = outside()
    assert real.eventually(lambda: any(running in each for each in processes(real.data)), HEAL_S), deploying.poll()
    deploying.kill()
    deploying.wait()
    left = processes(real.data)
    assert left
    with real.start('destroy-model', '--yes') as destroying:
        assert real.eventually(lambda: len(processes(real.data)) < len(left), HEAL_S)
        destroying.kill()
    real.juju('destroy-model', '--yes')
    assert_nothing_left(real)
    assert outside() == before
