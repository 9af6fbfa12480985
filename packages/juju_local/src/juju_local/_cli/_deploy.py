"""`deploy`: a bundle (only its difference to the model), or one charm."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from juju_local import _bundle, _bundle_changes, _charm, _plan
from juju_local._bundle import Bundle
from juju_local._bundle_changes import Change
from juju_local._cli import _arguments, _charms, _files, _settle
from juju_local._cli._changes import note_placement
from juju_local._cli._config import options_in
from juju_local._cli._session import Session
from juju_local._cli._verb import verb
from juju_local._errors import Refused
from juju_local._state import Charm, Model, Resource


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
    dry_run: bool,
    form: str,
) -> int:
    """Deploy a charm or a bundle: a path, or a name that is looked up on this machine."""
    began = time.monotonic()
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
        _deploy_bundle(session, path, [Path(overlay) for overlay in overlays], trust=trust, dry_run=dry_run)
    else:
        if overlays or dry_run:
            raise click.UsageError('--overlay and --dry-run are for bundles')
        wanted = _Single(
            path, application, num_units, settings, resources, _bundle.constraints(constraints), trust, series
        )
        wanted.deploy(session)
    if dry_run:
        return 0
    return _settle.report(session, _settle.settle(session), form, what=path.name, began=began)


class _Single:
    """One charm and what the command line says about it."""

    def __init__(
        self,
        path: Path,
        name: str,
        units: int | None,
        settings: Sequence[str],
        resources: Sequence[str],
        constraints: Mapping[str, str],
        trust: bool,
        series: str,
    ) -> None:
        self.path, self.units, self.constraints, self.trust, self.series = path, units, constraints, trust, series
        self.charm = _charm.load(path)
        self.name = name or self.charm.name
        self.options = config_options(settings, self.name)
        self.resources = resource_files(self.charm, resources)

    def deploy(self, session: Session) -> None:
        with session.make() as model:
            stored = added(session, model, self.path, self.charm)
            given = {
                key: _files.store_resource(session.folder, self.name, key, path, 1)
                for key, path in self.resources.items()
            }
            _plan.deploy(
                model,
                self.name,
                stored.url,
                time.time(),
                units=self.units,
                config=self.options,
                constraints=self.constraints,
                resources=given,
                trust=self.trust,
                series=self.series,
            )
        session.say(f'Deploying "{self.name}" from local charm "{self.charm.name}", revision {stored.revision}')


def added(session: Session, model: Model, path: Path, charm: Charm) -> Charm:
    """Return the charm as this model keeps it; its files are copied unless the model has the very same."""
    url = stored_as(session.folder, model, path, charm)
    if url:
        return model.charms[url]
    stored = _plan.add_charm(model, charm)
    _files.store_charm(path, session.folder / stored.directory)
    return stored


def stored_as(folder: Path, model: Model, path: Path, charm: Charm) -> str:
    """Return the url of the model's charm that has these files, '' if there is none."""
    same = [stored for stored in model.charms.values() if stored.name == charm.name and stored.series == charm.series]
    if not same:
        return ''
    wanted = _files.digest(path)
    newest = sorted(same, key=lambda stored: -stored.revision)
    return next((stored.url for stored in newest if _files.digest(folder / stored.directory) == wanted), '')


def config_options(settings: Sequence[str], application: str) -> dict[str, object]:
    """Return the options of --config, each a key=value, a key=@file or a YAML file."""
    found: dict[str, object] = {}
    for word in settings:
        found |= _arguments.pairs([word], _arguments.text_of) if '=' in word else options_in(word, application)
    return found


def resource_files(charm: Charm, words: Sequence[str]) -> dict[str, Path]:
    """Return the files of --resource name=path."""
    files = {name: Path(path).expanduser() for name, path in _arguments.pairs(words, lambda path: f'@{path}').items()}
    for name, path in files.items():
        if name not in charm.resources:
            known = ', '.join(sorted(charm.resources)) or 'none'
            raise Refused(f'unrecognized resource "{name}" of charm {charm.name}', f'its resources: {known}')
        _files.fingerprint(path)
    return files


def _deploy_bundle(session: Session, path: Path, overlays: Sequence[Path], *, trust: bool, dry_run: bool) -> None:
    bundle = _bundle.read([path, *overlays])
    for note in bundle.notes:
        session.say(f'note: {note}')
    paths = _charm_paths(bundle, path.parent)
    charms = {name: _charm.load(found) for name, found in paths.items()}
    mistakes = _bundle.check(bundle, charms)
    if mistakes:
        raise _bundle.Mistakes(mistakes)
    if dry_run:
        changes = _bundle_changes.changes(
            session.look(), bundle, _supply(session, session.look(), bundle, paths, charms)
        )
        session.say(_listed(changes, 'Changes to deploy bundle:'))
        return
    with session.make() as model:
        changes = _bundle_changes.changes(model, bundle, _supply(session, model, bundle, paths, charms))
        session.say(_listed(changes, 'Executing changes:'))
        _Applying(session, model, bundle, paths, charms, trust).all(changes)


def _listed(changes: Sequence[Change], title: str) -> str:
    return '\n'.join([title, *(f'- {change.text}' for change in changes)]) if changes else 'No changes to apply.'


def _charm_paths(bundle: Bundle, folder: Path) -> dict[str, Path]:
    """Return where each application's charm is, or all that cannot be found."""
    found, wrong = {}, []
    places = [*_charms.repositories(()), *(folder / place for place in _charms.PLACES)]
    for name, wanted in bundle.applications.items():
        try:
            path = _charms.locate(wanted.charm, places)
        except Refused as error:
            wrong.append(f'applications.{name}.charm: {error.message}; {error.remedy}')
            continue
        found[name] = path
        if path.is_file():
            wrong.append(f'applications.{name}.charm: {path} is a bundle; name a charm')
    if wrong:
        raise _bundle.Mistakes(wrong)
    return found


def _supply(
    session: Session, model: Model, bundle: Bundle, paths: Mapping[str, Path], charms: Mapping[str, Charm]
) -> _bundle_changes.Supply:
    stored = {name: stored_as(session.folder, model, paths[name], charm) for name, charm in charms.items()}
    prints = {
        (name, key): _files.fingerprint(Path(path))[0]
        for name, wanted in bundle.applications.items()
        for key, path in wanted.resources.items()
    }
    return _bundle_changes.Supply(charms, {name: url for name, url in stored.items() if url}, prints)


class _Applying:
    """Makes the changes of a bundle inside one transaction; whatever is refused is told together, and nothing stays."""

    def __init__(
        self,
        session: Session,
        model: Model,
        bundle: Bundle,
        paths: Mapping[str, Path],
        charms: Mapping[str, Charm],
        trust: bool,
    ) -> None:
        self.session, self.model, self.bundle, self.paths, self.charms = session, model, bundle, paths, charms
        self.trust = trust
        self.now = time.time()

    def all(self, changes: Sequence[Change]) -> None:
        wrong = []
        for change in changes:
            try:
                getattr(self, f'_{change.kind}')(change)
            except Refused as error:
                wrong.append(f'{change.text}: {error.message}' + (f'; {error.remedy}' if error.remedy else ''))
        if wrong:
            raise _bundle.Mistakes(wrong)

    def _url(self, app: str) -> str:
        return added(self.session, self.model, self.paths[app], self.charms[app]).url

    def _charm(self, change: Change) -> None:
        self._url(change.app)

    def _deploy(self, change: Change) -> None:
        wanted = self.bundle.applications[change.app]
        _plan.deploy(
            self.model,
            change.app,
            self._url(change.app),
            self.now,
            units=0,
            config=wanted.options,
            constraints=wanted.constraints,
            resources={key: self._stored(change.app, key, path) for key, path in wanted.resources.items()},
            trust=wanted.trust or self.trust,
            series=wanted.series,
        )

    def _stored(self, app: str, key: str, path: object) -> Resource:
        return store(self.session, self.model, app, key, Path(str(path)))

    def _upgrade(self, change: Change) -> None:
        _plan.upgrade_charm(self.model, change.app, self._url(change.app), self.now)

    def _resource(self, change: Change) -> None:
        for key, path in change.values.items():
            _plan.attach_resource(self.model, change.app, key, self._stored(change.app, key, path))

    def _options(self, change: Change) -> None:
        _plan.set_config(self.model, change.app, change.values)

    def _constraints(self, change: Change) -> None:
        _plan.set_constraints(self.model, change.app, {key: str(value) for key, value in change.values.items()})

    def _trust(self, change: Change) -> None:
        _plan.set_trust(self.model, change.app, True)

    def _expose(self, change: Change) -> None:
        _plan.expose(self.model, change.app)

    def _unit(self, change: Change) -> None:
        _plan.add_unit(self.model, change.app, self.now)

    def _relation(self, change: Change) -> None:
        _plan.relate(self.model, *change.ends, self.now)


def store(session: Session, model: Model, app: str, name: str, path: Path) -> Resource:
    """Copy a resource into the model's folder under its next revision."""
    before = model.applications[app].resources.get(name) if app in model.applications else None
    return _files.store_resource(session.folder, app, name, path, before.revision + 1 if before else 1)
