"""What the user hands over with a charm: its files, options and resources, brought into the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from juju_local import _plan
from juju_local._cli import _arguments, _files
from juju_local._cli._config import options_in
from juju_local._cli._session import Session
from juju_local._errors import Refused
from juju_local._state import Charm, Model, Resource


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


def store(session: Session, model: Model, app: str, name: str, path: Path) -> Resource:
    """Copy a resource into the model's folder under its next revision."""
    before = model.applications[app].resources.get(name) if app in model.applications else None
    return _files.store_resource(session.folder, app, name, path, before.revision + 1 if before else 1)
