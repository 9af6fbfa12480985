"""Verbs that only look: status, show-unit, show-application, resources, models, show-model, export-bundle."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
from collections.abc import Sequence

import click

from juju_local import _bundle_changes, _plan
from juju_local._cli import _arguments, _output
from juju_local._cli._session import Session
from juju_local._cli._verb import verb
from juju_local._format import _entities, _select, _status, _tabular, _text
from juju_local._state import Model

STATUS_FORMS = ('tabular', 'yaml', 'json', 'line', 'short', 'oneline', 'summary')
ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64', 'i686': 'i386'}
CLEAR = '\x1b[2J\x1b[H'


def view(utc: bool) -> _status.View:
    machine = platform.machine()
    hardware = f'arch={ARCHITECTURES.get(machine, machine)} cores={os.cpu_count() or 1}'
    return _status.View(time.time(), utc or bool(os.environ.get('JUJU_STATUS_ISO_TIME')), hardware)


@verb('status', 'show-status')
@click.argument('patterns', nargs=-1)
@_output.formatted('tabular', 'yaml', 'json', 'line', 'short', 'oneline', default='tabular')
@click.option('--relations', is_flag=True, help='Show the relations section.')
@click.option('--storage', is_flag=True, help='Show the storage section (there is never any).')
@click.option('--color/--no-color', 'colour', default=None, help='Colour the tables (default: on a terminal).')
@click.option('--utc', is_flag=True, help='Show times in UTC.')
@click.option('--watch', metavar='DURATION', help='Show it anew each DURATION (e.g. 2s) until interrupted.')
def status(
    session: Session,
    patterns: Sequence[str],
    form: str,
    output: str,
    relations: bool,
    storage: bool,  # noqa: ARG001  accepted: there is never any
    colour: bool | None,
    utc: bool,
    watch: str | None,
) -> None:
    """Report the model, its machines, applications and units; PATTERNS leave only what they match."""

    def shown() -> str:
        return _shown(session.look(), patterns, form, relations, _output.wants_colour(colour and not output), utc)

    if watch is None:
        _output.write(shown(), output)
        _warn_if_empty(session, patterns, form)
        return
    pause = max(_arguments.duration(watch), 0.2)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            _output.result((CLEAR if sys.stdout.isatty() else '') + shown())
            time.sleep(pause)


def _shown(model: Model, patterns: Sequence[str], form: str, relations: bool, colour: bool, utc: bool) -> str:
    keep = _select.select(model, patterns)
    tree = _status.status(model, view(utc), keep)
    if form in _output.FORMATTERS:
        return _output.FORMATTERS[form](tree)
    if form != 'tabular':
        return _tabular.oneline(tree)
    return _tabular.tabular(tree, _status.relations(model, keep) if relations else (), colour=colour)


def _warn_if_empty(session: Session, patterns: Sequence[str], form: str) -> None:
    model = session.look()
    if form == 'tabular' and not model.applications and not model.machines:
        settings = model.settings
        session.say(f'\nModel "{settings.controller}:admin/{settings.name}" is empty.')
    elif patterns and not _select.select(model, patterns):
        session.say(f'Nothing matched specified filter{"s" if len(patterns) > 1 else ""}.')


@verb('show-unit')
@click.argument('units', nargs=-1, required=True)
@_output.formatted('yaml', 'json', default='yaml')
@click.option('--endpoint', default='', help='Only the relations of this endpoint.')
@click.option('--related-unit', default='', help='Only the data of this related unit.')
@click.option('--app', 'app_only', is_flag=True, help="Only the applications' relation data.")
def show_unit(
    session: Session, units: Sequence[str], form: str, output: str, endpoint: str, related_unit: str, app_only: bool
) -> None:
    """Display a unit with what it and its related units told each other."""
    model = session.look()
    found = {}
    for name in units:
        _plan.unit(model, name)
        found[name] = _entities.show_unit(model, name, endpoint=endpoint, related_unit=related_unit, app_only=app_only)
    _output.write(_output.FORMATTERS[form](found), output)


@verb('show-application')
@click.argument('applications', nargs=-1, required=True)
@_output.formatted('yaml', 'json', default='yaml')
def show_application(session: Session, applications: Sequence[str], form: str, output: str) -> None:
    """Display an application."""
    model = session.look()
    for name in applications:
        _plan.application(model, name)
    found = {name: _entities.show_application(model, name) for name in applications}
    _output.write(_output.FORMATTERS[form](found), output)


@verb('resources', 'list-resources', 'charm-resources')
@click.argument('application')
@_output.formatted('tabular', 'yaml', 'json', default='tabular')
def resources(session: Session, application: str, form: str, output: str) -> None:
    """List the resources of an application, and which of them were supplied."""
    model = session.look()
    app = application.partition('/')[0]
    _plan.application(model, app)
    rows = _entities.resources(model, app)
    if form == 'tabular':
        text = _entities.resources_table(rows) if rows else 'No resources to display.\n'
    else:
        text = _output.FORMATTERS[form]({'resources': rows})
    _output.write(text, output)


@verb('export-bundle')
@click.option('--filename', default='', help='Write to this file, not stdout.')
def export_bundle(session: Session, filename: str) -> None:
    """Write the model as a bundle that deploys to the same model."""
    text = _text.to_yaml(_bundle_changes.export(session.look(), session.folder))
    _output.write(text, filename)
    if filename:
        session.say(f'Bundle successfully exported to {filename}')
