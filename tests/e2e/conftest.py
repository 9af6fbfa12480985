"""One deployment on real software for all scenarios; they leave it as they found it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from juju_local import _real_store, _store

from tests.e2e import figures
from tests.e2e.cluster import Deployed, Real


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope='session')
def store() -> None:
    """Real software must be there."""
    try:
        _store.find(_store.REAL)
    except _store.StoreError as error:
        pytest.skip(f'{error}: make store builds it')
    if not _real_store.is_current():
        figures.LINES.append('the store is older than these sources: make store brings it up to date')


@pytest.fixture(scope='session')
def deployment(store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Real, Deployed]]:
    """Deploy, and destroy in the end. With E2E_DATA=DIR it stays there for the next run, while tests are written."""
    kept = os.environ.get('E2E_DATA')
    cluster = Real(Path(kept) if kept else tmp_path_factory.mktemp('real'))
    try:
        deployed = cluster.deploy()
        figures.note(cluster, deployed)
        yield cluster, deployed
    finally:
        if not kept:
            cluster.destroy()


@pytest.fixture
def real(deployment: tuple[Real, Deployed]) -> Real:
    return deployment[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in figures.LINES:
        terminalreporter.write_line(line)
