"""What it costs to deploy canonical-kubernetes with so many workers."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from juju_local._db import Database

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(sys.executable).with_name('juju-local')
WORKER = 'kubernetes-worker'


@dataclass(frozen=True)
class Deployed:
    """A settled model in a folder of its own, and how long it took from nothing."""

    data: Path
    wall_s: float
    cpu_s: float  # of juju-local, the hooks and what they wait for; not of daemons

    def client(self, *arguments: str) -> str:
        """Run juju-local on this model; returns its stdout."""
        return client(self.data, *arguments)

    @property
    def folder(self) -> Path:
        return self.data / 'default'


@dataclass(frozen=True)
class Figures:
    workers: int
    hooks: int  # of all units
    worker_hooks: float  # of one worker and its subordinate, on average
    tool_calls: int
    wall_s: float
    cpu_s: float
    bytes_a_worker: int  # of relation data over all relations, own bags and its part of the control plane's

    def cells(self) -> tuple[str, ...]:
        return (
            str(self.workers),
            str(self.hooks),
            f'{self.worker_hooks:.1f}',
            str(self.tool_calls),
            f'{self.wall_s:.1f}',
            f'{self.cpu_s:.1f}',
            f'{self.cpu_s / self.workers:.2f}',
            str(self.bytes_a_worker),
        )


def client(data: Path, *arguments: str) -> str:
    """Run juju-local with its models under `data`; its errors go to our stderr."""
    environment = {**os.environ, 'JUJU_LOCAL_DATA': str(data)}
    done = subprocess.run([str(CLIENT), *arguments], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f'juju-local {" ".join(arguments)} ended with {done.returncode}')
    return done.stdout


def cpu_s() -> float:
    """Return the CPU time of all our children that have ended, and of theirs that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def deployed(workers: int) -> Iterator[Deployed]:
    """Deploy the bundle with so many workers; the model is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix='bench-', dir='/var/tmp') as place:  # a disk, not a tmpfs
        data = Path(place)
        overlay = data / 'overlay.yaml'
        overlay.write_text(yaml.safe_dump({'applications': {WORKER: {'num_units': workers}}}))
        began, spent = time.monotonic(), cpu_s()
        try:
            client(data, '--quiet', 'deploy', './bundle.yaml', '--overlay', str(overlay))
            yield Deployed(data, time.monotonic() - began, cpu_s() - spent)
        finally:
            client(data, '--quiet', 'destroy-model', '--yes')


def figures(model: Deployed, workers: int) -> Figures:
    """Add up what a deployment did."""
    with closing(Database(model.folder)) as database:
        runs = [run for _, run in database.runs()]
        state = database.read()
        mine = [unit for unit in state.units.values() if WORKER in (unit.app, unit.principal.partition('/')[0])]
        names = {unit.name for unit in mine}
        sizes = [
            sum(len(key) + len(value) for key, value in bag.data.items())
            for (relation, _), bag in state.bags.items()
            if any(end.app in {unit.app for unit in mine} for end in state.relations[relation].ends)
        ]
    return Figures(
        workers,
        len(runs),
        sum(run.unit in names for run in runs) / workers,
        sum(run.calls for run in runs),
        model.wall_s,
        model.cpu_s,
        sum(sizes) // workers,
    )
