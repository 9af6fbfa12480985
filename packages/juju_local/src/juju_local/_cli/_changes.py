"""Verbs that change what there is: units, relations, exposure, leadership, errors."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from juju_local import _plan
from juju_local._cli import _arguments, _settle
from juju_local._cli._session import Session
from juju_local._cli._verb import verb
from juju_local._errors import Refused
from juju_local._format._text import naturally
from juju_local._state import Model


@verb('add-unit', runs=True)
@click.argument('application')
@click.option('-n', '--num-units', type=click.IntRange(1), default=1, help='How many units to add.')
@click.option('--to', default='', help='Ignored: every unit gets a machine of its own.')
def add_unit(session: Session, application: str, num_units: int, to: str) -> None:
    """Add units to a deployed application."""
    note_placement(session, to)
    with session.change() as model:
        _plan.add_unit(model, application, time.time(), count=num_units)
    _settle.settle(session)


def note_placement(session: Session, to: str) -> None:
    if to:
        session.say(f'--to {to} is ignored: every principal unit gets a machine of its own')


@verb('remove-unit', runs=True)
@click.argument('units', nargs=-1, required=True)
@click.option('--force', is_flag=True, help='Remove also units in error, skipping their failed hooks.')
@click.option('--no-prompt', '-y', is_flag=True, help='Accepted for juju 3: nothing is asked here.')
@click.option('--destroy-storage', is_flag=True, help='Accepted: there is no storage.')
def remove_unit(session: Session, units: Sequence[str], force: bool, no_prompt: bool, destroy_storage: bool) -> None:  # noqa: ARG001
    """Remove units; their hooks run to the end first."""
    check_units(units)
    with session.change() as model:
        for unit in units:
            _plan.remove_unit(model, unit, time.time())
            session.say(f'removing unit {unit}')
    _settle_removal(session, units if force else ())


def check_units(units: Sequence[str]) -> None:
    wrong = [unit for unit in units if not _arguments.UNIT.match(unit)]
    if wrong:
        raise click.UsageError(f'invalid unit name {wrong[0]!r}: write APPLICATION/NUMBER, e.g. mysql/0')


@verb('remove-application', runs=True)
@click.argument('applications', nargs=-1, required=True)
@click.option('--force', is_flag=True, help='Remove also units in error, skipping their failed hooks.')
@click.option('--no-prompt', '-y', is_flag=True, help='Accepted for juju 3: nothing is asked here.')
@click.option('--destroy-storage', is_flag=True, help='Accepted: there is no storage.')
def remove_application(
    session: Session,
    applications: Sequence[str],
    force: bool,
    no_prompt: bool,  # noqa: ARG001
    destroy_storage: bool,  # noqa: ARG001
) -> None:
    """Remove applications with their units and relations."""
    removed: list[str] = []
    with session.change() as model:
        for app in applications:
            _plan.application(model, app)
            units = [unit.name for unit in model.units_of(app)]
            session.say('\n'.join([f'removing application {app}', *(f'- will remove unit {unit}' for unit in units)]))
            _plan.remove_application(model, app, time.time())
            removed += units
    _settle_removal(session, removed if force else ())


@verb('add-relation', 'integrate', 'relate', runs=True)
@click.argument('endpoints', nargs=2, metavar='APP[:ENDPOINT] APP[:ENDPOINT]')
def add_relation(session: Session, endpoints: tuple[str, str]) -> None:
    """Relate two applications."""
    with session.change() as model:
        _plan.relate(model, *endpoints, time.time())
    _settle.settle(session)


@verb('remove-relation', runs=True)
@click.argument('endpoints', nargs=-1, required=True, metavar='APP[:ENDPOINT] APP[:ENDPOINT] | RELATION-ID')
@click.option('--force', is_flag=True, help='Accepted.')
def remove_relation(session: Session, endpoints: Sequence[str], force: bool) -> None:  # noqa: ARG001
    """Remove the relation between two applications."""
    with session.change() as model:
        for pair in _pairs(model, endpoints):
            _plan.remove_relation(model, *pair, time.time())
    _settle.settle(session)


def _pairs(model: Model, words: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of endpoints meant: two ends, or relation ids."""
    if all(word.isdigit() for word in words):
        return [_by_id(model, int(word)) for word in words]
    if len(words) != 2:
        raise click.UsageError('a relation must involve two applications')
    return [(words[0], words[1])]


def _by_id(model: Model, number: int) -> tuple[str, str]:
    relation = model.relations.get(number)
    if relation is None or len(relation.ends) != 2:
        raise Refused(f'relation {number} not found', '`juju-local show-unit UNIT` tells the ids of its relations')
    first, last = (f'{end.app}:{end.endpoint}' for end in relation.ends)
    return first, last


@verb('expose', runs=True)
@click.argument('application')
@click.option('--endpoints', default='', help='Accepted: the whole application is exposed.')
def expose(session: Session, application: str, endpoints: str) -> None:  # noqa: ARG001
    """Make an application's open ports available to the outside."""
    _expose(session, application, exposed=True)


@verb('unexpose', runs=True)
@click.argument('application')
@click.option('--endpoints', default='', help='Accepted: the whole application is meant.')
def unexpose(session: Session, application: str, endpoints: str) -> None:  # noqa: ARG001
    """Take the availability to the outside back."""
    _expose(session, application, exposed=False)


def _expose(session: Session, application: str, *, exposed: bool) -> None:
    with session.change() as model:
        (_plan.expose if exposed else _plan.unexpose)(model, application)
    _settle.settle(session)


@verb('resolved', 'resolve', runs=True)
@click.argument('units', nargs=-1)
@click.option('--no-retry', is_flag=True, help='Go on as if the failed hook had succeeded.')
@click.option('--all', 'everyone', is_flag=True, help='All units in error.')
def resolved(session: Session, units: Sequence[str], no_retry: bool, everyone: bool) -> None:
    """Mark the error of units as resolved: their failed hooks run again, or are skipped."""
    if everyone == bool(units):
        raise click.UsageError('specify unit names or --all' + (', not both' if units else ''))
    check_units(units)
    with session.change() as model:
        found = list(units) or naturally(unit.name for unit in model.units.values() if unit.agent.failed)
        for unit in found:
            _plan.resolved(model, unit, time.time(), no_retry=no_retry)
    _settle.settle(session)


def _settle_removal(session: Session, forced: Sequence[str]) -> None:
    """Let units go; those in `forced` (and their subordinates) go on past each hook that fails."""
    _skip_errors(session, forced)
    _settle.settle(session)
    while not session.no_wait and _skip_errors(session, forced):
        _settle.settle(session)


def _skip_errors(session: Session, units: Sequence[str]) -> bool:
    """Skip the failed hooks of dying units; tell whether there were any."""
    with session.change() as model:
        stuck = [
            unit.name
            for unit in model.units.values()
            if unit.agent.failed and unit.life != 'alive' and (unit.principal or unit.name) in units
        ]
        for name in stuck:
            _plan.resolved(model, name, time.time(), no_retry=True)
    return bool(stuck)


@verb('set-leader', runs=True)
@click.argument('application')
@click.argument('unit')
def set_leader(session: Session, application: str, unit: str) -> None:
    """Move an application's leadership to UNIT (juju itself has no such verb: it decides by leases)."""
    check_units([unit])
    with session.change() as model:
        if unit not in [mate.name for mate in model.units_of(_plan.application(model, application).name)]:
            raise Refused(f'unit "{unit}" is no unit of application "{application}"', 'name one of its own units')
        _plan.set_leader(model, unit)
    _settle.settle(session)


@verb('update-status', runs=True)
@click.argument('units', nargs=-1, required=True)
def update_status(session: Session, units: Sequence[str]) -> None:
    """Let the update-status hook of UNITS (or of all units of an application) run now."""
    with session.change() as model:
        _plan.tick(model, [name for word in units for name in units_meant(model, word)])
    _settle.settle(session)


def units_meant(model: Model, word: str) -> list[str]:
    """Return the units that `app/0`, `app/leader` or `app` stand for."""
    if '/' not in word:
        return [unit.name for unit in model.units_of(_plan.application(model, word).name)]
    if not _arguments.TARGET.match(word):
        raise click.UsageError(f'invalid unit name {word!r}: write APPLICATION/NUMBER or APPLICATION/leader')
    return [_plan.unit(model, word).name]


@verb('wait', runs=True)
@click.option('--timeout', default='', metavar='DURATION', help='Give up after this long.')
@click.option(
    '--format', 'form', type=click.Choice(['plain', 'json', 'yaml']), default='plain', help='Form of the output.'
)
def wait(session: Session, timeout: str, form: str) -> int:
    """Run what is due until the model is settled: nothing to do that does not wait for somebody."""
    limit = _arguments.duration(timeout) if timeout else None
    return _settle.report(session, _settle.settle(session, timeout_s=limit, everybody=True), form)
