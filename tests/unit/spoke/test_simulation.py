"""Lives of an agent, drawn from seeds: SPOKE_SEEDS=N for the first N of them, SPOKE_SEEDS=A-B for those from A to B."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import weakref
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aioclustermanager.kubernetes import Pace, Shared
from spoke._running import stopped

from tests.unit.spoke.simulated.base import Base
from tests.unit.spoke.simulated.run import Run

FEW = 10  # a life takes an eighth of a second
_BLOCK = 50  # each a test of its own, so that all cores share them


def seeds() -> range:
    first, _, last = os.environ.get('SPOKE_SEEDS', '1000').rpartition('-')
    return range(int(first), int(last) + 1) if first else range(int(last))


def blocks() -> list[str]:
    every = seeds()
    return [f'{block[0]}-{block[-1]}' for block in (every[at : at + _BLOCK] for at in range(0, len(every), _BLOCK))]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Log nothing: pytest keeps what is logged, and with an error the whole life that it ended. One alone may speak."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def lived(seed: int, folder: Path, base: Base) -> Run:
    folder.mkdir()
    run = Run(seed, folder, base)
    run.go()
    return run


def test_41_agents_that_are_killed_and_whose_hub_fails_join_in_the_end_and_break_no_promise(
    base: Base, tmp_path: Path
) -> None:
    with quiet():
        lives = [weakref.ref(lived(seed, tmp_path / str(seed), base)) for seed in range(FEW)]
    assert not any(life() for life in lives[:-1]), 'what a life leaves is not gone: a thousand would fill the memory'


@pytest.mark.slow
@pytest.mark.parametrize('block', blocks())
def test_41_a_thousand_of_them_break_no_promise_either(base: Base, tmp_path: Path, block: str) -> None:
    first, last = map(int, block.split('-'))
    with quiet() if last > first else contextlib.nullcontext():
        for seed in range(first, last + 1):
            lived(seed, tmp_path / str(seed), base)
            shutil.rmtree(tmp_path / str(seed))


class Night(Run):
    """An agent that has joined is started anew while its hub is away for half an hour."""

    async def _live_through_faults(self) -> None:
        await self._until_joined()
        self._down(self.hub, True)
        self.process.die()
        await asyncio.sleep(30 * 60)
        asked = sum(at > self.loop.time() - 10 * 60 for at, server, *_ in self.trace if server == 'spoke')
        assert asked < 100, f'{asked} requests to the spoke in ten minutes'
        assert not (bad := self.health.bootstrap.check() or self.health.certificate.check()), bad
        self._renewed, came = None, self.now()
        self._down(self.hub, False)
        while not self._renewed:
            await asyncio.sleep(1)
        assert self._renewed - came < timedelta(seconds=10)
        await self._until_joined()
        assert self.deaths == 1


def test_25_a_hub_that_is_away_for_long_ends_no_agent_and_finds_it_within_ten_seconds(
    base: Base, tmp_path: Path
) -> None:
    run = Night(0, tmp_path, base)
    run.life, run.ahead, run.may_die = timedelta(hours=1), timedelta(), False
    run.go()


class Neighbour(Run):
    """An agent in the process of one whose clusters fail; nothing of its own does."""

    def __init__(self, other: Run, folder: Path) -> None:
        folder.mkdir()
        super().__init__(other.seed, folder, other.base, beside=other)
        self.auto, self.ahead, self.may_die = True, timedelta(), False
        self.over = asyncio.Event()

    async def _live_through_faults(self) -> None:
        await self._until_joined()
        assert self.loop.time() < 10, f'it joined after {self.loop.time():.1f} s'
        self._renewed, self.worst_gap_s = self.now(), 0.0
        await self.over.wait()
        gap_s = max(self.worst_gap_s, (self.now() - self._renewed).total_seconds())
        assert gap_s < 1.25 * self.lease_s + 5, f'its lease was not renewed for {gap_s:.1f} s'
        await self._until_joined()


class Failing(Run):
    """An agent whose clusters fail from the first moment on, with a neighbour in its process."""

    def __init__(self, seed: int, folder: Path, base: Base) -> None:
        super().__init__(seed, folder, base)
        self.shared = Shared(Pace(at_once=2))  # so few that who waits for one server would hold up all
        self.may_die = False
        self.neighbour = Neighbour(self, folder / 'neighbour')

    async def _lives(self) -> None:
        mine, other = (self.loop.create_task(each._go()) for each in (self, self.neighbour))
        mine.add_done_callback(lambda _: self.neighbour.over.set())
        try:
            ended, _ = await asyncio.wait([mine, other], return_when=asyncio.FIRST_COMPLETED)
            for task in (mine, other) if mine in ended else (other, mine):
                await task
            assert mine in ended, 'the neighbour ended first'
        finally:
            await stopped(mine, other)

    async def _live_through_faults(self) -> None:
        await asyncio.gather(self._fault(0.0), super()._live_through_faults())


@pytest.mark.parametrize('seed', range(3))
def test_44_the_neighbour_of_an_agent_whose_clusters_fail_joins_at_once_and_renews_in_time(
    base: Base, tmp_path: Path, seed: int
) -> None:
    folder = tmp_path / 'life'
    folder.mkdir()
    Failing(seed, folder, base).go()


@pytest.mark.slow
def test_44_more_neighbours_of_agents_whose_clusters_fail_notice_nothing(base: Base, tmp_path: Path) -> None:
    for seed in range(3, 28):
        folder = tmp_path / str(seed)
        folder.mkdir()
        Failing(seed, folder, base).go()


@pytest.mark.parametrize('seed', [3, 30])  # the second speaks HTTP/2
def test_a_seed_replays_exactly(base: Base, tmp_path: Path, seed: int) -> None:
    assert lived(seed, tmp_path / 'a', base).trace == lived(seed, tmp_path / 'b', base).trace
