"""Many agents in one process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
import spoke
import yaml
from aioclustermanager.kubernetes import Configuration, Pace, resources
from hypothesis import given
from hypothesis import strategies as st
from spoke import _fleet, _fleet_file, _metrics, _wire

from tests.listening import listening
from tests.unit.aioclustermanager.scripted import eventually
from tests.unit.spoke.world import FAST

FILE = """\
defaults:
  bootstrap-kubeconfig: /boot/{name}/kubeconfig
  hub-kubeconfig-dir: /state/{name}
  hub-kubeconfig-secret: hub-{name}
  cluster-healthcheck-period: 5m
clusters:
  north: {}
  south: {max-custom-cluster-claims: 3, feature-gates: ClusterClaim=false}
"""


def test_a_fleet_is_its_defaults_with_what_each_cluster_has_of_its_own() -> None:
    found = _fleet_file.plan({'fleet.yaml': FILE}).members
    assert sorted(found) == ['north', 'south']
    common, options, gates, _ = found['south'].options()
    assert (common.spoke_cluster_name, common.hub_kubeconfig_dir) == ('south', '/state/south')
    assert (options.bootstrap_kubeconfig, options.hub_kubeconfig_secret) == ('/boot/south/kubeconfig', 'hub-south')
    assert (options.max_custom_cluster_claims, options.cluster_health_check_period.total_seconds()) == (3, 300)
    assert gates == {'ClusterClaim': False}


def test_a_member_is_the_same_as_long_as_nothing_of_it_changes() -> None:
    before = _fleet_file.plan({'fleet.yaml': FILE}).members
    after = _fleet_file.plan({'fleet.yaml': FILE.replace('claims: 3', 'claims: 4')}).members
    assert before['north'] == after['north']
    assert before['south'] != after['south']


def test_secrets_are_in_the_namespace_that_the_process_is_told_where_the_file_tells_none() -> None:
    text = 'clusters: {north: {hub-kubeconfig-secret: n}, south: {hub-kubeconfig-dir: s, component-namespace: other}}'
    found = _fleet_file.plan({'fleet.yaml': 'defaults: {bootstrap-kubeconfig: b}\n' + text}, 'agents').members
    namespaces = {name: each.options()[0].component_namespace for name, each in found.items()}
    assert namespaces == {'north': 'agents', 'south': 'other'}


def test_all_faults_of_a_fleet_are_named_with_their_cluster() -> None:
    text = """\
clusters:
  Bad_Name: {bootstrap-kubeconfig: /b, hub-kubeconfig-dir: /a, hub-kubeconfig-secret: a}
  one: {hub-kubeconfig-dir: /same, hub-kubeconfig-secret: b, no-such-thing: 1}
  two: {bootstrap-kubeconfig: /b, hub-kubeconfig-dir: /same, hub-kubeconfig-secret: c}
"""
    with pytest.raises(spoke.InvalidOptions) as raised:
        _fleet_file.plan({'fleet.yaml': text, 'other.yaml': '[', 'third.yaml': 'clusters: [a]'})
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


def test_a_fleet_has_limits_for_each_server_and_those_that_are_not_told_are_the_usual_ones() -> None:
    assert _fleet_file.plan({'fleet.yaml': FILE}).pace == Pace(200, 400, 100)
    told = _fleet_file.plan({'a.yaml': FILE, 'b.yaml': 'limits: {requests-per-second: 5.5, at-once: 0}'})
    assert told.pace == Pace(5.5, 400, 0)


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('limits: {burst: -1}', 'limits: burst: expected a number, 0 for no limit, got -1'),
        ('limits: {qps: 1}', "limits: there is no 'qps' (known: requests-per-second, burst, at-once)"),
        ('limits: 5', 'expected a mapping'),
        ('cluster: {}', "there is no part 'cluster'"),
        (
            'clusters: {a: {max-custom-cluster-claims: many}}',
            "a: max-custom-cluster-claims: expected a whole number, got 'many'",
        ),
        (
            'clusters: {a: {max-custom-cluster-claims: true}}',
            'a: max-custom-cluster-claims: expected a whole number, got True',
        ),
        ('clusters: {a: {spoke-external-server-urls: https://x}}', "expected a list, got 'https://x'"),
        ('clusters: {a: {cluster-health-check-period: soon}}', 'soon'),
        ('clusters: {a: 5}', 'fleet.yaml: a: expected a mapping of options, got 5'),
        ('clusters:\n  a: {}\n  a: {}', "fleet.yaml: no YAML that can be used: 'a' is there twice at line 3"),
        ('clusters: {a: {foo: 1, max-custom-cluster-claims: many}}', 'a: max-custom-cluster-claims: expected a whole'),
        ('clusters: {a: {foo: 1, max-custom-cluster-claims: -1}}', 'a: --max-custom-cluster-claims: -1 must not be'),
        ('clusters: {a: {spoke-external-server-urls: [[]]}}', 'a: spoke-external-server-urls: expected text, got []'),
        ('clusters: {a: {cluster-annotations: {b: true}}}', 'a: cluster-annotations: expected text, got True'),
        ('clusters: {a: &a {hub-kubeconfig-dir: [*a]}}', 'Circular'),
        ('limits: {burst: .inf}', 'limits: burst: expected a number, 0 for no limit, got inf'),
        ('limits: {burst: 2020-13-41}', 'no YAML that can be used'),
    ],
)
def test_a_value_that_cannot_be_meant_is_named_with_what_is_expected(text: str, fault: str) -> None:
    with pytest.raises(spoke.InvalidOptions) as raised:
        _fleet_file.plan({'fleet.yaml': text})
    assert fault in '\n'.join(raised.value.faults)


OPTIONS = st.sampled_from([*map(str, _fleet_file._ALLOWED), 'kubeconfig', 'feature-gates', 'burst', 'a', 'b'])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9**9) | st.floats() | st.text(max_size=3) | st.just('1m'),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(OPTIONS, inner, max_size=4),
    max_leaves=8,
)


@given(ANY, ANY, ANY)
def test_whatever_a_file_holds_it_is_a_fleet_or_its_faults_are_told(clusters: Any, defaults: Any, limits: Any) -> None:
    for document in ({'clusters': clusters, 'defaults': defaults, 'limits': limits}, {'clusters': {'a': defaults}}):
        with contextlib.suppress(spoke.InvalidOptions):
            found = _fleet_file.plan({'fleet.yaml': yaml.safe_dump(document)})
            assert all(each.options()[1].faults() == [] for each in found.members.values())


def test_each_flag_of_an_agent_is_an_option_of_a_fleet_s_member() -> None:
    parser = argparse.ArgumentParser()
    spoke.AgentOptions().add_flags(parser)
    spoke.SpokeAgentOptions().add_flags(parser)
    flags = {action.option_strings[-1][2:] for action in parser._actions} - {'help', 'cluster-name'}
    with pytest.raises(spoke.InvalidOptions) as raised:
        _fleet_file.plan({'fleet.yaml': yaml.safe_dump({'clusters': {'a': {flag: [None] for flag in flags}, 'b': {}}})})
    assert 'there is no option' not in str(raised.value)


def test_what_is_merged_into_an_entry_may_be_said_anew() -> None:
    own = 'hub-kubeconfig-dir: /a, bootstrap-kubeconfig: b'
    text = f'defaults: &d {{hub-kubeconfig-dir: /d}}\nclusters: {{a: {{<<: *d, {own}}}}}'
    (member,) = _fleet_file.plan({'fleet.yaml': text}).members.values()
    assert member.options()[0].hub_kubeconfig_dir == '/a'


def test_numbers_may_stand_for_text() -> None:
    (member,) = _fleet_file.plan(
        {'fleet.yaml': 'clusters: {1: {bootstrap-kubeconfig: /b, agent-id: 12345}}'}
    ).members.values()
    assert (member.name, member.options()[0].agent_id, member.options()[0].spoke_cluster_name) == ('1', '12345', '1')


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
    await world.until(lambda: asyncio.sleep(0, fleet.fault))
    assert fleet.configs[f'{base}-north'].agent is first
    assert metrics.of(cluster=f'{base}-north').get('spoke_joined') == 1
    assert await world.hub.find(_wire.MANAGED_CLUSTERS, f'{base}-south') is None
    assert await world.spoke.find(resources.SECRETS, 'hub-north', world.namespace)


class Hostile:
    """Stands for an API server that sends without end whatever it is asked."""

    def __init__(self) -> None:
        self.sent_bytes = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b'\r\n\r\n')
            writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
            while not writer.is_closing():
                writer.write(b'10000\r\n' + b'[' * 0x10000 + b'\r\n')
                await writer.drain()
                self.sent_bytes += 0x10000


@pytest.mark.asyncio
async def test_44_a_hostile_spoke_and_a_broken_agent_delay_nobody(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    hostile, base, file, starts = Hostile(), world.name, world.folder / 'fleet', list[str]()

    def made(common: spoke.AgentOptions, *arguments: Any, **more: Any) -> spoke.SpokeAgentConfig:
        starts.append(common.spoke_cluster_name)
        if common.spoke_cluster_name.endswith('broken') and len(starts) < 6:
            raise LookupError('a fault of the agent itself')
        return fast(common, *arguments, **more)

    async with listening(hostile.serve) as port:
        kubeconfig = world.folder / 'hostile.kubeconfig'
        kubeconfig.write_text(
            'apiVersion: v1\nkind: Config\ncurrent-context: c\n'
            f'clusters: [{{name: k, cluster: {{server: "http://127.0.0.1:{port}"}}}}]\n'
            'contexts: [{name: c, context: {cluster: k, user: ""}}]\n'
        )
        file.mkdir()
        (file / 'good.yaml').write_text(f'clusters:\n{member(world, "north", world.bootstrap)}')
        bad = member(world, 'bad', world.bootstrap).replace('}', f', spoke-kubeconfig: {kubeconfig}}}')
        (file / 'bad.yaml').write_text(f'clusters:\n{bad}{member(world, "broken", world.bootstrap)}')
        metrics = _metrics.Metrics()
        fleet = _fleet.Fleet(file, world.spoke_cluster.configuration(), metrics, make=made, poll_s=0.2)
        world.tasks.append(asyncio.ensure_future(fleet.run()))
        world.name = f'{base}-north'
        await world.joined()
        first = fleet.configs[world.name].agent
        await world.hub.patch(_wire.MANAGED_CLUSTERS, world.name, {'spec': {'leaseDurationSeconds': 1}})
        north = metrics.of(cluster=world.name)
        renewed = north.get('spoke_lease_renewals_total', outcome='renewed') or 0
        sent = hostile.sent_bytes
        await world.until(
            lambda: asyncio.sleep(0, (north.get('spoke_lease_renewals_total', outcome='renewed') or 0) > renewed + 3)
        )
        assert hostile.sent_bytes > sent
        assert fleet.configs[world.name].agent is first
        world.name = f'{base}-broken'
        await world.joined()
        assert metrics.of(cluster=world.name).get('spoke_starts_total') == starts.count(world.name) - 1 > 0
        world.name = f'{base}-bad'
        await world.until(lambda: world.condition('ManagedClusterConditionAvailable'))
        assert await world.condition('ManagedClusterConditionAvailable') == 'False'
        await world.stop(*world.tasks)


class Unjoined:
    """Stands for an agent whose hub is silent: it never gets further."""

    started: list[str]

    def __init__(self, common: spoke.AgentOptions, options: spoke.SpokeAgentOptions, **_: Any) -> None:
        self.options = options
        self.started.append(common.spoke_cluster_name)

    async def run_spoke_agent(self, _: spoke.ControllerContext) -> None:
        await asyncio.Event().wait()


def _made() -> Any:
    """Return a kind of such agents, with a list of its own."""
    return type('Made', (Unjoined,), {'started': []})


@pytest.mark.asyncio
async def test_few_agents_of_a_hub_start_at_once_and_a_silent_hub_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fleet, '_STARTING_S', 3600.0)
    monkeypatch.setattr(_fleet, '_WAITING_S', 0.0)
    options = 'hub-kubeconfig-dir: "/state/{name}", hub-kubeconfig-secret: "{name}"'
    rows = [f'  a-{number}: {{bootstrap-kubeconfig: /a, {options}}}' for number in range(25)]
    rows.append(f'  b-0: {{bootstrap-kubeconfig: /b, {options}}}')
    file, metrics = tmp_path / 'fleet.yaml', _metrics.Metrics()
    file.write_text('\n'.join(['clusters:', *rows, '']))
    made = _made()
    fleet = _fleet.Fleet(file, Configuration('https://127.0.0.1:1'), metrics, make=made)
    running = asyncio.ensure_future(fleet.run())
    try:
        await eventually(lambda: len(made.started) == 21)
        assert 'b-0' in made.started
        assert len(made.started) == 21
        metrics.of(cluster='a-3').set('spoke_joined', 1)
        await eventually(lambda: len(made.started) == 22)
        fleet.configs['a-4'].options.health.note('bootstrap', 'the hub')
        await eventually(lambda: len(made.started) == 23)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class WrittenSlowly(_fleet.Fleet):
    """Somebody writes its file: with each look at it, a line more is there."""

    lines: list[str]

    def _stamps(self) -> dict[str, tuple[int, ...]]:
        found = super()._stamps()
        if self.lines:
            with self._path.open('a') as file:
                file.write(self.lines.pop(0))
        return found


@pytest.mark.asyncio
async def test_a_file_that_is_being_written_stops_no_agent_whose_line_is_not_there_yet(tmp_path: Path) -> None:
    options = '{bootstrap-kubeconfig: /a, hub-kubeconfig-dir: "/state/{name}", hub-kubeconfig-secret: "{name}"}'
    lines = ['clusters:\n', *(f'  {name}: {options}\n' for name in ('a', 'b', 'c'))]
    file, made = tmp_path / 'fleet.yaml', _made()
    file.write_text(''.join(lines[:-1]))
    fleet = WrittenSlowly(file, Configuration('https://127.0.0.1:1'), _metrics.Metrics(), make=made, poll_s=0.02)
    fleet.lines = []
    running = asyncio.ensure_future(fleet.run())
    try:
        await eventually(lambda: made.started == ['a', 'b'])
        file.write_text('')
        fleet.lines = lines
        await eventually(lambda: 'c' in made.started)
        assert made.started == ['a', 'b', 'c']
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
