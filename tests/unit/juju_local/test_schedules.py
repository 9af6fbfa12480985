"""Random verbs, failures and kills, in any order: what must hold all the same."""

from __future__ import annotations

import contextlib
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local import _plan
from juju_local._state import Endpoint
from simulation import Ran, Run, Simulation, charm

DB = charm('db', Endpoint('clients', 'provider', 'sql'), Endpoint('cluster', 'peer', 'ring'), actions={'do-it': {}})
WEB = charm('web', Endpoint('db', 'requirer', 'sql'), options={'port': {'type': 'int', 'default': 80}})
AGENT = charm(
    'agent',
    Endpoint('host', 'requirer', 'juju-info', scope='container'),
    Endpoint('db', 'requirer', 'sql'),
    subordinate=True,
)
VERBS = (
    *('add-db', 'add-web', 'remove-unit', 'remove-agent', 'relate-web', 'relate-agent', 'relate-host'),
    *(
        'unrelate-web',
        'unrelate-host',
        'config',
        'leader',
        'tick',
        'upgrade',
        'action',
        'kill',
        'remove-db',
        'deploy-db',
    ),
)


class Charm:
    """Writes a few times, fails a few times, and remembers of each remote unit what it was last told."""

    def __init__(self, simulation: Simulation, failures: int) -> None:
        self.simulation = simulation
        self.failures = failures
        self.writes = 60
        self.told: dict[tuple[str, int, str], str] = {}

    def __call__(self, run: Run) -> int:
        hook = run.context.hook
        if self.writes and run.simulation.random.random() < 0.2:
            self.writes -= 1
            for relation in run.context.members:
                run.tool('relation-set', '-r', str(relation), f'n={self.writes}')
        if hook is not None and hook.kind == 'relation-changed' and hook.remote_unit:
            seen = run.json('relation-get', '-')
            assert isinstance(seen, dict)
            self.told[run.unit, hook.relation_id or 0, hook.remote_unit] = seen.get('n', '')
        if self.failures and run.simulation.random.random() < 0.1:
            self.failures -= 1
            return 1
        return 0


def apply(simulation: Simulation, verb: str, number: int) -> None:
    """Do what a user could; what the model refuses is left out."""
    model, now = simulation.model, simulation.now
    units = sorted(model.units)
    unit = units[number % len(units)] if units else ''
    actions = {
        'add-db': lambda: _plan.add_unit(model, 'db', now),
        'add-web': lambda: _plan.add_unit(model, 'web', now),
        'remove-unit': lambda: _plan.remove_unit(model, unit, now),
        'remove-agent': lambda: _plan.remove_application(model, 'agent', now),
        'relate-web': lambda: _plan.relate(model, 'web', 'db', now),
        'relate-agent': lambda: _plan.relate(model, 'agent:db', 'db', now),
        'relate-host': lambda: _plan.relate(model, 'agent:host', ('web', 'db')[number % 2], now),
        'unrelate-web': lambda: _plan.remove_relation(model, 'web', 'db', now),
        'unrelate-host': lambda: _plan.remove_relation(model, 'agent:host', ('web', 'db')[number % 2], now),
        'config': lambda: _plan.set_config(model, 'web', {'port': number}),
        'leader': lambda: _plan.set_leader(model, unit),
        'tick': lambda: _plan.tick(model),
        'upgrade': lambda: _plan.upgrade_charm(model, 'web', simulation.add_charm(WEB), now),
        'action': lambda: _plan.queue_action(model, unit, 'do-it', {}, now),
        'kill': simulation.kill,
        'remove-db': lambda: _plan.remove_application(model, 'db', now),
        'deploy-db': lambda: simulation.deploy('db', DB),
    }
    with contextlib.suppress(_plan.Refused):
        actions[verb]()
    simulation.store()


steps = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 20), st.integers(0, 25)), max_size=25)


@settings(max_examples=100, deadline=None)
@given(steps, st.integers(0, 2**20), st.integers(0, 6))
def test_whatever_happens_the_model_becomes_quiet_and_every_unit_knows_the_truth(verbs, seed, failures):
    simulation = Simulation(seed=seed)
    simulation.body = told = Charm(simulation, failures)
    simulation.deploy('db', DB, 2)
    simulation.deploy('web', WEB, 1)
    simulation.deploy('agent', AGENT)
    _plan.relate(simulation.model, 'web', 'db', simulation.now)
    for verb, number, pause in verbs:
        apply(simulation, verb, number)
        for _ in range(pause):
            simulation.step()
        simulation.check_stored()
    simulation.settle()
    simulation.check_stored()
    for ran in simulation.history:
        assert ran.reason != 'running'
    check_units(simulation)
    check_histories(simulation)
    check_truth(simulation, told)


def check_units(simulation: Simulation) -> None:
    """Nobody is left dying, every unit has started, every application with units has a leader that knows it."""
    model = simulation.model
    for unit in model.units.values():
        assert unit.life == 'alive'
        assert unit.agent.started and unit.agent.pending is None and not unit.agent.queue
        assert unit.agent.leader == (model.applications[unit.app].leader == unit.name)
        assert unit.agent_status.current == 'idle'
        assert unit.machine in model.machines
        assert set(unit.agent.relations) == {
            rid for rid, found in model.relations.items() if unit.name in found.in_scope
        }
    assert all(app.leader in model.units for app in model.applications.values() if model.units_of(app.name))
    assert {unit.machine for unit in model.units.values()} == set(model.machines)
    assert all(relation.life == 'alive' for relation in model.relations.values())
    assert all(action.status in ('completed', 'failed', 'cancelled') for action in model.actions.values())


def check_histories(simulation: Simulation) -> None:
    by_unit: dict[tuple[str, int], list[Ran]] = defaultdict(list)
    lives: dict[str, int] = defaultdict(int)  # an application that is deployed again begins with unit 0 again
    for ran in simulation.history:
        if ran.reason == '' and ran.name != 'upgrade' and not ran.name.startswith('action'):
            by_unit[ran.unit, lives[ran.unit]].append(ran)
            lives[ran.unit] += ran.name == 'die'
    for (unit, _), history in by_unit.items():
        check_life(unit, [ran.name for ran in history])
        for relation in {ran.relation_id for ran in history if ran.relation_id is not None}:
            check_relation([ran for ran in history if ran.relation_id == relation])


def check_life(unit: str, names: list[str]) -> None:
    assert names[0] in ('install', 'die'), unit
    if 'start' in names:
        first = names.index('start')
        assert names[first - 1] == 'config-changed'
        assert {'leader-elected', 'leader-settings-changed'} & set(names[:first])
        assert not any(name.endswith(('joined', 'changed')) and '-relation-' in name for name in names[:first])
    for name in ('install', 'start', 'stop', 'remove', 'die'):
        assert names.count(name) <= 1, (unit, names)
    if 'stop' in names:
        after = names[names.index('stop') + 1 :]
        assert after in (['remove'], ['remove', 'die']), (unit, after)


def check_relation(history: list[Ran]) -> None:
    """Created first; joined, changed at once, then departed exactly once; broken last and with nobody left."""
    members: set[str] = set()
    owed = ''
    for position, ran in enumerate(history):
        kind = ran.name.rpartition('-')[2]
        assert (kind == 'created') == (position == 0)
        if owed:
            assert (kind, ran.remote) == ('changed', owed)
            owed = ''
        if kind == 'joined':
            assert ran.remote not in members
            members.add(ran.remote)
            owed = ran.remote
        elif kind == 'departed':
            members.remove(ran.remote)
        elif kind == 'changed':
            assert not ran.remote or ran.remote in members
        elif kind == 'broken':
            assert not members
            assert position == len(history) - 1
        assert ran.members[ran.relation_id or 0] == sorted(members)


def check_truth(simulation: Simulation, told: Charm) -> None:
    """What a member was last told is what stands in the bag: no write was lost, however the schedule went."""
    for unit in simulation.model.units.values():
        for relation, local in unit.agent.relations.items():
            for member in local.members:
                bag = simulation.model.bags[relation, member]
                assert told.told[unit.name, relation, member] == bag.data.get('n', '')
