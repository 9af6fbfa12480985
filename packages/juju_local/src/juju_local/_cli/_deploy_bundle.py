"""Deploys a bundle: makes the difference between it and the model, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from juju_local import _bundle, _bundle_changes, _charm, _plan
from juju_local._bundle import Bundle
from juju_local._bundle_changes import Change
from juju_local._cli import _charms, _files, _supplies
from juju_local._cli._session import Session
from juju_local._errors import Refused
from juju_local._state import Charm, Model, Resource


def deploy(session: Session, path: Path, overlays: Sequence[Path], *, trust: bool, dry_run: bool) -> str:
    """Make the difference (or with `dry_run` tell it only); return the bundle's name."""
    bundle = _bundle.read([path, *overlays])
    for note in bundle.notes:
        session.say(f'note: {note}')
    paths = _charm_paths(bundle, path.parent)
    charms = {name: _charm.load(found) for name, found in paths.items()}
    mistakes = _bundle.check(bundle, charms)
    if mistakes:
        raise _bundle.Mistakes(mistakes)
    if dry_run:
        model = session.look()
        session.say(_listed(_changes(session, model, bundle, paths, charms), 'Changes to deploy bundle:'))
        return bundle.name
    with session.make() as model:
        changes = _changes(session, model, bundle, paths, charms)
        session.say(_listed(changes, 'Executing changes:'))
        _Applying(session, model, bundle, paths, charms, trust).all(changes)
    return bundle.name or path.name


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


def _changes(
    session: Session, model: Model, bundle: Bundle, paths: Mapping[str, Path], charms: Mapping[str, Charm]
) -> list[Change]:
    """Look at the files that the bundle names, and return what they and it change."""
    stored = {name: _supplies.stored_as(session.folder, model, paths[name], charm) for name, charm in charms.items()}
    prints = {
        (name, key): _files.fingerprint(Path(path))[0]
        for name, wanted in bundle.applications.items()
        for key, path in wanted.resources.items()
    }
    supply = _bundle_changes.Supply(charms, {name: url for name, url in stored.items() if url}, prints)
    return _bundle_changes.changes(model, bundle, supply)


@dataclass(frozen=True)
class _Applying:
    """Makes the changes of a bundle inside one transaction; whatever is refused is told together, and nothing stays."""

    session: Session
    model: Model
    bundle: Bundle
    paths: Mapping[str, Path]
    charms: Mapping[str, Charm]
    trust: bool
    now: float = field(default_factory=time.time)

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
        return _supplies.added(self.session, self.model, self.paths[app], self.charms[app]).url

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
        return _supplies.store(self.session, self.model, app, key, Path(str(path)))

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
