"""Workers come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from juju_local import _cgroups

from tests.e2e.cluster import HEAL_S, WORKERS, Real, nodes, web
from tests.model.cluster import MASTER, WORKER


@pytest.fixture
def grown(real: Real) -> Iterator[tuple[Real, str]]:
    """A cluster with a worker more; it goes afterwards, if the test has not removed it."""
    before = set(real.units())
    real.juju('add-unit', WORKER)
    (new,) = (name for name in set(real.units()) - before if name.startswith(f'{WORKER}/'))
    yield real, new
    if new in real.units():
        real.juju('remove-unit', new)
        real.until_ready(2)


def test_a_third_worker_gets_pods_and_leaves_nothing_when_it_is_removed(grown: tuple[Real, str]) -> None:
    real, new = grown
    real.until_ready(3)
    node, machine = real.node_of(new), real.machine(new)
    real.apply(web('grown', 6))
    assert node in nodes(real.until_running('app=grown', 6))

    real.juju('remove-unit', new)
    assert real.eventually(lambda: node not in real.nodes(), 120)
    assert node not in real.read(f'{MASTER}/0', '/root/cdk/known_tokens.csv')
    group = f'{_cgroups.model_group(real.folder)}/{machine}'
    assert not [each.place for each in _cgroups.present() if Path(each.place, group).exists()]
    assert not (real.folder / 'machines' / machine).exists()
    left = {real.node_of(unit) for unit in WORKERS}  # Kubernetes takes its time to miss the pods of a node that is gone
    assert real.eventually(lambda: nodes(real.running('app=grown')) == left, HEAL_S)
    real.until_running('app=grown', 6)
    real.delete('deployment/grown')
