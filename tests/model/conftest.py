"""What the model tests share: a model folder each, a bare store, and charms written as a few shell scripts."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from juju_local import _charm, _plan
from juju_local._db import Database
from juju_local._engine import Engine
from juju_local._events import Event, Settled
from juju_local._machine import Machines
from juju_local._state import Model, Unit

from tests.model import cluster as cluster_of

INIT = """\
#!/usr/bin/python3 -IS
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
os.write(3, b'ready\\n')
os.close(3)
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.05)
"""


@pytest.fixture
def model_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder for one model; what runs in it is ended after the test."""
    folder = tmp_path / 'models' / 'test'
    folder.mkdir(parents=True)
    yield folder
    store = tmp_path / 'end'
    write_store(store)
    Machines(folder, store).destroy()


@pytest.fixture
def bare_store(tmp_path: Path) -> Path:
    """A store with an init and nothing else."""
    folder = tmp_path / 'store'
    write_store(folder)
    return folder


def write_store(folder: Path, programs: Mapping[str, str] | None = None, hide: tuple[str, ...] = ()) -> None:
    (folder / 'bin').mkdir(parents=True, exist_ok=True)
    for name, text in {
        'init': INIT,
        **{path.rpartition('/')[2]: text for path, text in (programs or {}).items()},
    }.items():
        (folder / 'bin' / name).write_text(text)
        (folder / 'bin' / name).chmod(0o755)
    links = {path: f'bin/{path.rpartition("/")[2]}' for path in programs or {}}
    (folder / 'store.yaml').write_text(
        yaml.safe_dump({'name': 'bare', 'init': 'bin/init', 'programs': links, 'hide': list(hide)})
    )


@dataclass
class World:
    """A model with its engine, driven from Python as the command line drives it."""

    directory: Path
    store: Path
    scratch: Path
    database: Database
    events: list[Event]

    def engine(self, **options: object) -> Engine:
        options = {'settle_limit_s': 0.0, 'progress': self.events.append, **options}
        return Engine(self.database, self.directory, store=self.store, **options)  # type: ignore[arg-type]

    def settle(self, **options: object) -> Settled:
        return self.engine(**options).settle()

    def charm(self, name: str, scripts: Mapping[str, str], **metadata: object) -> Path:
        """Write a charm; `scripts` maps hook names (or actions/NAME) to shell scripts."""
        folder = self.scratch / 'charms' / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / 'hooks').mkdir(parents=True)
        config = metadata.pop('config', {})
        (folder / 'config.yaml').write_text(yaml.safe_dump({'options': config}))
        (folder / 'metadata.yaml').write_text(
            yaml.safe_dump({'name': name, 'summary': name, 'description': name, 'series': ['jammy'], **metadata})
        )
        actions = {path.partition('/')[2]: {'description': path} for path in scripts if path.startswith('actions/')}
        (folder / 'actions.yaml').write_text(yaml.safe_dump(actions))
        for path, text in scripts.items():
            file = folder / path if '/' in path else folder / 'hooks' / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(f'#!/bin/bash\nset -e\n{text}\n')
            file.chmod(0o755)
        return folder

    def add_charm(self, model: Model, folder: Path) -> str:
        stored = _plan.add_charm(model, _charm.load(folder))
        shutil.copytree(folder, self.directory / stored.directory, symlinks=True)
        return stored.url

    def deploy(self, folder: Path, *, units: int | None = None, name: str = '') -> None:
        with self.database.transaction() as model:
            url = self.add_charm(model, folder)
            _plan.deploy(model, name or folder.name, url, time.time(), units=units)

    def relate(self, one: str, other: str) -> None:
        with self.database.transaction() as model:
            _plan.relate(model, one, other, time.time())

    def unit(self, name: str) -> Unit:
        return self.database.read().units[name]

    def hooks(self, unit: str) -> list[str]:
        """Return the names of the hooks that a unit has run, in order."""
        return [run.name for _, run in self.database.runs() if run.unit == unit]

    def file(self, unit: str, path: str) -> str:
        """Return a file of a unit's machine."""
        machines = Machines(self.directory, self.store)
        return (machines.root(self.unit(unit).machine) / path.lstrip('/')).read_text()


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make worlds, each with a model of its own."""
    made: list[World] = []

    def make(store: Path | None = None, seed: int | None = None) -> World:
        directory = tmp_path / 'models' / f'test-{len(made)}'
        if store is None:
            store = tmp_path / 'store'
            write_store(store)
        world = World(directory, store, tmp_path, Database(directory), [])
        with world.database.transaction() as model:
            new = _plan.new_model('test', str(uuid.uuid4()), time.time(), store=str(store), seed=seed)
            model.settings = new.settings
            model.touch('settings')
        made.append(world)
        return world

    yield make
    for world in made:
        world.database.close()
        Machines(world.directory, world.store).destroy()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture(scope='session')
def canonical(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """canonical-kubernetes, deployed once for all test processes and not running; use `cluster`."""
    return cluster_of.template(tmp_path_factory.getbasetemp().parent / 'canonical')


@pytest.fixture
def cluster(request: pytest.FixtureRequest, canonical: Path, tmp_path: Path) -> Iterator[cluster_of.Cluster]:
    """One master and two workers, all active: a cluster of one's own, or the file's (marker `one_cluster`)."""
    if request.node.get_closest_marker('one_cluster'):
        yield request.getfixturevalue('cluster_of_file')
        return
    copy = cluster_of.copy(canonical, tmp_path / 'data')
    yield copy
    copy.destroy()


@pytest.fixture(scope='module')
def cluster_of_file(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster_of.Cluster]:
    """One cluster for all tests of a file, each of which leaves it as it was."""
    copy = cluster_of.copy(canonical, tmp_path_factory.mktemp('file') / 'data')
    yield copy
    copy.destroy()


@pytest.fixture
def no_hook_fails(request: pytest.FixtureRequest, cluster: cluster_of.Cluster) -> Iterator[None]:
    """No hook failed meanwhile; actions may, and so may what a test kills."""
    last = cluster.last_run()
    yield
    failed = [run for run in cluster.runs(after=last) if run.reason and run.name not in ('registry', 'microbot')]
    assert 'killed' in request.node.name or [(run.unit, run.name, run.reason) for run in failed] == []


@pytest.fixture(scope='session')
def canonical_masters(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with three masters, made once of a copy; use `masters`."""
    place = tmp_path_factory.getbasetemp().parent / 'canonical-masters'
    return cluster_of.extended(canonical, place, ('add-unit', '-n', '2', cluster_of.MASTER))


@pytest.fixture
def masters(canonical_masters: Path, tmp_path: Path) -> Iterator[cluster_of.Cluster]:
    """A cluster of one's own: three masters, the first of which leads, and two workers."""
    copy = cluster_of.copy(canonical_masters, tmp_path / 'data')
    yield copy
    copy.destroy()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0 and not Path('/proc/self/ns/user').exists():
        for item in items:
            item.add_marker(pytest.mark.skip(reason='machines need namespaces'))
