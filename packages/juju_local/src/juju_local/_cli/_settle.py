"""Lets the engine run after a change, shows its progress, and tells how it ended."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from juju_local import _engine, _status, _store
from juju_local._cli import _output
from juju_local._cli._progress import Progress, elapsed
from juju_local._cli._session import Session
from juju_local._format._text import naturally
from juju_local._machine import Machines
from juju_local._state import Model, Unit


@dataclass(frozen=True)
class Outcome:
    """How a settling ended."""

    hooks: int = 0
    timed_out: bool = False
    machine_errors: Mapping[str, str] = field(default_factory=dict)


def settle(
    session: Session,
    timeout_s: float | None = None,
    until: Callable[[Model], bool] | None = None,
    *,
    everybody: bool = False,
) -> Outcome:
    """Run hooks until nothing is left to do, `until` says enough, or the time is up; not at all with --no-wait.

    A unit that says now that it waits (a paused one, say) and goes on saying so is waited for only with `everybody`.
    """
    if session.no_wait:
        return Outcome()
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    patience = _engine.SETTLE_LIMIT_S if session.patience is None else session.patience
    before = session.look().units.values()
    units = {unit.name: unit.agent.started for unit in before}
    shown_before = {} if everybody else {u.name: (u.workload.current, u.workload.message) for u in before}
    shown = Progress(session.quiet, session.verbose, units)
    with closing(session.database()) as database, shown.shown():
        engine = _engine.Engine(
            database,
            session.folder,
            store=_store.of_model(session.folder, database.read().settings.store),
            seed=session.seed,
            cores=session.cores,
            progress=shown,
            settle_limit_s=patience if timeout_s is None else min(patience, timeout_s),
            tolerated=shown_before,
        )
        settled = engine.settle(_enough(until, deadline))
    if settled.interrupted:
        raise KeyboardInterrupt
    for machine, reason in settled.machine_errors.items():
        _output.error(f'machine {machine} cannot be started: {reason}', '`juju-local wait` tries again')
    late = deadline is not None and time.monotonic() >= deadline
    return Outcome(shown.hooks, late, settled.machine_errors)


def _enough(until: Callable[[Model], bool] | None, deadline: float | None) -> Callable[[Model], bool] | None:
    if until is None and deadline is None:
        return None

    def enough(model: Model) -> bool:
        return (until is not None and until(model)) or (deadline is not None and time.monotonic() >= deadline)

    return enough


def report(session: Session, outcome: Outcome, form: str, *, what: str = '', began: float | None = None) -> int:
    """Write what there is now and which units are not active, and why; return 1 if a unit is in error."""
    model = session.look()
    idle = [unit for unit in _units(model) if _status.workload(unit).current != 'active']
    failed = [unit for unit in idle if _status.workload(unit).current == 'error']
    if form != 'plain':
        _output.result(_output.FORMATTERS[form](_summary(model, outcome, began)))
    elif session.no_wait:
        session.say('recorded; `juju-local wait` runs what is due')
    else:
        _tell(model, idle, what, began)
    if outcome.timed_out:
        _output.error(
            'timed out: the model is not settled yet',
            '`juju-local wait` goes on, `juju-local status` shows how far it is',
        )
    if failed:
        log = f'juju-local debug-log --replay -i {failed[0].name} -l WARNING'
        remedy = f'`{log}` shows why, `juju-local resolved` tries again'
        _output.error(f'in error: {", ".join(unit.name for unit in failed)}', remedy)
    return 1 if failed or outcome.timed_out or outcome.machine_errors else 0


def _units(model: Model) -> list[Unit]:
    return [model.units[name] for name in naturally(model.units)]


def _tell(model: Model, idle: list[Unit], what: str, began: float | None) -> None:
    took = f' in {elapsed(time.monotonic() - began)}' if began is not None else ''
    counts = f'{_count(len(model.applications), "application")}, {_count(len(model.units), "unit")}'
    active = len(model.units) - len(idle)
    _output.result(f'{what + ": " if what else ""}{counts}, {active} active{took}\n')
    for unit in idle:
        shown = _status.workload(unit)
        _output.result(f'  {unit.name} is {shown.current}{": " if shown.message else ""}{shown.message}\n')


def _states(unit: Unit) -> dict[str, str]:
    workload, agent = _status.workload(unit), _status.agent(unit)
    return {'workload': workload.current, 'message': workload.message, 'agent': agent.current}


def _count(number: int, noun: str) -> str:
    return f'{number} {noun}{"" if number == 1 else "s"}'


def _summary(model: Model, outcome: Outcome, began: float | None) -> dict[str, object]:
    units = {unit.name: _states(unit) for unit in _units(model)}
    took = {'seconds': round(time.monotonic() - began, 1)} if began is not None else {}
    return {
        'model': model.settings.name,
        'units': units,
        'hooks': outcome.hooks,
        'timed-out': outcome.timed_out,
        **took,
    }


def machines(session: Session) -> Machines:
    return Machines(session.folder, _store.of_model(session.folder, session.look().settings.store))


def machines_to_end(session: Session) -> Machines:
    """Return the machines for ending them, which takes no store: theirs may be gone."""
    try:
        return machines(session)
    except _store.StoreError:
        return Machines(session.folder, _store.find(_store.STAND_INS))


@contextmanager
def alone(session: Session) -> Iterator[None]:
    """Keep engines out of the model for the time of the block, after the one that runs has let go."""
    with (session.folder / 'engine.lock').open('a') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
