"""Another hub: a bootstrap file or its authorities that change, and several hubs of which one is silent or refuses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import spoke
from spoke import _hub_standin, _hubs, _wire
from spoke._options import SpokeAgentOptions

from tests.contract import _certificates
from tests.contract._programs import free_port
from tests.unit.spoke.world import FAST

AUTO = frozenset({'bootstrap'})
GATE = {'MultipleHubs': True}


async def is_another(config: spoke.SpokeAgentConfig, first: Any) -> bool:
    return config.agent is not None and config.agent is not first and config.agent.phase == 'main'


@pytest.mark.asyncio
async def test_embedded_the_agent_starts_over_in_place_when_a_file_of_authorities_changes(world: Any) -> None:
    authorities: Path = world.folder / 'ca.crt'
    authorities.write_bytes(world.hub_cluster.ca)
    world.hub_cluster.kubeconfig(world.bootstrap, 'bootstrap-token', **{'certificate-authority': str(authorities)})
    world.hub_runs(auto_approval_users=AUTO)
    config = world.config(intervals=replace(FAST, terminate_on_files_interval=timedelta(seconds=0.1)))
    task = world.start(config, is_embedded=True)
    await world.joined()
    first = config.agent
    world.hub_cluster.kubeconfig(world.bootstrap, 'second-token', **{'certificate-authority': str(authorities)})
    await asyncio.sleep(0.3)
    assert config.agent is first, 'another token leads to the same hub'
    (world.folder / 'next').mkdir()
    coming = _certificates.Authority(world.folder / 'next').path.read_bytes()
    authorities.write_bytes(world.hub_cluster.ca + coming)
    await world.until(lambda: is_another(config, first))
    assert not task.done()
    secret = await world.secret()
    assert secret
    assert _wire.encoded(world.hub_cluster.ca + coming) in _wire.decoded(secret['data']['kubeconfig']).decode()


@pytest.mark.asyncio
async def test_of_two_hubs_the_silent_one_is_left_for_the_other(world: Any) -> None:
    silent = replace(world.hub_cluster, server=f'https://127.0.0.1:{free_port()}')
    files = [
        silent.kubeconfig(world.folder / 'silent', 'bootstrap-token'),
        world.hub_cluster.kubeconfig(world.bootstrap, 'bootstrap-token'),
    ]
    world.hub_runs(auto_approval_users=AUTO)
    options = {'bootstrap_kubeconfig': '', 'bootstrap_kubeconfigs': list(map(str, files))}
    world.start(world.config(gates=GATE, hub_connection_timeout_seconds=1, **options))
    await world.joined()


@pytest.mark.asyncio
async def test_of_two_hubs_one_that_takes_its_acceptance_back_is_left_for_the_other(world: Any) -> None:
    world.hub_runs(auto_approval_users=AUTO)
    first, second = (world.hub_cluster.kubeconfig(world.folder / name, 'bootstrap-token') for name in 'ab')
    other = replace(world.hub_cluster, server=world.hub_cluster.server.replace('127.0.0.1', 'localhost'))
    other.kubeconfig(second, 'bootstrap-token')
    config = world.config(gates=GATE, bootstrap_kubeconfig='', bootstrap_kubeconfigs=[str(first), str(second)])
    world.start(config)
    await world.joined()
    agent = config.agent
    await _hub_standin.accept(world.hub, world.name, yes=False)
    await world.until(lambda: is_another(config, agent))
    assert 'localhost' in (world.dir / 'kubeconfig').read_text()


def test_an_agent_begins_with_the_hub_that_it_has_a_certificate_for() -> None:
    hubs = _hubs.Hubs(SpokeAgentOptions(bootstrap_kubeconfigs=['/a', '/b', '/c']), GATE)
    hubs.begin(lambda path: path == Path('/b'))
    assert hubs.options().bootstrap_kubeconfig == '/b'
    hubs.next()
    hubs.next()
    assert (hubs.options().bootstrap_kubeconfig, hubs.timeout_s) == ('/a', 600)
    hubs.begin(lambda _: False)
    assert hubs.options().bootstrap_kubeconfig == '/a'


def test_several_hubs_need_their_gate_and_are_two_at_least() -> None:
    with pytest.raises(spoke.InvalidOptions, match='--feature-gates=MultipleHubs=true'):
        _hubs.Hubs(SpokeAgentOptions(bootstrap_kubeconfigs=['/a', '/b']), {})
    for files in (['/a'], ['/a', '/a']):
        with pytest.raises(spoke.InvalidOptions, match='two different files at least'):
            SpokeAgentOptions(bootstrap_kubeconfigs=files).validate()
    with pytest.raises(spoke.InvalidOptions, match='--hub-connection-timeout-seconds: 0'):
        SpokeAgentOptions(bootstrap_kubeconfig='/a', hub_connection_timeout_seconds=0).validate()
    only = _hubs.Hubs(SpokeAgentOptions(bootstrap_kubeconfig='/a'), GATE)
    only.next()
    assert (only.options().bootstrap_kubeconfig, only.timeout_s) == ('/a', None)
