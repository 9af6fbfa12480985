"""What an agent says while something does not work: enough, and no more. Partly in virtual time."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from spoke import _fleet, _fleet_file, _metrics

from tests.contract._programs import eventually, free_port
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


FLEET = """\
defaults:
  {bootstrap-kubeconfig: b, spoke-kubeconfig: s, hub-kubeconfig-dir: '{name}', hub-kubeconfig-secret: 'hub-{name}'}
clusters: {north: {}, south: {}}
"""


def test_in_a_fleet_each_line_names_the_agent_it_is_of(tmp_path: Path) -> None:
    (tmp_path / 'fleet.yaml').write_text(FLEET)
    (tmp_path / 'management').write_text(
        'current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n'
        f'clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{free_port()}"}}}}]\n'
    )
    command = [sys.executable, '-m', 'spoke', 'agent', '--fleet=fleet.yaml', '--kubeconfig=management']
    with (tmp_path / 'log').open('wb') as log:
        process = subprocess.Popen(
            [*command, '--disable-leader-election', '--listen=127.0.0.1:0'], cwd=tmp_path, stderr=log
        )
        try:
            for name in ('north', 'south'):
                line = f'W spoke._running: {name}: ended: cannot read the kubeconfig s: '
                eventually(lambda line=line: line in (tmp_path / 'log').read_text())
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.mark.asyncio
async def test_agents_of_a_fleet_that_cannot_start_are_named_in_what_it_waits_for(tmp_path: Path) -> None:
    (tmp_path / 'fleet.yaml').write_text(FLEET)
    fleet = _fleet.Fleet(tmp_path / 'fleet.yaml', None, _metrics.Metrics())
    task = asyncio.ensure_future(fleet.run())
    try:
        while len(fleet.waiting()) < len(_fleet_file.plan({'fleet.yaml': FLEET}).members):
            assert not task.done()
            await asyncio.sleep(0.01)
        assert fleet.waiting() == ['north: start', 'south: start']
    finally:
        task.cancel()
        await asyncio.wait([task])
