"""`deploy`: a bundle, or one charm."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from juju_local import _bundle, _charm, _plan, _store
from juju_local._cli import _charms, _deploy_bundle, _settle, _supplies
from juju_local._cli._changes import note_placement
from juju_local._cli._session import Session
from juju_local._cli._verb import verb
from juju_local._errors import Refused


@verb('deploy', runs=True)
@click.argument('what', metavar='CHARM-OR-BUNDLE')
@click.argument('application', default='')
@click.option('-n', '--num-units', type=click.IntRange(0), help='How many units (default 1).')
@click.option(
    '--config', 'settings', multiple=True, metavar='KEY=VALUE|FILE', help='An option, or a YAML file of options.'
)
@click.option('--resource', 'resources', multiple=True, metavar='NAME=FILE', help='A file for a resource of the charm.')
@click.option(
    '--constraints', default='', metavar='"KEY=VALUE ..."', help='What its machines must have, e.g. gpus=nvidia.'
)
@click.option('--overlay', 'overlays', multiple=True, metavar='FILE', help='A bundle to lay over the bundle.')
@click.option('--trust', is_flag=True, help="Let the application use this model's credentials.")
@click.option('--repository', 'places', multiple=True, metavar='DIR', help='Where names are looked up.')
@click.option('--series', default='', help='Series of its machines (they all look like jammy).')
@click.option('--base', default='', help='Accepted: the spelling of --series in juju 3.')
@click.option('--channel', default='', help='Ignored: there is no charm store here.')
@click.option('--revision', default='', help='Ignored: there is no charm store here.')
@click.option('--to', default='', help='Ignored: every principal unit gets a machine of its own.')
@click.option('--force', is_flag=True, help='Accepted.')
@click.option(
    '--store',
    default='',
    envvar='JUJU_LOCAL_STORE',
    metavar='NAME|DIR',
    help='The store of a new model: stand-ins (default), real, or a folder.',
)
@click.option('--dry-run', is_flag=True, help='Say what a bundle would change, and change nothing.')
@click.option(
    '--format', 'form', type=click.Choice(['plain', 'json', 'yaml']), default='plain', help='Form of the output.'
)
def deploy(
    session: Session,
    what: str,
    application: str,
    num_units: int | None,
    settings: Sequence[str],
    resources: Sequence[str],
    constraints: str,
    overlays: Sequence[str],
    trust: bool,
    places: Sequence[str],
    series: str,
    base: str,  # noqa: ARG001
    channel: str,
    revision: str,
    to: str,
    force: bool,  # noqa: ARG001
    store: str,
    dry_run: bool,
    form: str,
) -> int:
    """Deploy a charm or a bundle: a path, or a name that is looked up on this machine."""
    began = time.monotonic()
    if store:
        session = _with_store(session, store)
    note_placement(session, to)
    for option, value in (('--channel', channel), ('--revision', revision)):
        if value:
            session.say(f'{option} {value} is ignored: there is no charm store here')
    path = _charms.locate(what, _charms.repositories(places))
    if path.is_file():
        alone = {'-n': num_units, '--config': settings, '--resource': resources, '--constraints': constraints}
        used = [option for option, value in alone.items() if value]
        if used:
            raise click.UsageError(f'options provided but not supported when deploying a bundle: {", ".join(used)}')
        if application:
            raise click.UsageError('a bundle has no application name of its own: name a charm, or leave it out')
        label = _deploy_bundle.deploy(session, path, [Path(each) for each in overlays], trust=trust, dry_run=dry_run)
    else:
        if overlays or dry_run:
            raise click.UsageError('--overlay and --dry-run are for bundles')
        found = _bundle.constraints(constraints)
        label = _Single(path, application, num_units, settings, resources, found, trust, series).deploy(session)
    if dry_run:
        return 0
    return _settle.report(session, _settle.settle(session, everybody=True), form, what=label, began=began)


def _with_store(session: Session, store: str) -> Session:
    """Return the session with the store of a new model; a model that is there keeps its own."""
    known = store in (_store.STAND_INS, _store.REAL)
    name = store if known else str(Path(store).resolve())
    _store.read(_store.find(name))
    kept = session.look().settings.store if session.exists() else name
    if kept != name:
        raise Refused(
            f'model {session.folder.name} has its programs from the store {kept}, not from {name}',
            f'`juju-local -m NAME deploy` makes another; `juju-local destroy-model {session.folder.name}` ends it',
        )
    return session.chosen(store=name)


@dataclass(frozen=True)
class _Single:
    """One charm and what the command line says about it."""

    path: Path
    application: str  # '' is the charm's own name
    units: int | None
    settings: Sequence[str]
    resources: Sequence[str]
    constraints: Mapping[str, str]
    trust: bool
    series: str

    def deploy(self, session: Session) -> str:
        """Make the application; return its name."""
        charm = _charm.load(self.path)
        name = self.application or charm.name
        options = _supplies.config_options(self.settings, name)
        files = _supplies.resource_files(charm, self.resources)
        with session.make() as model:
            stored = _supplies.added(session, model, self.path, charm)
            _plan.deploy(
                model,
                name,
                stored.url,
                time.time(),
                units=self.units,
                config=options,
                constraints=self.constraints,
                resources={key: _supplies.store(session, model, name, key, path) for key, path in files.items()},
                trust=self.trust,
                series=self.series,
            )
        session.say(f'Deploying "{name}" from local charm "{charm.name}", revision {stored.revision}')
        return name
