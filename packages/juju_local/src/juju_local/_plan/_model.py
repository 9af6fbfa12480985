"""The model itself: its making, its configuration, leadership, the clock of update-status."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

from juju_local import _units
from juju_local._errors import Refused
from juju_local._plan import _find
from juju_local._state import Model, Settings


def new_model(name: str, uuid: str, now: float, *, store: str = 'stand-ins', seed: int | None = None) -> Model:
    """Return an empty model."""
    model = Model(Settings(name=name, uuid=uuid, created=now, store=store, seed=seed))
    model.random = random.Random(seed)  # noqa: S311 - decides orders, no secrets
    model.touch('settings')
    return model


def set_model_config(model: Model, values: Mapping[str, str]) -> None:
    model.settings.config.update(values)
    model.touch('settings')


def reset_model_config(model: Model, keys: Sequence[str]) -> None:
    for key in keys:
        model.settings.config.pop(key, None)
    model.touch('settings')


def set_leader(model: Model, name: str) -> None:
    """Move the leadership of an application to a unit of it."""
    unit = _find.unit(model, name)
    if unit.life != 'alive':
        raise Refused(f'unit "{name}" cannot lead: it is being removed')
    app = model.applications[unit.app]
    if app.leader == name:
        return
    app.leader = name
    model.touch('application', app.name)
    for mate in model.units_of(app.name):
        _units.resign(model, mate)


def tick(model: Model, units: Iterable[str] = ()) -> None:
    """Let an update-status be due for these units (all if none is named); missed ticks merge."""
    for name in list(units) or list(model.units):
        unit = _find.unit(model, name)
        if unit.agent.started:
            unit.tick += 1
            model.touch('unit', unit.name)
