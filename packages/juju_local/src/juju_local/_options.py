"""Options of a charm: their types, their values, and the hash that tells whether config-changed is owed. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping

from juju_local._errors import Refused
from juju_local._state import Charm, Model, Unit

TYPES = ('string', 'int', 'float', 'boolean', 'secret')
TRUE, FALSE = ('1', 't', 'true'), ('0', 'f', 'false')  # as Go's strconv.ParseBool, any case


def typed(name: str, option: Mapping[str, object], value: object) -> object:
    """Return a value in the type of its option; text is parsed as Juju's command line does. None stays None."""
    if value is None:
        return None
    kind = option['type']
    converted = {'int': _int, 'float': _float, 'boolean': _boolean}.get(str(kind), _string)(value)
    if converted is None:
        raise Refused(f'option {name!r} expected {kind}, got {value!r}')
    return converted


def declared(charm: Charm, name: str) -> Mapping[str, object]:
    """Return the declaration of an option, or refuse an unknown one."""
    if name not in charm.options:
        known = ', '.join(sorted(charm.options)) or 'none'
        raise Refused(f'unknown option {name!r} of charm {charm.name}', f'known options: {known}')
    return charm.options[name]


def effective_config(model: Model, app: str) -> dict[str, object]:
    """Return every declared option with its value: the user's, else the charm's default, else None."""
    chosen = model.applications[app].config
    return {name: chosen.get(name, option.get('default')) for name, option in model.charm_of(app).options.items()}


def config_hash(model: Model, unit: Unit) -> str:
    """Return what a config-changed hook tells about, as one hash: configuration, trust and addresses."""
    app = model.applications[unit.app]
    machine = model.machines.get(unit.machine)
    facts = [effective_config(model, unit.app), app.trust, machine.address if machine else '']
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return int(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _float(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        number = float(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None  # JSON has no infinity


def _boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    text = value.lower() if isinstance(value, str) else ''
    return True if text in TRUE else False if text in FALSE else None
