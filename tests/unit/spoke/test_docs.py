"""The pages about the agent: every command on them is run, against two clusters."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import resources
from spoke import _flags, _fleet_file, _metrics
from spoke._options import AgentOptions, ProcessOptions, SpokeAgentOptions

from tests.model import console
from tests.unit.spoke import world as worlds

DOCS = Path(__file__).parents[3] / 'docs'
PAGE, REFERENCE = DOCS / 'howto/join-a-hub.md', DOCS / 'reference/spoke.md'
TEXT = PAGE.read_text()


def block(kind: str) -> str:
    found = re.findall(rf'^```{kind}\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.mark.asyncio
async def test_the_page_on_joining_a_hub_is_as_it_happens(world: Any) -> None:
    import asyncio

    folder: Path = world.folder
    world.hub_cluster.kubeconfig(folder / 'hub.kubeconfig')
    world.hub_cluster.kubeconfig(folder / 'bootstrap.kubeconfig', 'bootstrap-token')
    world.spoke_cluster.kubeconfig(folder / 'management.kubeconfig')
    (folder / 'ca.crt').write_bytes(world.hub_cluster.ca)
    key = folder / 'ca.key'
    key.touch(0o600)
    key.write_bytes(worlds._authority_key(world.hub_cluster.authority))
    (folder / 'embedded.py').write_text(block('python'))
    await worlds._hub.make(world.spoke, resources.NAMESPACES, {'metadata': {'name': 'agents'}})
    with contextlib.suppress(kubernetes.NotFound):  # of agents that the test of another page killed
        await world.spoke.delete(resources.LEASES, 'registration-agent-lock', 'agents')
    flags = re.search(r"export FLAGS='([^']*)'", block('sh'))
    assert flags
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    try:
        await asyncio.to_thread(console.check, PAGE, folder, {**os.environ, 'PATH': path, 'FLAGS': flags[1]})
    finally:
        for name in ('agent.pid', 'hub.pid'):
            if (folder / name).exists() and (Path('/proc') / (folder / name).read_text().strip()).exists():
                os.kill(int((folder / name).read_text()), 9)


def test_the_fleet_on_the_page_is_a_fleet() -> None:
    assert (
        yaml.safe_load(block('yaml'))['clusters'].keys()
        == _fleet_file.plan({'fleet.yaml': block('yaml')}).members.keys()
    )


def test_the_reference_names_every_flag_and_no_other() -> None:
    parser = _flags.Parser(prog='spoke agent', add_help=False)
    for options in (SpokeAgentOptions(), AgentOptions(), ProcessOptions()):
        options.add_flags(parser)
    known = {word for action in parser._actions for word in action.option_strings if word not in ('-v', '--v')}
    table = REFERENCE.read_text().split('## HTTPS')[0].replace(
        '--leader-election-{lease-duration,renew-deadline,retry-period}',
        '--leader-election-lease-duration --leader-election-renew-deadline --leader-election-retry-period',
    )  # fmt: skip
    shown = set(re.findall(r'--[a-z][a-z0-9-]+', table))
    assert (known - shown, shown - known - {'--fleet', '--version', '--x'}) == (set(), set())


def test_the_reference_names_every_figure_and_no_other() -> None:
    table = REFERENCE.read_text().split('### Figures')[1].split('## ')[0]
    assert set(re.findall(r'`(spoke_\w+|leader_\w+)`', table)) == set(_metrics._HELP)
