"""Verbs about whole models: models, show-model, destroy-model, store info."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from juju_local import _store
from juju_local._cli import _output, _settle
from juju_local._cli._session import Session
from juju_local._cli._show import view
from juju_local._cli._verb import verb
from juju_local._errors import Refused
from juju_local._format import _entities
from juju_local._format._table import table
from juju_local._state import Model


@verb('models', 'list-models')
@_output.formatted('tabular', 'yaml', 'json', default='tabular')
def models(session: Session, form: str, output: str) -> None:
    """List the models of this user."""
    names = sorted(path.parent.name for path in session.data.glob('*/model.db'))
    found = {name: session.chosen(model=name).look() for name in names}
    if form != 'tabular':
        rows = [_row(name, model) for name, model in found.items()]
        _output.write(_output.FORMATTERS[form]({'models': rows, 'current-model': session.folder.name}), output)
    elif not names:
        session.say('there are no models; `juju-local deploy` makes one')
    else:
        cells = [
            [
                name + ('*' if name == session.folder.name else ''),
                f'{model.settings.cloud}/{model.settings.store}',
                'available',
                str(len(model.machines)),
                str(len(model.units)),
            ]
            for name, model in found.items()
        ]
        header = ('Model', 'Cloud/Store', 'Status', 'Machines', 'Units')
        _output.write('Controller: juju-local\n\n' + table(header, cells, right=(3, 4)), output)


def _row(name: str, model: Model) -> dict[str, object]:
    counts = {'machine-count': len(model.machines), 'unit-count': len(model.units)}
    return {'name': f'admin/{name}', 'short-name': name, 'model-uuid': model.settings.uuid, **counts}


@verb('show-model')
@click.argument('name', default='')
@_output.formatted('yaml', 'json', default='yaml')
def show_model(session: Session, name: str, form: str, output: str) -> None:
    """Show a model."""
    model = (session.chosen(model=name) if name else session).look()
    _output.write(_output.FORMATTERS[form](_entities.show_model(model, view(utc=False))), output)


@verb('destroy-model')
@click.argument('name', default='')
@click.option('-y', '--yes', '--no-prompt', is_flag=True, help='Do not ask.')
@click.option('--force', is_flag=True, help='Accepted: hooks never stand in the way here.')
@click.option('--destroy-storage', is_flag=True, help='Accepted: there is no storage.')
def destroy_model(session: Session, name: str, yes: bool, force: bool, destroy_storage: bool) -> None:  # noqa: ARG001
    """End all machines of a model and delete it, without a trace and without running hooks."""
    session = session.chosen(model=name) if name else session
    if not session.folder.is_dir():
        if not yes:
            raise Refused(f'model {session.folder.name} not found', '`juju-local models` lists them')
        session.say(f'model {session.folder.name} not found: nothing to do')
        return
    if not yes:
        _ask(session)
    with _settle.alone(session):
        _settle.machines_to_end(session).destroy()
        shutil.rmtree(session.folder)
    for folder in (session.data, session.data.parent):
        if folder.is_dir() and not any(folder.iterdir()) and folder.name == 'juju-local':
            folder.rmdir()
    session.say(f'Model destroyed: {session.folder.name}')


def _ask(session: Session) -> None:
    """Ask on a terminal as juju does; refuse where nobody can answer."""
    model = session.look()
    if not sys.stdin.isatty():
        raise Refused('destroy-model asks before it deletes, and there is no terminal to ask on', 'say --yes')
    session.say(
        f'WARNING! This command will destroy the "{session.folder.name}" model and affect:\n'
        f'  - {len(model.machines)} machines will be destroyed\n'
        f'  - {len(model.applications)} applications will be removed\n'
    )
    if not click.confirm('Continue', err=True):
        raise Refused('model destruction aborted', 'nothing was changed')


@verb('store')
@click.argument('what', type=click.Choice(['info', 'build']), default='info')
@click.option('--keep', is_flag=True, help='build: leave source and build cache of Kubernetes (3.5 GiB) in place.')
@click.option('--refresh', is_flag=True, help='build: anew, from what Debian has now.')
@_output.formatted('yaml', 'json', default='yaml')
def store(session: Session, what: str, keep: bool, refresh: bool, form: str, output: str) -> None:
    """Tell of the store that this model's programs come from, or build the one of real software."""
    if what == 'build':
        from juju_local import _real_store

        session.say(f'the store of real software is in {_real_store.build(session.say, keep=keep, refresh=refresh)}')
        return
    found = _store.read(_store.of_model(session.folder, session.look().settings.store))
    tree = {
        'name': found.name,
        'directory': str(found.directory),
        'programs': dict(sorted(found.programs.items())),
        'snaps': _snaps(found.directory / 'snaps'),
    }
    _output.write(_output.FORMATTERS[form](tree), output)


def _snaps(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob('*/snap.json'))
