"""The page about a fleet: two clusters, one hub, fifty agents more; every command on it is run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager.kubernetes import Client, resources
from spoke import _fleet_file
from spoke._hub_standin import _hub

from tests.model import console
from tests.unit.spoke import world as worlds

PAGE = Path(__file__).parents[3] / 'docs/howto/run-a-fleet.md'
(FLEET,) = re.findall(r'^```yaml\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_fleet_on_the_page_is_a_fleet() -> None:
    assert sorted(_fleet_file.plan({'two.yaml': FLEET}).members) == ['north', 'south']


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_page_on_a_fleet_is_as_it_happens(world: Any, tmp_path: Path) -> None:
    folder = tmp_path / 'page'
    (folder / 'fleet').mkdir(parents=True)
    (folder / 'fleet/two.yaml').write_text(FLEET)
    with contextlib.ExitStack() as stack:
        south = worlds._started(folder / 'south', stack, is_real=world.hub_cluster.is_real)
        world.hub_cluster.kubeconfig(folder / 'hub.kubeconfig')
        world.hub_cluster.kubeconfig(folder / 'bootstrap.kubeconfig', 'bootstrap-token')
        world.spoke_cluster.kubeconfig(folder / 'north.kubeconfig')
        south.kubeconfig(folder / 'south.kubeconfig')
        (folder / 'ca.crt').write_bytes(world.hub_cluster.ca)
        key = folder / 'ca.key'
        key.touch(0o600)
        key.write_bytes(worlds._authority_key(world.hub_cluster.authority))
        await _hub.make(world.spoke, resources.NAMESPACES, {'metadata': {'name': 'agents'}})
        async with Client(south.configuration()) as client:
            await _hub.make(client, resources.NAMESPACES, {'metadata': {'name': 'agents'}})
        path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
        try:
            await asyncio.to_thread(console.check, PAGE, folder, {**os.environ, 'PATH': path})
        finally:
            for name in ('fleet.pid', 'hub.pid'):
                if (folder / name).exists() and (Path('/proc') / (folder / name).read_text().strip()).exists():
                    os.kill(int((folder / name).read_text()), 9)
