"""The scenarios again, hub and spoke each a real kube-apiserver, where `make store` has built one.

SPOKE_HUB=real runs all other tests of this folder like that.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract._programs import real_programs
from tests.unit.spoke import again, test_faults, test_hosted, test_join, test_life, test_scenarios
from tests.unit.spoke.world import Cluster, two

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]


@pytest.fixture(scope='module')
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Cluster]]:
    if real_programs() is None:
        pytest.skip('no real kube-apiserver here: `make store` builds it')
    with two(tmp_path_factory.mktemp('real'), is_real=True) as found:
        yield found


globals().update(again.tests((test_join, test_life, test_scenarios, test_faults, test_hosted)))
