"""Nothing is lost when juju-local is killed, or a hook half way: the end is that of an undisturbed run."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from juju_local._db import Database

from tests.model.cluster import MASTER, WORKER, Cluster

SEED = 20180117
KILLS = 3
WORKER_FILES = (
    '/root/cdk',
    '/root/.kube',
    '/opt/cni/bin',
    '/etc/docker',
    '/var/snap/kubelet/current',
    '/var/snap/kube-proxy/current',
)
MASTER_FILES = ('/root/cdk', '/root/.kube', '/var/snap/kube-apiserver/current', '/var/snap/kube-scheduler/current')


def statuses(cluster: Cluster) -> dict[str, tuple[str, str]]:
    return {name: cluster.status(name) for name in cluster.units()}


def relations(cluster: Cluster) -> dict[tuple[str, str], list[str]]:
    """Return the keys that each unit shows on each relation; a subordinate goes by its principal: its number varies."""
    with closing(Database(cluster.folder)) as database:
        model = database.read()
    ends = {one.id: ' '.join(f'{end.app}:{end.endpoint}' for end in one.ends) for one in model.relations.values()}
    known = {name: f'{unit.app} of {unit.principal}' for name, unit in model.units.items() if unit.principal}
    return {(ends[n], known.get(name, name)): sorted(bag.data) for (n, name), bag in model.bags.items() if bag.data}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / 'data')
    cluster.data.mkdir()
    yield cluster
    cluster.destroy()


def hooks_run(cluster: Cluster) -> int:
    return cluster.last_run() if (cluster.folder / 'model.db').exists() else 0


def killed_after(cluster: Cluster, hooks: int, *verb: str) -> None:
    """Run a verb until so many hooks have run in all, then kill it as the kernel kills: without a word."""
    process = cluster.start('--quiet', *verb)
    while process.poll() is None and hooks_run(cluster) < hooks:
        time.sleep(0.1)
    assert process.poll() is None, 'it ended before it could be killed'
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.long
def test_a_deployment_that_is_killed_again_and_again_ends_as_an_undisturbed_one(
    empty: Cluster, canonical: Path
) -> None:
    moments = sorted(random.Random(SEED).sample(range(1, 90), KILLS))
    verb = ('deploy', './bundle.yaml')
    for moment in moments:
        killed_after(empty, moment, *verb)
        verb = ('wait',)
    empty.juju('wait')
    undisturbed = Cluster(canonical)
    with closing(Database(undisturbed.folder)) as database:
        units = database.read().units
    assert statuses(empty) == {name: (unit.workload.current, unit.workload.message) for name, unit in units.items()}
    assert relations(empty) == relations(undisturbed)
    workers = [empty.node_of(f'{WORKER}/{number}') for number in range(2)]
    assert empty.eventually(lambda: empty.nodes() == dict.fromkeys(workers, True)), empty.nodes()
    assert not [run for run in empty.runs() if run.reason]


def footing(cluster: Cluster, unit: str, files: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the files of a unit and the services that run on its machine."""
    names = cluster.shell(unit, f'find {" ".join(files)} -xdev -type f -printf "%p %m %u\\n" | sort').splitlines()
    services = cluster.shell(unit, 'systemctl list-units --type=service --state=running --plain --no-legend')
    return names, sorted(line.split()[0] for line in services.splitlines())


def bags(cluster: Cluster, unit: str) -> dict[str, list[str]]:
    return {ends: keys for (ends, name), keys in relations(cluster).items() if name == unit}


CUT = (
    (WORKER, 'kube-control-relation-changed', 12, WORKER_FILES),
    (WORKER, 'cni-relation-changed', 12, WORKER_FILES),
    (MASTER, 'certificates-relation-changed', 12, MASTER_FILES),
)


@pytest.mark.slow
@pytest.mark.parametrize('app, hook, calls, files', CUT, ids=[f'{app}-{hook}' for app, hook, *_ in CUT])
def test_fm_23_a_unit_whose_hook_was_killed_ends_as_its_neighbour(
    cluster: Cluster, app: str, hook: str, calls: int, files: tuple[str, ...]
) -> None:
    call = random.Random(f'{SEED}{hook}').randrange(1, calls)
    new = f'{app}/{2 if app == WORKER else 1}'
    old = f'{app}/{0 if app == WORKER else 2}'  # of two masters, neither of which leads
    cluster.juju('add-unit', app, '-n', '1' if app == WORKER else '2', JUJU_LOCAL_CRASH=f'{call}:{new}:{hook}')
    if cluster.status(new)[0] == 'error':
        cluster.juju('resolved', new)
    cut = [run for run in cluster.runs(new) if run.name == hook and run.reason]
    assert cut, [(run.name, run.calls) for run in cluster.runs(new) if run.name == hook]
    assert cluster.status(new) == cluster.status(old)
    assert footing(cluster, new, files) == footing(cluster, old, files)
    assert bags(cluster, new) == bags(cluster, old)
