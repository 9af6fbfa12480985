"""Verbs that replace what an application was made of: upgrade-charm (refresh) and attach-resource."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from juju_local import _charm, _plan
from juju_local._cli import _arguments, _charms, _settle
from juju_local._cli._session import Session
from juju_local._cli._supplies import added, config_options, resource_files, store
from juju_local._cli._verb import verb
from juju_local._errors import Refused


@verb('upgrade-charm', 'refresh', runs=True)
@click.argument('application')
@click.option('--path', default='', metavar='DIR', help='The built charm; without it the name is looked up again.')
@click.option('--switch', default='', metavar='CHARM', help='Another charm: a path or a name.')
@click.option('--resource', 'resources', multiple=True, metavar='NAME=FILE', help='A file for a resource of the charm.')
@click.option(
    '--config', 'settings', multiple=True, metavar='KEY=VALUE|FILE', help='An option, or a YAML file of options.'
)
@click.option('--repository', 'places', multiple=True, metavar='DIR', help='Where names are looked up.')
@click.option('--force', '--force-units', '--force-series', is_flag=True, help='Also units whose hook failed.')
def upgrade_charm(
    session: Session,
    application: str,
    path: str,
    switch: str,
    resources: Sequence[str],
    settings: Sequence[str],
    places: Sequence[str],
    force: bool,
) -> None:
    """Move an application to a newer charm; its units run upgrade-charm."""
    if path and switch:
        raise click.UsageError('--switch and --path are mutually exclusive')
    with session.change() as model:
        app = _plan.application(model, application)
        old = model.charm_of(application)
        source = _charms.locate(_as_path(path) or switch or old.name, _charms.repositories(places))
        charm = _charm.load(source)
        if charm.name != old.name and not switch:
            remedy = '--switch moves an application to another charm'
            raise Refused(f'cannot upgrade "{application}" ({old.name}) to charm "{charm.name}"', remedy)
        files = resource_files(charm, resources)
        stored = added(session, model, source, charm)
        if stored.url == app.charm_url and not files and not settings:
            session.say(f'charm "{charm.name}": already up-to-date')
            return
        if stored.url != app.charm_url:
            _plan.upgrade_charm(model, application, stored.url, time.time(), force_units=force)
            session.say(f'Added charm "{stored.url}" to the model.')
        for name, file in files.items():
            _plan.attach_resource(model, application, name, store(session, model, application, name, file))
        _plan.set_config(model, application, config_options(settings, application))
    _settle.settle(session)


def _as_path(path: str) -> str:
    """Return a --path so that it is never taken for a name."""
    return str(Path(path).expanduser().resolve()) if path else ''


@verb('attach-resource', 'attach', runs=True)
@click.argument('application')
@click.argument('words', nargs=-1, required=True, metavar='NAME=FILE')
def attach_resource(session: Session, application: str, words: Sequence[str]) -> None:
    """Supply a file to an application; its units run upgrade-charm."""
    if len(words) != 1 or '=' not in words[0]:
        raise click.UsageError('expected one name=file' if words else 'missing resource')
    _arguments.pairs(words, str)
    with session.change() as model:
        _plan.application(model, application)
        for name, file in resource_files(model.charm_of(application), words).items():
            _plan.attach_resource(model, application, name, store(session, model, application, name, file))
    _settle.settle(session)
