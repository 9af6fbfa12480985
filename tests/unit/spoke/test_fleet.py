"""Many agents in one process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import spoke
from aioclustermanager.kubernetes import resources
from spoke import _fleet, _metrics, _wire

from tests.unit.spoke.world import FAST

FILE = """\
defaults:
  bootstrap-kubeconfig: /boot/{name}/kubeconfig
  hub-kubeconfig-dir: /state/{name}
  hub-kubeconfig-secret: hub-{name}
  cluster-health-check-period: 5m
clusters:
  north: {}
  south: {max-custom-cluster-claims: 3, feature-gates: ClusterClaim=false}
"""


def test_a_fleet_is_its_defaults_with_what_each_cluster_has_of_its_own() -> None:
    found = _fleet.members({'fleet.yaml': FILE})
    assert sorted(found) == ['north', 'south']
    common, options, gates, _ = found['south'].options()
    assert (common.spoke_cluster_name, common.hub_kubeconfig_dir) == ('south', '/state/south')
    assert (options.bootstrap_kubeconfig, options.hub_kubeconfig_secret) == ('/boot/south/kubeconfig', 'hub-south')
    assert (options.max_custom_cluster_claims, options.cluster_health_check_period.total_seconds()) == (3, 300)
    assert gates == {'ClusterClaim': False}


def test_a_member_is_the_same_as_long_as_nothing_of_it_changes() -> None:
    before = _fleet.members({'fleet.yaml': FILE})
    after = _fleet.members({'fleet.yaml': FILE.replace('claims: 3', 'claims: 4')})
    assert before['north'] == after['north']
    assert before['south'] != after['south']


def test_all_faults_of_a_fleet_are_named_with_their_cluster() -> None:
    text = """\
clusters:
  Bad_Name: {bootstrap-kubeconfig: /b, hub-kubeconfig-dir: /a, hub-kubeconfig-secret: a}
  one: {hub-kubeconfig-dir: /same, hub-kubeconfig-secret: b, no-such-thing: 1}
  two: {bootstrap-kubeconfig: /b, hub-kubeconfig-dir: /same, hub-kubeconfig-secret: c}
"""
    with pytest.raises(spoke.InvalidOptions) as raised:
        _fleet.members({'fleet.yaml': text, 'other.yaml': '[', 'third.yaml': 'clusters: [a]'})
    faults = '\n'.join(raised.value.faults)
    for expected in (
        "fleet.yaml: Bad_Name: --spoke-cluster-name: 'Bad_Name' has the wrong format",
        "fleet.yaml: one: there is no option 'no-such-thing'",
        'fleet.yaml: one: --bootstrap-kubeconfig is required',
        'two and one have the same hub-kubeconfig-dir',
        'other.yaml: no YAML',
        'third.yaml: expected a mapping',
    ):
        assert expected in faults


def fast(*arguments: Any, **more: Any) -> spoke.SpokeAgentConfig:
    made = spoke.SpokeAgentConfig(*arguments, **more)
    made.intervals = FAST
    return made


def member(world: Any, name: str, bootstrap: Path) -> str:
    return (
        f'  {world.name}-{name}: {{bootstrap-kubeconfig: {bootstrap}, hub-kubeconfig-dir: {world.folder}/{name},'
        f' hub-kubeconfig-secret: hub-{name}, component-namespace: {world.namespace}}}\n'
    )


@pytest.mark.asyncio
async def test_44_agents_come_go_and_fail_each_for_itself(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    file, base = world.folder / 'fleet.yaml', world.name
    north, south = member(world, 'north', world.bootstrap), member(world, 'south', world.folder / 'missing')
    west = member(world, 'west', world.bootstrap)
    file.write_text(f'clusters:\n{north}{south}')
    metrics = _metrics.Metrics()
    management = world.spoke_cluster.configuration()
    fleet = _fleet.Fleet(file, management, metrics, make=fast, poll_s=0.2)
    world.tasks.append(asyncio.ensure_future(fleet.run()))
    world.name = f'{base}-north'
    await world.joined()
    first = fleet.configs[f'{base}-north'].agent
    file.write_text(f'clusters:\n{north}{west}')
    world.name = f'{base}-west'
    await world.joined()
    assert sorted(fleet.configs) == [f'{base}-north', f'{base}-west']
    assert fleet.configs[f'{base}-north'].agent is first
    file.write_text('clusters: [')
    await asyncio.sleep(0.5)
    assert fleet.fault
    assert fleet.configs[f'{base}-north'].agent is first
    assert metrics.of(cluster=f'{base}-north').get('spoke_joined') == 1
    assert await world.hub.find(_wire.MANAGED_CLUSTERS, f'{base}-south') is None
    assert await world.spoke.find(resources.SECRETS, 'hub-north', world.namespace)
