"""The fixtures of `world`: a hub, a spoke, and room for agents; and with what simulated lives begin."""

from collections.abc import Iterator

import pytest

from tests.unit.spoke.simulated.base import Base, frozen, made_base
from tests.unit.spoke.test_certificates import authority
from tests.unit.spoke.world import clusters, world

__all__ = ['base', 'clusters', 'world']


@pytest.fixture(scope='module')
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    made = made_base(tmp_path_factory.mktemp('base'), authority())
    with frozen():
        yield made
