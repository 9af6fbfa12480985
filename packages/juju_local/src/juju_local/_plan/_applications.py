"""Applications: deploy, configure, expose, remove."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from juju_local import _life, _options
from juju_local._errors import Refused
from juju_local._plan import _find
from juju_local._plan._units import add_unit
from juju_local._state import Application, Charm, Model, Relation, RelationEnd, Resource

NAME = re.compile(r'[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*')


def deploy(
    model: Model,
    name: str,
    charm_url: str,
    now: float,
    *,
    units: int | None = None,
    config: Mapping[str, object] | None = None,
    constraints: Mapping[str, str] | None = None,
    resources: Mapping[str, Resource] | None = None,
    trust: bool = False,
    series: str = '',
) -> Application:
    """Make an application of a charm of this model, its peer relations and its units.

    `units` is 1 by default; a subordinate has none of its own.
    """
    charm = model.charms[charm_url]
    _check_new(model, name, charm, units)
    check_resources(charm, resources or {})
    app = Application(name, charm_url, series or charm.series, trust=trust)
    app.config = _typed(charm, config or {})
    app.constraints = dict(constraints or {})
    app.resources = dict(resources or {})
    model.applications[name] = app
    model.touch('application', name)
    add_peer_relations(model, name, charm)
    count = 1 if units is None else units
    if count and not charm.subordinate:
        add_unit(model, name, now, count=count)
    return app


def set_config(model: Model, name: str, values: Mapping[str, object]) -> bool:
    """Set options (all or none); return whether any value changed."""
    app = _find.application(model, name)
    config = {**app.config, **_typed(model.charm_of(name), values)}
    return _replace_config(model, app, config)


def reset_config(model: Model, name: str, keys: Sequence[str]) -> bool:
    """Put options back to their defaults; return whether anything was set."""
    app = _find.application(model, name)
    for key in keys:
        _options.declared(model.charm_of(name), key)
    return _replace_config(model, app, {key: value for key, value in app.config.items() if key not in keys})


def expose(model: Model, name: str) -> None:
    _set_exposed(model, name, True)


def unexpose(model: Model, name: str) -> None:
    _set_exposed(model, name, False)


def set_trust(model: Model, name: str, trust: bool) -> None:
    app = _find.application(model, name)
    app.trust = trust
    model.touch('application', name)


def set_constraints(model: Model, name: str, constraints: Mapping[str, str]) -> None:
    """Replace the constraints; only new machines heed them."""
    app = _find.application(model, name)
    app.constraints = dict(constraints)
    model.touch('application', name)


def remove_application(model: Model, name: str, now: float) -> None:
    """Let an application die with its relations and units; twice is no error."""
    _life.destroy_application(model, _find.application(model, name))
    _life.settle(model, now)


def _check_new(model: Model, name: str, charm: Charm, units: int | None) -> None:
    if not NAME.fullmatch(name):
        raise Refused(f'invalid application name "{name}"', 'use lower-case letters, digits and dashes')
    if name in model.applications:
        raise Refused(f'cannot add application "{name}": application already exists')
    if charm.subordinate and units:
        raise Refused(
            f'cannot deploy {units} units of subordinate application "{name}"', 'relate it to a principal instead'
        )
    if units is not None and units < 0:
        raise Refused(f'cannot deploy {units} units of "{name}"')


def check_resources(charm: Charm, resources: Mapping[str, Resource]) -> None:
    unknown = sorted(set(resources) - set(charm.resources))
    if unknown:
        known = ', '.join(sorted(charm.resources)) or 'none'
        raise Refused(f'unrecognized resource "{unknown[0]}" of charm {charm.name}', f'known resources: {known}')


def _typed(charm: Charm, values: Mapping[str, object]) -> dict[str, object]:
    return {key: _options.typed(key, _options.declared(charm, key), value) for key, value in values.items()}


def _replace_config(model: Model, app: Application, config: dict[str, object]) -> bool:
    config = {key: value for key, value in config.items() if value is not None}
    if config == app.config:
        return False
    app.config = config
    model.touch('application', app.name)
    return True


def _set_exposed(model: Model, name: str, exposed: bool) -> None:
    app = _find.application(model, name)
    app.exposed = exposed
    model.touch('application', name)


def add_peer_relations(model: Model, name: str, charm: Charm, made: Collection[str] = ()) -> None:
    for endpoint in sorted(charm.endpoints.values(), key=lambda endpoint: endpoint.name):
        if endpoint.role != 'peer' or endpoint.name in made:
            continue
        end = RelationEnd(name, endpoint.name, 'peer', endpoint.interface, endpoint.scope)
        add_relation(model, [end])


def add_relation(model: Model, ends: list[RelationEnd]) -> Relation:
    relation = Relation(model.settings.next_relation, ends)
    model.settings.next_relation += 1
    model.relations[relation.id] = relation
    model.touch('settings')
    model.touch('relation', relation.id)
    return relation
