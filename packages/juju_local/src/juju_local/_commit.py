"""What becomes true when an operation is done. Pure; touches what it changes."""

from __future__ import annotations

from juju_local import _life, _options, _scope
from juju_local._begin import INSTALLING
from juju_local._state import Agent, Hook, Model, RelationLocal, Status, Unit


def hook(model: Model, unit: Unit, now: float) -> None:
    """End the pending hook as if it had succeeded and queue what it brings."""
    agent = unit.agent
    done = agent.pending
    if done is None:
        raise ValueError(f'{unit.name}: no hook is pending, so none can be committed')
    agent.pending, agent.failed, agent.resolved = None, False, ''
    agent.retries, agent.retry_at = 0, 0.0
    agent.hooks += 1
    if done.relation_id is None:
        _life_cycle(model, unit, done, now)
    else:
        _relation(model, unit, done)
    model.touch('unit', unit.name)
    _life.settle(model, now)


def upgrade(model: Model, unit: Unit, charm_url: str, charm_modified: int) -> None:
    """The new charm is in place: its upgrade-charm hook is owed, but not where a failed hook waits for the charm."""
    agent = unit.agent
    agent.upgrading = False
    agent.charm_url, agent.charm_modified = charm_url, charm_modified
    if agent.pending is None:
        agent.queue.append(Hook('upgrade-charm', 'upgrade-charm'))
    model.touch('unit', unit.name)


def die(model: Model, unit: Unit, now: float) -> None:
    _life.bury_unit(model, unit, now)
    _life.settle(model, now)


def _life_cycle(model: Model, unit: Unit, done: Hook, now: float) -> None:
    agent = unit.agent
    match done.kind:
        case 'install':
            agent.installed = True
        case 'leader-settings-changed':
            agent.leader_version = done.change_version
        case 'config-changed':
            agent.config_hash = done.config_hash or _options.config_hash(model, unit)
            if not agent.started:
                agent.queue.append(Hook('start', 'start'))
        case 'start':
            agent.started = True
            if unit.workload.message == INSTALLING:  # the charm never set a status
                unit.workload = Status('unknown', since=now)
        case 'upgrade-charm':
            agent.queue.append(Hook('config-changed', 'config-changed'))
        case 'update-status':
            agent.tick = done.change_version
        case 'stop':
            agent.stopped = True
            unit.workload = Status('terminated', since=now)
        case 'remove':
            agent.removed = True


def _relation(model: Model, unit: Unit, done: Hook) -> None:
    agent: Agent = unit.agent
    if done.relation_id is None or done.relation_id not in agent.relations:
        return
    local = agent.relations[done.relation_id]
    match done.kind:
        case 'relation-created':
            local.created = True
        case 'relation-joined':
            local.members[done.remote_unit] = done.change_version
            local.changed_owed = done.remote_unit
        case 'relation-changed':
            _changed(local, done)
        case 'relation-departed':
            local.members.pop(done.remote_unit, None)
            local.cache.pop(done.remote_unit, None)
        case 'relation-broken':
            _scope.leave(model, model.relations[done.relation_id], unit)


def _changed(local: RelationLocal, done: Hook) -> None:
    local.changed_owed = ''
    if not done.remote_unit:
        local.app_versions[done.remote_app] = done.change_version
    elif done.remote_unit in local.members:
        local.members[done.remote_unit] = done.change_version
