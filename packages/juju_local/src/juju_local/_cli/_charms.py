"""Where the name on the command line leads: a charm directory or a bundle file on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from juju_local._errors import Refused

PLACES = ('./build', './companions', '.')


def repositories(given: Sequence[str]) -> list[Path]:
    """Return where names are looked up: --repository, else $JUJU_LOCAL_REPOSITORY (parted by `:`), else `PLACES`."""
    environment = [place for place in os.environ.get('JUJU_LOCAL_REPOSITORY', '').split(':') if place]
    return [Path(place).expanduser() for place in list(given) or environment or PLACES]


def locate(name: str, places: Sequence[Path]) -> Path:
    """Return the charm directory or the bundle file that a path or a name stands for."""
    bare = name.removeprefix('local:').removeprefix('cs:').removeprefix('ch:').rpartition('~containers/')[2]
    if name.startswith(('.', '/', '~', 'local:.', 'local:/')):
        return _at(Path(bare).expanduser())
    found = next(_named(bare, places), None)
    if found is not None:
        return found
    if Path(bare).exists():
        return _at(Path(bare))
    looked = ', '.join(str(place) for place in places)
    remedy = f'looked in {looked}; give a path (./DIR), or say --repository DIR'
    raise Refused(f'charm or bundle "{name}" not found', remedy)


def _at(path: Path) -> Path:
    """Return what a path means: a charm directory, or a bundle's file (also in a directory of its own)."""
    if is_charm(path):
        return path
    if path.is_dir() and (path / 'bundle.yaml').is_file():
        return path / 'bundle.yaml'
    if path.is_file() and path.suffix in ('.yaml', '.yml'):
        return path
    if path.is_file():
        raise Refused(
            f'{path} is neither a charm directory nor a bundle', 'unpack a .charm file first, then give its directory'
        )
    if (path / 'metadata.yaml').is_file():
        raise Refused(
            f'{path} is a charm layer, not a built charm', 'build it first (charm-build; here: `make charms`)'
        )
    if path.exists():
        raise Refused(f'{path} holds no metadata.yaml and no bundle.yaml', 'give the directory of a built charm')
    raise Refused(f'there is no {path}', 'check the path; `make charms` builds the charms of this repository')


def is_charm(path: Path) -> bool:
    return (path / 'metadata.yaml').is_file() and not _is_layer(path)


def _is_layer(path: Path) -> bool:
    """A layer is no charm yet; what charm-build made of it has a manifest beside its layer.yaml."""
    return (path / 'layer.yaml').is_file() and not (path / '.build.manifest').is_file()


def _named(name: str, places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        folder = place / name
        if is_charm(folder):
            yield folder
        yield from _bundles(name, place)
        yield from (
            folder for folder in _folders(place) if is_charm(folder) and _name_in(folder / 'metadata.yaml') == name
        )


def _bundles(name: str, place: Path) -> Iterator[Path]:
    for path in (place / 'bundle.yaml', place / f'{name}.yaml', place / name / 'bundle.yaml'):
        if path.is_file() and (_name_in(path) == name or path.parent.name == name):
            yield path


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []


def _name_in(path: Path) -> str:
    """Return the `name` a YAML file gives itself, '' where that cannot be read."""
    try:
        found = next(iter(yaml.safe_load_all(path.read_text(encoding='utf-8'))), None)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return ''
    return str(found.get('name') or '') if isinstance(found, dict) else ''
