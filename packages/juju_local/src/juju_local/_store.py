"""Reads a store's `store.yaml`: where the programs of a machine come from. Finds stores by name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from juju_local._errors import JujuLocalError

STAND_INS = 'stand-ins'
REAL = 'real'
PIN = 'store'  # in a model's folder: a link to the real store that it was made with
BASE = 'base'  # the folder of a store at which machines see the store it builds on


@dataclass(frozen=True)
class Machine:
    """What a machine must have besides its root; nothing of it is there unless the store asks."""

    cgroups: bool = False
    disk: tuple[str, ...] = ()  # folders that must not lie on the machine's overlay
    sysctl: dict[str, str] = field(default_factory=dict)  # path below /proc/sys -> value
    environment: dict[str, str] = field(default_factory=dict)  # of its PID 1


@dataclass(frozen=True)
class Store:
    directory: Path
    name: str
    init: str  # relative to the store
    programs: dict[str, str]  # path in the machine -> file of the store
    hide: tuple[str, ...]
    base: Store | None = None  # the store whose programs manage the machines of this one
    hosts: tuple[str, ...] = ()  # names that machines know for the model's own address, where `services` answer
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name -> command; files relative to the store
    machine: Machine = field(default_factory=Machine)


class StoreError(JujuLocalError):
    """A store that cannot be used."""


def cache() -> Path:
    """Return the folder where stores are built."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'juju-local' / 'stores'


def find(name: str) -> Path:
    """Return where a store lies: the stand-ins come with this package, the real one is built, any other is a path.

    Raises:
        StoreError: the real store was not built.
    """
    if name == STAND_INS:
        return Path(__file__).parent / 'stand_ins'
    if name != REAL:
        return Path(name)
    link = cache() / REAL
    if not (link / 'store.yaml').exists():
        raise StoreError(f'there is no store of real software in {link}', '`juju-local store build` makes it')
    return link.resolve()


def of_model(folder: Path, name: str) -> Path:
    """Return where the store of a model lies: the real one stays what it was, for its machines trust its certificates.

    Raises:
        StoreError: the real store was not built.
    """
    if name != REAL or not folder.is_dir():
        return find(name)
    pin = folder / PIN
    if not (pin / 'store.yaml').exists():  # a new model, or one whose store was deleted
        found = find(name)
        draft = folder / f'{PIN}.new'
        draft.unlink(missing_ok=True)
        draft.symlink_to(found)
        draft.replace(pin)
    return pin.resolve()


def read(directory: Path) -> Store:
    path = directory / 'store.yaml'
    try:
        return _parsed(directory.resolve(), yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f'cannot read the store {path}: {type(error).__name__}: {error}') from error


def _parsed(directory: Path, data: dict[str, Any]) -> Store:
    base = read(find(str(data[BASE]))) if data.get(BASE) else None
    programs, hide = _inherited(base)
    programs |= data.get('programs') or {}
    return Store(
        directory=directory,
        name=str(data['name']),
        init=str(data['init']) if base is None else f'{BASE}/{base.init}',
        programs={str(key): str(value) for key, value in programs.items() if value is not None},
        hide=(*hide, *(str(item) for item in data.get('hide') or ())),
        base=base,
        hosts=tuple(str(item) for item in data.get('hosts') or ()),
        services={str(key): tuple(map(str, words)) for key, words in (data.get('services') or {}).items()},
        machine=_machine(data.get('machine') or {}),
    )


def _machine(data: dict[str, Any]) -> Machine:
    return Machine(
        cgroups=bool(data.get('cgroups')),
        disk=tuple(str(path) for path in data.get('disk') or ()),
        sysctl={str(key): str(value) for key, value in (data.get('sysctl') or {}).items()},
        environment={str(key): str(value) for key, value in (data.get('environment') or {}).items()},
    )


def _inherited(base: Store | None) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """Return programs and hidden files of the store below, its files as a machine of the store above sees them."""
    if base is None:
        return {}, ()
    return {path: f'{BASE}/{file}' for path, file in base.programs.items()}, base.hide
