"""Reads a store's `store.yaml`: where the programs of a machine come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from juju_local._errors import JujuLocalError


@dataclass(frozen=True)
class Store:
    directory: Path
    name: str
    init: str  # relative to the store
    programs: dict[str, str]  # path in the machine -> file of the store
    hide: tuple[str, ...]


class StoreError(JujuLocalError):
    """A store that cannot be used."""


def read(directory: Path) -> Store:
    path = directory / 'store.yaml'
    try:
        data = yaml.safe_load(path.read_text())
        return Store(
            directory=directory.resolve(),
            name=str(data['name']),
            init=str(data['init']),
            programs={str(key): str(value) for key, value in (data.get('programs') or {}).items()},
            hide=tuple(str(item) for item in data.get('hide') or ()),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f'cannot read the store {path}: {type(error).__name__}: {error}') from error
