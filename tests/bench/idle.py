"""What a hook costs in which nothing is to be done, beside a reactive hook without any handler."""

from __future__ import annotations

import shutil
import statistics
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import yaml
from juju_local._db import Database

from tests.bench.deployment import ROOT, WORKER, Deployed

BARE = 'bare'
CALLS = '/var/lib/stand-in/calls.log'


@dataclass(frozen=True)
class Idle:
    tool_calls: float
    bare_tool_calls: float
    subprocesses: float  # programs of the store that a hook started: snap, systemctl ...
    seconds: float
    bare_seconds: float

    def lines(self) -> list[str]:
        return [
            f'hook-tool calls     {self.tool_calls:g} (bare hook: {self.bare_tool_calls:g})',
            f'subprocesses        {self.subprocesses:g}',
            f'wall time           {self.seconds / self.bare_seconds:.2f} times the bare hook '
            f'({1000 * self.seconds:.0f} ms to {1000 * self.bare_seconds:.0f} ms)',
        ]


def compare(model: Deployed, runs: int) -> Idle:
    """Run both kinds of hook in turn, so that a machine whose speed drifts treats them alike."""
    bare_charm(model.data / 'charms' / BARE)
    model.client('--quiet', 'deploy', str(model.data / 'charms' / BARE))
    worker, bare = f'{WORKER}/0', f'{BARE}/0'
    for unit in (worker, bare):
        model.client('--quiet', 'update-status', unit)  # warm
    before, programs = last_run(model), program_calls(model)
    for _ in range(runs):
        for unit in (worker, bare):
            model.client('--quiet', 'update-status', unit)
    with closing(Database(model.folder)) as database:
        ended = [run for _, run in database.runs(before) if run.name == 'update-status']
    mine, its = ([run for run in ended if run.unit == unit] for unit in (worker, bare))
    return Idle(
        statistics.median(run.calls for run in mine),
        statistics.median(run.calls for run in its),
        (program_calls(model) - programs) / runs,
        statistics.median(run.seconds for run in mine),
        statistics.median(run.seconds for run in its),
    )


def last_run(model: Deployed) -> int:
    with closing(Database(model.folder)) as database:
        return max((number for number, _ in database.runs()), default=0)


def program_calls(model: Deployed) -> int:
    """Return how many programs of the store the worker's machine has started so far."""
    return int(model.client('ssh', f'{WORKER}/0', 'wc', '-l', CALLS).split()[0])


def bare_charm(folder: Path) -> None:
    """Write a charm that is the worker's without its handlers, relations and options: charms.reactive and no more."""
    built = ROOT / 'build' / WORKER
    shutil.copytree(
        built, folder, ignore=shutil.ignore_patterns('reactive', 'relations', 'actions', 'templates', '*-relation-*')
    )
    (folder / 'reactive').mkdir()
    metadata = {'name': BARE, 'summary': BARE, 'description': BARE, 'series': ['jammy']}
    (folder / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    (folder / 'config.yaml').write_text(yaml.safe_dump({'options': {}}))
    (folder / 'actions.yaml').write_text('{}\n')
