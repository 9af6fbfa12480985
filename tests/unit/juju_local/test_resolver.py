"""The order of hooks, member lists, failure and resolution, removal: what a charm can tell Juju by."""

from __future__ import annotations

import pytest
from juju_local import _plan, _resolver, _status
from juju_local._state import Endpoint
from simulation import Run, Simulation, charm

DB = charm('db', Endpoint('clients', 'provider', 'sql'), Endpoint('cluster', 'peer', 'ring'))
WEB = charm('web', Endpoint('db', 'requirer', 'sql'), options={'port': {'type': 'int', 'default': 80}})
AGENT = charm('agent', Endpoint('host', 'requirer', 'juju-info', scope='container'), subordinate=True)


def fails(*hooks: str, times: int = 1):
    """Return a charm whose named hooks fail, so many times each."""
    left = dict.fromkeys(hooks, times)

    def body(run: Run) -> int:
        if left.get(run.hook, 0):
            left[run.hook] -= 1
            return 1
        return 0

    return body


def writes(**settings: str):
    """Return a charm that writes these settings in every relation it has, in every hook."""

    def body(run: Run) -> None:
        for endpoint in ('db', 'clients', 'cluster'):
            for relation in run.json('relation-ids', endpoint):
                run.tool('relation-set', '-r', relation, *(f'{key}={value}' for key, value in settings.items()))

    return body


def pair(simulation: Simulation, webs: int = 1, dbs: int = 1) -> Simulation:
    simulation.deploy('db', DB, dbs)
    simulation.deploy('web', WEB, webs)
    _plan.relate(simulation.model, 'web', 'db', simulation.now)
    return simulation


def test_first_start_runs_in_jujus_order():
    simulation = Simulation()
    simulation.deploy('db', DB, 2)
    simulation.settle()
    start = ['install', 'cluster-relation-created', 'leader-elected', 'config-changed', 'start']
    assert simulation.hooks('db/0')[:5] == start
    assert simulation.hooks('db/1')[:5] == [*start[:2], 'leader-settings-changed', *start[3:]]
    assert simulation.hooks('db/0')[5:] == ['cluster-relation-joined db/1', 'cluster-relation-changed db/1']


def test_relation_ids_are_empty_in_install_and_all_there_in_the_first_created_hook():
    seen = {}

    def body(run: Run) -> None:
        if run.unit == 'db/0':
            seen.setdefault(run.hook, [run.json('relation-ids', name) for name in ('clients', 'cluster')])

    simulation = pair(Simulation(body))
    simulation.settle()
    assert seen['install'] == [[], []]
    assert seen['clients-relation-created'] == seen['cluster-relation-created'] == [['clients:1'], ['cluster:0']]


@pytest.mark.parametrize('seed', range(5))
def test_changed_always_follows_joined_within_its_relation(seed):
    simulation = pair(Simulation(seed=seed), webs=3, dbs=2)
    simulation.settle()
    for unit in simulation.model.units:
        hooks = [ran for ran in simulation.history if ran.unit == unit and ran.relation_id == 1]
        for one, two in zip(hooks, [*hooks[1:], None], strict=True):
            if one.name.endswith('joined'):
                assert two is not None
                assert (two.name.rpartition('-')[2], two.remote) == ('changed', one.remote)


def test_many_writes_while_the_reader_is_busy_are_one_changed_hook():
    simulation = pair(Simulation())
    simulation.settle()
    before = len(simulation.hooks('web/0'))
    bag = simulation.model.bag(1, 'db/0')
    for number in range(5):
        bag.data['n'] = str(number)
        bag.version += 1
    simulation.settle()
    assert simulation.hooks('web/0')[before:] == ['db-relation-changed db/0']


def test_writing_the_same_again_wakes_nobody():
    simulation = pair(Simulation(writes(a='1')))
    simulation.settle()
    before = len(simulation.history)
    _plan.tick(simulation.model)
    simulation.settle()
    assert {ran.name for ran in simulation.history[before:]} == {'update-status'}


def test_what_a_failed_hook_wrote_is_dropped_and_written_by_the_retry():
    seen = []

    def body(run: Run) -> int:
        if run.unit == 'db/0' and run.hook == 'clients-relation-joined':
            run.tool('relation-set', 'answer=42')
            seen.append(run.json('relation-get', '-', 'db/0').get('answer'))
            return int(len(seen) == 1)
        return 0

    simulation = pair(Simulation(body))
    simulation.settle(retries=False)
    assert 'answer' not in simulation.model.bag(1, 'db/0').data
    unit = simulation.model.units['db/0']
    assert _status.workload(unit).current == 'error'
    assert _status.workload(unit).message == 'hook failed: "clients-relation-joined"'
    assert _status.agent(unit).current == 'idle'
    simulation.settle()
    assert simulation.model.bag(1, 'db/0').data['answer'] == '42'
    assert seen == ['42', '42']


def test_nothing_but_a_retry_happens_while_a_hook_is_in_error():
    simulation = Simulation(fails('config-changed', times=3))
    simulation.deploy('web', WEB)
    _plan.set_model_config(simulation.model, {'automatically-retry-hooks': 'false'})
    simulation.settle()
    assert simulation.hooks('web/0') == ['install', 'leader-elected', 'config-changed']
    _plan.resolved(simulation.model, 'web/0', simulation.now)
    simulation.settle()
    assert simulation.hooks('web/0')[3:] == ['config-changed']
    _plan.resolved(simulation.model, 'web/0', simulation.now, no_retry=True)
    simulation.settle()
    assert simulation.hooks('web/0')[4:] == ['start']


def test_automatic_retries_come_later_and_later_and_start_anew_after_a_success():
    simulation = Simulation(fails('install', times=9))
    simulation.deploy('web', WEB)
    pauses = []
    for _ in range(9):
        simulation.settle(retries=False)
        pauses.append(simulation.model.units['web/0'].agent.retry_at - simulation.now)
        simulation.wait()
    assert pauses == sorted(pauses[:6]) + pauses[6:]
    assert 2 < pauses[0] < 7
    assert pauses[4] > 10 * pauses[0]
    assert all(pause < 361 for pause in pauses)
    simulation.settle()
    assert simulation.model.units['web/0'].agent.retries == 0


def test_resolved_refuses_a_unit_that_is_not_in_error():
    simulation = pair(Simulation())
    with pytest.raises(_plan.Refused, match='unit "web/0" is not in an error state'):
        _plan.resolved(simulation.model, 'web/0', 0.0)


def test_a_skipped_joined_makes_a_member_who_is_owed_a_changed():
    simulation = pair(Simulation(bodies={'web': fails('db-relation-joined', times=99)}))
    simulation.settle(retries=False)
    _plan.resolved(simulation.model, 'web/0', simulation.now, no_retry=True)
    simulation.settle()
    assert simulation.hooks('web/0')[-2:] == ['db-relation-joined db/0', 'db-relation-changed db/0']


def test_a_skipped_broken_leaves_the_relation_which_can_then_be_made_anew():
    simulation = pair(Simulation(bodies={'web': fails('db-relation-broken', times=99)}))
    simulation.settle()
    _plan.remove_relation(simulation.model, 'web', 'db', simulation.now)
    simulation.settle(retries=False)
    with pytest.raises(_plan.Refused, match='is still being removed'):
        _plan.relate(simulation.model, 'web', 'db', simulation.now)
    _plan.resolved(simulation.model, 'web/0', simulation.now, no_retry=True)
    simulation.settle()
    assert _plan.relate(simulation.model, 'web', 'db', simulation.now).id == 2


def test_a_dying_unit_in_error_stays_until_it_is_resolved():
    simulation = pair(Simulation(bodies={'web': fails('db-relation-joined', times=1)}))
    _plan.set_model_config(simulation.model, {'automatically-retry-hooks': 'false'})
    simulation.settle()
    _plan.remove_unit(simulation.model, 'web/0', simulation.now)
    simulation.settle()
    assert 'web/0' in simulation.model.units
    _plan.resolved(simulation.model, 'web/0', simulation.now)
    simulation.settle()
    assert 'web/0' not in simulation.model.units
    assert simulation.hooks('web/0')[-5:] == [
        'db-relation-changed db/0',
        'db-relation-departed db/0',
        'db-relation-broken',
        'stop',
        'remove',
    ]


def test_members_are_those_whose_joined_has_begun_and_whose_departed_has_not():
    simulation = pair(Simulation(), dbs=3)
    simulation.settle()
    _plan.remove_relation(simulation.model, 'web', 'db', simulation.now)
    simulation.settle()
    known: list[str] = []
    for ran in [ran for ran in simulation.history if ran.unit == 'web/0' and ran.relation_id == 1]:
        if ran.name == 'db-relation-joined':
            known.append(ran.remote)
        elif ran.name == 'db-relation-departed':
            known.remove(ran.remote)
        assert ran.members[1] == sorted(known), ran


def test_the_departing_unit_is_the_one_that_goes():
    seen = []

    def body(run: Run) -> None:
        if run.hook.endswith('departed'):
            seen.append((run.unit, run.environment['JUJU_REMOTE_UNIT'], run.environment['JUJU_DEPARTING_UNIT']))

    simulation = pair(Simulation(body))
    simulation.settle()
    _plan.remove_unit(simulation.model, 'web/0', simulation.now)
    simulation.settle()
    assert sorted(seen) == [('db/0', 'web/0', 'web/0'), ('web/0', 'db/0', 'web/0')]


def test_a_removed_relation_names_the_remote_unit_as_departing():
    seen = []

    def body(run: Run) -> None:
        if run.hook.endswith('departed'):
            seen.append((run.unit, run.environment['JUJU_DEPARTING_UNIT']))

    simulation = pair(Simulation(body))
    simulation.settle()
    _plan.remove_relation(simulation.model, 'web', 'db', simulation.now)
    simulation.settle()
    assert sorted(seen) == [('db/0', 'web/0'), ('web/0', 'db/0')]
    assert list(simulation.model.relations) == [0]
    assert not [key for key in simulation.model.bags if key[0] == 1]


def test_a_unit_that_came_and_went_unseen_is_never_told_of():
    simulation = pair(Simulation())
    simulation.settle()
    _plan.queue_command(simulation.model, 'web/0', 'sleep', simulation.now)
    operation = _resolver.next_operation(simulation.model, 'web/0', simulation.now)
    simulation.begin(operation)  # web/0 is busy while db/1 comes and goes
    _plan.add_unit(simulation.model, 'db', simulation.now)
    held = simulation.flying.pop('web/0')
    busy = {**simulation.model.units}
    del busy['web/0']
    for _ in range(200):
        for unit in list(simulation.model.units):
            if unit != 'web/0' and (found := _resolver.next_operation(simulation.model, unit, simulation.now)):
                simulation.begin(found)
                simulation.end(unit)
        if 'db/1' in simulation.model.units and simulation.model.units['db/1'].agent.started:
            _plan.remove_unit(simulation.model, 'db/1', simulation.now)
    assert 'db/1' not in simulation.model.units
    simulation.flying['web/0'] = held
    before = len(simulation.hooks('web/0'))
    simulation.settle()
    assert simulation.hooks('web/0')[before:] == []


def test_config_changed_runs_once_for_a_real_change_and_never_for_none():
    simulation = Simulation()
    simulation.deploy('web', WEB)
    simulation.settle()
    before = len(simulation.history)
    assert not _plan.set_config(simulation.model, 'web', {}) and _plan.set_config(
        simulation.model, 'web', {'port': '80'}
    )
    simulation.settle()
    assert len(simulation.history) == before  # 80 is the default
    _plan.set_config(simulation.model, 'web', {'port': '81'})
    _plan.set_config(simulation.model, 'web', {'port': '82'})
    simulation.settle()
    assert simulation.hooks('web/0')[before:] == ['config-changed']


def test_an_option_set_while_config_changed_runs_is_told_by_another_one():
    simulation = Simulation()
    simulation.deploy('web', WEB)
    simulation.settle()
    _plan.set_config(simulation.model, 'web', {'port': 1})
    simulation.begin(_resolver.next_operation(simulation.model, 'web/0', simulation.now))
    _plan.set_config(simulation.model, 'web', {'port': 2})
    simulation.settle()
    assert simulation.hooks('web/0')[-2:] == ['config-changed', 'config-changed']


def test_an_upgrade_runs_upgrade_charm_and_then_config_changed():
    simulation = Simulation()
    simulation.deploy('web', WEB)
    simulation.settle()
    _plan.upgrade_charm(simulation.model, 'web', simulation.add_charm(WEB), simulation.now)
    simulation.settle()
    assert simulation.hooks('web/0')[-3:] == ['upgrade', 'upgrade-charm', 'config-changed']
    assert simulation.model.units['web/0'].agent.charm_url == 'local:jammy/web-1'


@pytest.mark.parametrize('force, begun', [(False, 'local:jammy/web-0'), (True, 'local:jammy/web-1')])
def test_a_unit_in_error_gets_a_new_charm_only_by_force_and_then_retries_its_hook(force, begun):
    seen = []

    def body(run: Run) -> int:
        seen.append((run.hook, run.simulation.model.units['web/0'].agent.charm_url))
        return int(len(seen) == 1)

    simulation = Simulation(body)
    simulation.deploy('web', WEB)
    simulation.settle(retries=False)
    _plan.upgrade_charm(simulation.model, 'web', simulation.add_charm(WEB), simulation.now, force_units=force)
    simulation.settle(retries=False)
    simulation.settle()
    assert seen[:2] == [('install', 'local:jammy/web-0'), ('install', begun)]
    assert ('upgrade-charm' in simulation.hooks('web/0')) is not force
    assert simulation.model.units['web/0'].agent.charm_url == 'local:jammy/web-1'


def test_a_subordinate_comes_with_its_principal_and_goes_before_it():
    simulation = Simulation()
    simulation.deploy('web', WEB, 2)
    simulation.deploy('agent', AGENT)
    _plan.relate(simulation.model, 'agent', 'web', simulation.now)
    simulation.settle()
    principals = {unit.principal: unit.machine for unit in simulation.model.units_of('agent')}
    assert principals == {'web/0': '0', 'web/1': '1'}
    mine = next(unit.name for unit in simulation.model.units_of('agent') if unit.principal == 'web/0')
    assert 'host-relation-joined web/0' in simulation.hooks(mine)
    assert 'host-relation-joined web/1' not in simulation.hooks(mine)
    _plan.remove_unit(simulation.model, 'web/0', simulation.now)
    simulation.settle()
    assert set(simulation.model.machines) == {'1'}
    died = [ran.unit for ran in simulation.history if ran.name == 'die']
    assert died == [mine, 'web/0']


def test_removing_the_container_relation_removes_the_subordinates_and_a_new_one_brings_new_ones():
    simulation = Simulation()
    simulation.deploy('web', WEB)
    simulation.deploy('agent', AGENT)
    _plan.relate(simulation.model, 'agent', 'web', simulation.now)
    simulation.settle()
    _plan.remove_relation(simulation.model, 'agent', 'web', simulation.now)
    simulation.settle()
    assert not simulation.model.units_of('agent')
    assert not simulation.model.relations
    assert simulation.hooks('agent/0')[-3:] == ['host-relation-broken', 'stop', 'remove']
    _plan.relate(simulation.model, 'agent', 'web', simulation.now)
    simulation.settle()
    assert [unit.name for unit in simulation.model.units_of('agent')] == ['agent/1']


def test_a_principal_waits_for_the_end_of_its_old_subordinate_before_it_gets_a_new_one():
    twice = charm(
        'agent',
        Endpoint('host', 'requirer', 'juju-info', scope='container'),
        Endpoint('logs', 'requirer', 'juju-info', scope='container'),
        subordinate=True,
    )
    simulation = Simulation()
    simulation.deploy('web', WEB)
    simulation.deploy('agent', twice)
    _plan.relate(simulation.model, 'agent:host', 'web', simulation.now)
    simulation.settle()
    _plan.remove_relation(simulation.model, 'agent:host', 'web', simulation.now)
    _plan.relate(simulation.model, 'agent:logs', 'web', simulation.now)
    assert list(simulation.model.units_of('agent')) == [simulation.model.units['agent/0']]
    simulation.settle()
    assert [unit.name for unit in simulation.model.units_of('agent')] == ['agent/1']


def test_a_relation_removed_before_its_created_hook_goes_unheard():
    simulation = Simulation()
    simulation.deploy('db', DB)
    simulation.deploy('web', WEB)
    _plan.relate(simulation.model, 'web', 'db', simulation.now)
    operation = _resolver.next_operation(simulation.model, 'db/0', simulation.now)
    simulation.begin(operation)
    simulation.end('db/0')
    operation = _resolver.next_operation(simulation.model, 'db/0', simulation.now)
    assert operation.hook.kind == 'relation-created'
    simulation.begin(operation)  # both relations are entered now, one created hook is still owed
    other = {0: 1, 1: 0}[operation.hook.relation_id]
    assert simulation.model.relations[other].in_scope == ['db/0']
    simulation.model.relations[other].life = 'dying'
    simulation.settle()
    assert other not in simulation.model.relations
    assert not [ran for ran in simulation.history if ran.unit == 'db/0' and ran.relation_id == other]


def test_the_start_owed_after_a_reboot_waits_for_the_hook_in_error():
    simulation = Simulation(fails('update-status'))
    simulation.deploy('web', WEB)
    simulation.settle()
    _plan.tick(simulation.model)
    simulation.settle(retries=False)
    _plan.rebooted(simulation.model, '0')
    _plan.rebooted(simulation.model, '0')
    before = len(simulation.hooks('web/0'))
    simulation.settle()
    assert simulation.hooks('web/0')[before:] == ['update-status', 'start']


def test_a_removed_application_leaves_nothing():
    simulation = pair(Simulation(), webs=2, dbs=2)
    simulation.settle()
    _plan.remove_application(simulation.model, 'db', simulation.now)
    simulation.settle()
    assert list(simulation.model.applications) == ['web']
    assert not simulation.model.relations
    assert not simulation.model.bags
    assert simulation.hooks('web/0')[-1] == 'db-relation-broken'
    assert not [hook for hook in simulation.hooks('db/0') if hook == 'cluster-relation-broken']


def test_a_peer_hears_that_another_one_departs():
    simulation = Simulation()
    simulation.deploy('db', DB, 2)
    simulation.settle()
    _plan.remove_unit(simulation.model, 'db/0', simulation.now)
    simulation.settle()
    assert simulation.hooks('db/1')[-2:] == ['cluster-relation-departed db/0', 'leader-elected'] or simulation.hooks(
        'db/1'
    )[-2:] == ['leader-elected', 'cluster-relation-departed db/0']
    assert simulation.model.applications['db'].leader == 'db/1'
    assert simulation.hooks('db/0')[-3:] == ['cluster-relation-departed db/1', 'stop', 'remove']


def test_leadership_can_be_moved_and_the_deposed_leader_hears_of_settings_it_missed():
    simulation = Simulation()
    simulation.deploy('db', DB, 2)
    simulation.settle()
    _plan.set_leader(simulation.model, 'db/1')
    simulation.settle()
    assert simulation.hooks('db/1')[-1] == 'leader-elected'
    assert simulation.hooks('db/0')[-1] == 'leader-settings-changed'


def test_a_leader_deposed_while_its_leader_elected_fails_is_elected_anew_when_it_leads_again():
    simulation = Simulation(bodies={'db': fails('leader-elected')})
    simulation.deploy('db', DB, 2)
    simulation.settle(retries=False)
    _plan.set_leader(simulation.model, 'db/1')
    simulation.settle()
    assert not simulation.model.units['db/0'].agent.leader
    _plan.set_leader(simulation.model, 'db/0')
    simulation.settle()
    assert simulation.hooks('db/0').count('leader-elected') == 3
    assert simulation.hooks('db/0')[-1] == 'leader-elected'


def test_leader_settings_wake_the_others_at_once_even_from_a_hook_that_fails():
    def body(run: Run) -> int:
        if run.hook == 'update-status' and run.unit == 'db/0':
            run.tool('leader-set', 'key=value')
            return 1
        return 0

    simulation = Simulation(body)
    simulation.deploy('db', DB, 2)
    simulation.settle()
    _plan.tick(simulation.model, ['db/0'])
    simulation.settle(retries=False)
    assert simulation.hooks('db/1')[-1] == 'leader-settings-changed'
    assert simulation.model.applications['db'].leader_settings == {'key': 'value'}


def test_missed_ticks_are_one_update_status():
    simulation = Simulation()
    simulation.deploy('web', WEB)
    _plan.tick(simulation.model)  # before start there is none
    simulation.settle()
    assert 'update-status' not in simulation.hooks('web/0')
    for _ in range(3):
        _plan.tick(simulation.model)
    simulation.settle()
    assert simulation.hooks('web/0').count('update-status') == 1


def test_actions_run_while_a_hook_is_in_error_and_leave_it_there():
    simulation = Simulation(fails('install', times=1))
    simulation.deploy('web', charm('web', actions={'do-it': {}}))
    simulation.settle(retries=False)
    task = _plan.queue_action(simulation.model, 'web/leader', 'do-it', {}, simulation.now)
    simulation.settle(retries=False)
    assert simulation.model.actions[task.id].status == 'completed'
    assert _status.workload(simulation.model.units['web/0']).current == 'error'


def test_a_unit_that_never_started_goes_without_a_hook():
    simulation = Simulation()
    simulation.deploy('web', WEB)
    task = _plan.queue_command(simulation.model, 'web/0', 'true', simulation.now)
    _plan.remove_unit(simulation.model, 'web/0', simulation.now)
    assert not simulation.model.units
    assert (task.status, task.message) == ('cancelled', 'unit "web/0" was removed')
    simulation.settle()
    assert simulation.history == []
    assert not simulation.model.machines


def test_a_killed_engine_runs_the_interrupted_hook_again_and_fails_the_interrupted_action():
    simulation = Simulation()
    simulation.deploy('web', charm('web', actions={'do-it': {}}))
    simulation.step()
    simulation.kill()
    simulation.settle()
    assert simulation.hooks('web/0')[:3] == ['install', 'install', 'leader-elected']
    task = _plan.queue_action(simulation.model, 'web/0', 'do-it', {}, simulation.now)
    simulation.step()
    simulation.kill()
    simulation.settle()
    assert (simulation.model.actions[task.id].status, simulation.model.actions[task.id].message) == (
        'failed',
        'action terminated',
    )


def test_a_seed_reproduces_the_whole_order():
    def history(seed: int) -> list[str]:
        simulation = pair(Simulation(writes(a='1'), seed=seed), webs=3, dbs=3)
        simulation.settle()
        return [f'{ran.unit} {ran.name} {ran.remote}' for ran in simulation.history]

    assert history(3) == history(3)
    assert len({tuple(history(seed)) for seed in range(4)}) == 4
