"""What an agent says while something does not work: enough, and no more. In virtual time."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.unit.spoke.simulated.base import made_base
from tests.unit.spoke.simulated.run import Run
from tests.unit.spoke.test_certificates import authority

_AWHILE_S = 1800.0


class Refused(Run):
    """An agent whose bootstrap credential the hub does not know for half an hour."""

    def _bootstrap(self, token: str) -> None:
        super()._bootstrap(token if self.loop.time() >= _AWHILE_S else 'unknown-token')

    async def _live_through_faults(self) -> None:
        await asyncio.sleep(_AWHILE_S)
        self._bootstrap('bootstrap-token')
        await self._until_joined()


def test_what_does_not_work_for_long_is_said_when_it_begins_seldom_after_that_and_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, 'spoke')
    run = Refused(1, tmp_path, made_base(tmp_path, authority()))
    run.may_die = False
    run.go()
    agents = [each for each in caplog.records if each.name in ('spoke._agent', 'spoke._running')]
    texts = [each.getMessage() for each in agents]
    refused = [text for text in texts if 'Unauthorized' in text or '401' in text]
    begun = [text for text in refused if text.startswith('cannot bootstrap yet, waits for ')]
    assert 1 < len(begun) <= 4, begun
    assert len(refused) <= 8, refused
    assert texts.count('the bootstrap kubeconfig works') == 1
    assert not any('cannot be read yet' in text for text in texts)
