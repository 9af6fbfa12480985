"""Who goes first: an order that Juju may take, and in which few hooks are needed."""

from __future__ import annotations

import pytest
from juju_local import _order, _plan, _resolver
from juju_local._order import Urgency
from juju_local._state import Endpoint
from simulation import Run, Simulation, charm

CA = charm('ca', Endpoint('clients', 'provider', 'tls'))
WEB = charm('web', Endpoint('ca', 'requirer', 'tls'))


def sign(run: Run) -> None:
    """Answer each client under a key of its own in the one bag that all of them read, as easyrsa does."""
    hook = run.context.hook
    if hook is not None and hook.remote_unit and run.json('relation-get', '-'):
        run.tool('relation-set', f'{hook.remote_unit.replace("/", "-")}=signed')


def ask(run: Run) -> None:
    if run.hook == 'ca-relation-joined':
        run.tool('relation-set', 'request=mine')


def deployed(seed: int, webs: int) -> Simulation:
    simulation = Simulation(seed=seed, bodies={'ca': sign, 'web': ask})
    simulation.deploy('ca', CA)
    simulation.deploy('web', WEB, webs)
    _plan.relate(simulation.model, 'web', 'ca', simulation.now)
    return simulation


def run_in_order(simulation: Simulation, slots: int) -> None:
    """Do what the engine does: fill the slots, end one, choose anew."""
    while True:
        busy = {simulation.model.units[name].machine for name in simulation.flying}
        free = set(simulation.model.machines) - busy
        names = sorted(simulation.model.units)
        simulation.random.shuffle(names)
        simulation.now += 1
        for operation in _order.chosen(
            simulation.model, names, free, slots - len(simulation.flying), simulation.now, busy=bool(simulation.flying)
        ):
            simulation.begin(operation)
        if not simulation.flying:
            return
        simulation.end(simulation.random.choice(sorted(simulation.flying)))


def heard(simulation: Simulation) -> int:
    return sum(ran.name == 'ca-relation-changed' for ran in simulation.history)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('slots', [1, 2, 4])
def test_who_is_one_of_many_hears_of_all_answers_at_once(seed, slots):
    simulation = deployed(seed, webs=8)
    run_in_order(simulation, slots)
    (bag,) = (bag for (_, owner), bag in simulation.model.bags.items() if owner == 'ca/0')
    assert {f'web-{number}' for number in range(8)} <= set(bag.data)
    assert heard(simulation) <= 8 + slots  # in any order that Juju may take it can be 8 * 8


def test_the_same_model_in_a_drawn_order_ends_in_the_same_state():
    orderly, drawn = deployed(1, webs=4), deployed(1, webs=4)
    run_in_order(orderly, 2)
    drawn.settle()
    assert {key: bag.data for key, bag in orderly.model.bags.items()} == {
        key: bag.data for key, bag in drawn.model.bags.items()
    }
    assert heard(orderly) <= heard(drawn)


def changed_of_a_web(simulation: Simulation) -> _resolver.Operation:
    """Go on until a client is to hear from the CA."""
    while True:
        for name in ('web/0', 'web/1'):
            operation = None
            if name not in simulation.flying:
                operation = _resolver.next_operation(simulation.model, name, simulation.now)
            if operation is not None and operation.hook and operation.hook.kind == 'relation-changed':
                return operation
        assert simulation.step()


def test_nobody_waits_for_a_hook_that_failed_or_takes_long():
    simulation = deployed(3, webs=2)
    operation = changed_of_a_web(simulation)
    model, ca = simulation.model, simulation.model.units['ca/0']
    for name in sorted(simulation.flying):
        simulation.end(name)
    following = _resolver.next_operation(model, 'ca/0', simulation.now)
    assert following is not None
    now = simulation.now
    assert _order.urgency(model, operation, set(model.machines), now) is Urgency.PREMATURE
    assert _order.urgency(model, operation, set(), now) is Urgency.NEWS, "the CA's machine is down"
    _resolver.begin(model, following, now)
    assert _order.urgency(model, operation, set(), now + 1) is Urgency.PREMATURE
    assert _order.urgency(model, operation, set(), now + _order.PATIENCE_S) is Urgency.NEWS
    _resolver.fail(model, following, 'exit status 1', now)
    assert ca.agent.failed
    assert _order.urgency(model, operation, set(), now) is Urgency.NEWS


def test_who_is_heard_by_many_never_waits_for_one_of_them():
    simulation = deployed(3, webs=3)
    while True:
        operation = None
        if 'ca/0' not in simulation.flying:
            operation = _resolver.next_operation(simulation.model, 'ca/0', simulation.now)
        if operation is not None and operation.hook and operation.hook.kind == 'relation-changed':
            break
        assert simulation.step()
    assert _order.urgency(simulation.model, operation, set(simulation.model.machines), simulation.now) is Urgency.NOW


def test_a_machine_gets_one_operation_at_a_time():
    simulation = deployed(0, webs=3)
    free = set(simulation.model.machines)
    for take in (_order.drawn, lambda *arguments: _order.chosen(*arguments, busy=False)):
        operations = take(simulation.model, sorted(simulation.model.units), free, 3, simulation.now)
        assert len({simulation.model.units[operation.unit].machine for operation in operations}) == 3
