"""Options of a charm: their values, their types, and the hash that tells whether config-changed is owed. Pure."""

from __future__ import annotations

import hashlib
import json

from juju_local._state import Model, Unit


def config_hash(model: Model, unit: Unit) -> str:
    """Return what a config-changed hook tells about, as one hash: configuration, trust and addresses."""
    app = model.applications[unit.app]
    machine = model.machines.get(unit.machine)
    facts = [effective_config(model, unit.app), app.trust, machine.address if machine else '']
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def effective_config(model: Model, app: str) -> dict[str, object]:
    """Return every declared option with its value: the user's, else the charm's default, else None."""
    chosen = model.applications[app].config
    return {name: chosen.get(name, option.get('default')) for name, option in model.charm_of(app).options.items()}
