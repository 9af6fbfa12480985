"""Units: add, remove, get out of error."""

from __future__ import annotations

from juju_local import _commit, _life, _network, _units
from juju_local._errors import Refused
from juju_local._plan import _find
from juju_local._state import Application, Hook, Machine, Model, Status, Unit


def add_unit(model: Model, app: str, now: float, *, count: int = 1) -> list[Unit]:
    """Add units, each on a new machine that heeds the application's constraints."""
    application = _find.application(model, app)
    if model.charm_of(app).subordinate:
        raise Refused(
            f'cannot add unit to subordinate application "{app}"', 'its units come and go with those of its principals'
        )
    if application.life != 'alive':
        raise Refused(f'cannot add unit to application "{app}": application is being removed')
    if count < 1:
        raise Refused(f'cannot add {count} units to application "{app}": expected 1 or more')
    units = []
    for _ in range(count):
        machine = _add_machine(model, application, now)
        units.append(_units.create(model, application, now, machine=machine.id))
    return units


def remove_unit(model: Model, name: str, now: float) -> None:
    """Let a unit die, with its subordinates; twice is no error."""
    unit = _find.unit(model, name)
    if unit.principal:
        raise Refused(f'cannot remove unit "{name}": unit is a subordinate', 'remove its relation to the principal')
    _life.destroy_unit(model, unit)
    _life.settle(model, now)


def resolved(model: Model, name: str, now: float, *, no_retry: bool = False) -> None:
    """Have the failed hook of a unit run again at once, or (`no_retry`) count as done."""
    unit = _find.unit(model, name)
    agent = unit.agent
    if agent.pending is None or not agent.failed:
        raise Refused(f'unit "{name}" is not in an error state')
    if not no_retry:
        agent.resolved, agent.retries = 'retry', 0
        model.touch('unit', name)
        return
    agent.pending.config_hash = ''  # what was skipped is the configuration of now
    unit.agent_status = Status('idle', since=now)
    _commit.hook(model, unit, now)


def rebooted(model: Model, machine: str) -> None:
    """Note that the reboot of a machine is done: the start hook of its started units runs again (Juju 2.8)."""
    for unit in model.units.values():
        if unit.machine == machine:
            unit.agent.reboot = False
            start = Hook('start', 'start')
            if unit.agent.started and not unit.agent.stopped and start not in unit.agent.queue:
                unit.agent.queue.append(start)
            model.touch('unit', unit.name)


def _add_machine(model: Model, app: Application, now: float) -> Machine:
    number = str(model.settings.next_machine)
    model.settings.next_machine += 1
    model.touch('settings')
    hostname = f'juju-{model.settings.uuid.replace("-", "")[-6:] or "000000"}-{number}'
    machine = Machine(number, app.series, hostname, _network.address(number), status=Status('pending', since=now))
    machine.gpus = [gpu for gpu in app.constraints.get('gpus', '').split(',') if gpu]
    model.machines[number] = machine
    model.touch('machine', number)
    return machine
