"""What one hook, action or command sees, and what it wrote but has not yet been kept. Pure.

Juju's rules of what is fixed when (runner/context): the members of a relation are those of the agent's own committed
hook state, a member's settings are kept across hooks until a joined or changed hook for it, everything else is read at
first use. Relation settings, ports and charm state are buffered and applied only by `flush`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from juju_local import _relations
from juju_local._operation import Operation
from juju_local._state import Action, Hook, Model, PortRange, Unit


@dataclass
class LogLine:
    """A line for the model's log; `module` is Juju's logger name."""

    level: str
    module: str
    message: str


@dataclass
class Task:
    """The action (or command) of a context, and what its tools left for the end."""

    id: str
    name: str  # '' for a command
    uuid: str
    params: dict[str, object]
    results: dict[str, object] = field(default_factory=dict)
    failed: bool = False
    message: str = ''


@dataclass
class HookContext:
    """The snapshot and the buffers of one run."""

    id: str
    unit: str
    app: str
    started: float  # seconds since the epoch
    hook: Hook | None = None
    task: Task | None = None
    members: dict[int, list[str]] = field(default_factory=dict)  # relation -> remote units, as listed
    opened: list[PortRange] = field(default_factory=list)  # at the start of the hook
    # read at first use
    settings: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)  # of units that are no members, apps
    config: dict[str, object] | None = None
    not_leader: bool = False  # the first "no" sticks
    leader_settings: dict[str, str] | None = None
    # written, not yet kept; '' deletes
    relation_writes: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)  # (relation, unit or app)
    opens: list[PortRange] = field(default_factory=list)
    closes: list[PortRange] = field(default_factory=list)
    state_writes: dict[str, str | None] = field(default_factory=dict)
    # for the engine
    logs: list[LogLine] = field(default_factory=list)
    reboot: str = ''  # '', 'after' or 'now'

    @property
    def relation_id(self) -> int | None:
        return self.hook.relation_id if self.hook else None

    @property
    def log_prefix(self) -> str:
        """Return `db:3: ` in a relation hook, which juju-log puts before its message."""
        if self.hook is None or self.hook.relation_id is None:
            return ''
        return f'{self.hook.name.removesuffix("-" + self.hook.kind)}:{self.hook.relation_id}: '


def create(model: Model, operation: Operation, now: float, *, randomness: int) -> HookContext:
    """Take the snapshot for an operation that has begun; `randomness` makes its id unique."""
    unit = model.units[operation.unit]
    hook = unit.agent.pending if operation.kind == 'hook' else None
    task = _task(model.actions[operation.action]) if operation.kind in ('action', 'command') else None
    name = hook.name if hook else (task.name if task and task.name else 'run-commands')
    context = HookContext(f'{unit.name}-{name}-{randomness}', unit.name, unit.app, now, hook, task)
    context.opened = list(unit.ports)
    for relation_id, local in unit.agent.relations.items():
        context.members[relation_id] = _members(relation_id, set(local.members), hook)
        _forget(model, unit, relation_id, context.members[relation_id], hook)
    return context


def relation_setting(model: Model, context: HookContext, relation_id: int, name: str) -> dict[str, str]:
    """Return a bag as this hook sees it: own writes overlaid, members from the agent's cache, others as first read."""
    if name in context.members[relation_id]:
        return _cached(model, context, relation_id, name)
    key = (relation_id, name)
    if key not in context.settings:
        bag = model.bags.get(key)
        context.settings[key] = dict(bag.data) if bag else {}
    return overlaid(context.settings[key], context.relation_writes.get(key, {}))


def overlaid(data: dict[str, str], writes: dict[str, str]) -> dict[str, str]:
    """Return settings with writes applied: an empty value deletes."""
    merged = {**data, **writes}
    return {key: merged[key] for key in sorted(merged) if merged[key] != ''}


def is_leader(model: Model, context: HookContext) -> bool:
    """Ask for the leadership; a hook that once heard no goes on hearing it."""
    if model.applications[context.app].leader != context.unit:
        context.not_leader = True
    return not context.not_leader


def _task(action: Action) -> Task:
    return Task(action.id, '' if action.command else action.name, action.id, action.params)


def _members(relation_id: int, committed: set[str], hook: Hook | None) -> list[str]:
    if hook is not None and hook.relation_id == relation_id:
        if hook.kind == 'relation-joined':
            committed = committed | {hook.remote_unit}
        elif hook.kind == 'relation-departed':
            committed = committed - {hook.remote_unit}
    return sorted(committed)


def _forget(model: Model, unit: Unit, relation_id: int, members: list[str], hook: Hook | None) -> None:
    """Drop cached settings of units that are no members (any more) or that this hook tells about."""
    cache = unit.agent.relations[relation_id].cache
    told = {hook.remote_unit} if hook is not None and hook.relation_id == relation_id else set()
    stale = [name for name in cache if name not in members or name in told]
    for name in stale:
        del cache[name]
    if stale:
        model.touch('unit', unit.name)


def _cached(model: Model, context: HookContext, relation_id: int, name: str) -> dict[str, str]:
    cache = model.units[context.unit].agent.relations[relation_id].cache
    if name not in cache:
        bag = model.bags.get((relation_id, name))
        cache[name] = dict(bag.data) if bag else {}
        model.touch('unit', context.unit)
    return cache[name]


def relation_ids(model: Model, context: HookContext, endpoint: str) -> list[str]:
    """Return `endpoint:id` of the relations this unit had entered when the hook began."""
    return sorted(
        f'{endpoint}:{relation_id}'
        for relation_id in context.members
        if relation_id in model.relations
        and _relations.own_end(model.relations[relation_id], context.app).endpoint == endpoint
    )
