"""Charms and resources: add, upgrade, attach."""

from __future__ import annotations

import dataclasses

from juju_local import _life, _options, _relations
from juju_local._errors import Refused
from juju_local._plan import _find
from juju_local._plan._applications import add_peer_relations, check_resources
from juju_local._state import Charm, Model, Resource


def add_charm(model: Model, charm: Charm) -> Charm:
    """Give a charm that was read from a directory its revision and place here; the caller copies its files there."""
    revision = max(charm.revision, model.settings.next_revision.get(charm.name, 0))
    model.settings.next_revision[charm.name] = revision + 1
    model.touch('settings')
    stored = dataclasses.replace(
        charm,
        revision=revision,
        url=f'local:{charm.series}/{charm.name}-{revision}',
        directory=f'charms/{charm.name}-{revision}',
    )
    model.charms[stored.url] = stored
    model.touch('charm', stored.url)
    return stored


def upgrade_charm(model: Model, name: str, charm_url: str, now: float, *, force_units: bool = False) -> None:
    """Move an application to another charm of this model; refused if it would tear a relation.

    A unit whose hook failed keeps its charm until the hook has succeeded; with `force_units` it gets the new one, under
    which the failed hook (and no upgrade-charm) then runs.
    """
    app, charm, old = _find.application(model, name), model.charms[charm_url], model.charm_of(name)
    if charm.subordinate != old.subordinate:
        raise Refused(f'cannot upgrade application "{name}" to charm "{charm_url}": cannot change subordinacy')
    for relation in _relations.of_app(model, name):
        end = _relations.own_end(relation, name)
        new = charm.endpoints.get(end.endpoint)
        if new is None or (new.role, new.interface) != (end.role, end.interface):
            raise Refused(
                f'cannot upgrade application "{name}" to charm "{charm_url}": '
                f'would break relation "{_find.describe(relation)}"',
                'remove the relation first',
            )
    app.config = {key: value for key, value in app.config.items() if _still_fits(charm, key, value)}
    app.charm_url = charm_url
    app.charm_modified += 1
    model.touch('application', name)
    for unit in model.units_of(name):
        if force_units and unit.agent.failed:
            unit.agent.upgrading = True
            model.touch('unit', unit.name)
    made = {_relations.own_end(relation, name).endpoint for relation in _relations.of_app(model, name)}
    add_peer_relations(model, name, charm, made)
    _life.settle(model, now)


def attach_resource(model: Model, name: str, resource: str, file: Resource) -> None:
    """Supply a file to an application; its units run upgrade-charm."""
    app = _find.application(model, name)
    check_resources(model.charm_of(name), {resource: file})
    app.resources[resource] = file
    app.charm_modified += 1
    model.touch('application', name)


def _still_fits(charm: Charm, key: str, value: object) -> bool:
    if key not in charm.options:
        return False
    try:
        return _options.typed(key, charm.options[key], value) == value
    except Refused:
        return False
