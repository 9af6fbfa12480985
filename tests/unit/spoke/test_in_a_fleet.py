"""The scenarios again, each asked of a member of a fleet that has neighbours there, who must not notice.

What cannot be asked of a member:
- leader election, signals and exit codes, /healthz and flags (test_process.py): they are the process's, not an agent's
- names that an agent finds for itself (06): a member has that of its row
- a health check that stays bad (33): a member starts over in place, by itself
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.unit.spoke import again, test_faults, test_hosted, test_join, test_life, test_scenarios, test_stopped
from tests.unit.spoke.in_company import Company, company
from tests.unit.spoke.world import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]
ALONE = {
    'test_06_generated_names_and_the_request_survive_restarts_before_the_approval',
    'test_33_a_deleted_bootstrap_secret_is_as_bad_as_a_changed_one',
}
MODULES = (test_join, test_life, test_scenarios, test_faults, test_hosted, test_stopped)


@pytest_asyncio.fixture
async def world(clusters: tuple[Cluster, Cluster], tmp_path: Path) -> AsyncIterator[Company]:
    async with company(clusters, tmp_path) as found:
        yield found


globals().update({name: test for name, test in again.tests(MODULES, ALONE).items() if name[len('test_')].isdigit()})
