"""What counts for all tests: properties judge a change, not a machine's luck or load; what is dear is started once;
what tests write is kept in memory where there is plenty: models are copied by the dozen, and a hook waits for the disk.

`pytest -m hypothesis --hypothesis-profile=exploring` looks at other examples than last time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile('steady', _PATIENT, derandomize=True)
settings.register_profile('exploring', _PATIENT)
settings.load_profile('steady')

_MEMORY, _NEEDED = Path('/dev/shm'), 8 * 2**30  # bytes; a run comes to two GiB
if _MEMORY.is_dir():
    _there = os.statvfs(_MEMORY)
    if min(_there.f_bavail * _there.f_frsize, os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')) > _NEEDED:
        os.environ.setdefault('PYTEST_DEBUG_TEMPROOT', str(_MEMORY))


class Scheduling(LoadFileScheduling):
    """Each file is one worker's, and those that share the clusters of tests/contract are one and the same worker's."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, parameters = nodeid.partition('[')
        shares = file.startswith('tests/contract/test_') and parameters.startswith(('stand-ins', 'real'))
        return 'tests/contract' if shares else super()._split_scope(nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests: in the end the others fill what time is left of each process."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling | None:
    return Scheduling(config, log) if config.getoption('dist') == 'loadfile' else None
