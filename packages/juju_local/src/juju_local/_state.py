"""What a model is: the nouns of Juju as plain data. Computing only: no files, no processes, no clock.

Everything that must survive a kill is in these classes; the database (`_db`) stores each *entity* (a row of
`KINDS`) as JSON under its kind and key. Whoever changes an entity calls `Model.touch(kind, key)`; `_db` writes what
was touched, in one transaction.

Life of a hook: `_resolver.next_operation` chooses it, `_resolver.begin` makes it the unit's pending operation,
`_context.create` takes the snapshot the hook sees, the hook runs (`_tools.run` answers its hook tools), and
`_resolver.commit` or `_resolver.fail` ends it.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from typing import Literal

Life = Literal['alive', 'dying', 'dead']


@dataclass
class Status:
    """A workload, agent, application or machine status; `since` in seconds since the epoch (UTC)."""

    current: str
    message: str = ''
    since: float = 0.0
    data: dict[str, object] = field(default_factory=dict)


@dataclass
class Endpoint:
    """One endpoint of a charm, from metadata.yaml (or the implicit `juju-info`)."""

    name: str
    role: Literal['provider', 'requirer', 'peer']
    interface: str
    scope: Literal['global', 'container'] = 'global'
    implicit: bool = False  # juju-info: relations on it run no hooks on the providing side


@dataclass
class Charm:
    """A charm as it was stored in the model: an immutable copy under MODEL/charms/."""

    url: str  # e.g. local:jammy/kubernetes-worker-0
    name: str
    revision: int
    directory: str  # relative to the model's directory
    subordinate: bool
    series: str
    endpoints: dict[str, Endpoint]
    options: dict[str, dict[str, object]]  # config.yaml: name -> {type, default, description}
    actions: dict[str, dict[str, object]]  # actions.yaml: name -> {description, params, required ...}
    resources: dict[str, dict[str, object]]  # metadata.yaml: name -> {type, filename, description}
    extra_bindings: list[str] = field(default_factory=list)
    storage: dict[str, dict[str, object]] = field(default_factory=dict)
    summary: str = ''
    version: str = ''


@dataclass
class Resource:
    """A file supplied for an application; revision grows with each attach-resource."""

    path: str  # relative to the model's directory
    revision: int
    size: int
    fingerprint: str  # sha256, hex


@dataclass
class Application:
    name: str
    charm_url: str
    series: str = 'jammy'
    life: Life = 'alive'
    config: dict[str, object] = field(default_factory=dict)  # what the user set; defaults come from the charm
    trust: bool = False
    exposed: bool = False
    constraints: dict[str, str] = field(default_factory=dict)  # e.g. {'gpus': 'nvidia'}: what its new machines get
    next_unit: int = 0
    leader: str = ''  # unit name
    leader_settings: dict[str, str] = field(default_factory=dict)
    leader_version: int = 0  # bumped whenever leader_settings really changed
    resources: dict[str, Resource] = field(default_factory=dict)
    charm_modified: int = 0  # bumped by attach-resource and by a charm upgrade
    status: Status | None = None  # status-set --application
    workload_version: str = ''


@dataclass
class PortRange:
    from_port: int
    to_port: int
    protocol: str  # tcp, udp, icmp
    endpoint: str = ''  # '' = all endpoints


@dataclass
class Hook:
    """One hook to run. `kind` is the family; `name` the file under hooks/, e.g. db-relation-changed."""

    kind: str  # install, config-changed, relation-joined ... (family, without the endpoint)
    name: str
    relation_id: int | None = None
    remote_unit: str = ''  # '' also in created, broken and application-level changed
    remote_app: str = ''
    departing_unit: str = ''
    change_version: int = 0  # the version of the remote bag that this hook tells about
    storage_id: str = ''
    config_hash: str = ''  # of the configuration that this config-changed tells about


@dataclass
class RelationLocal:
    """What a unit's agent remembers of one relation: its own committed hook state, not the controller's view."""

    created: bool = False
    members: dict[str, int] = field(default_factory=dict)  # remote unit -> bag version last told
    app_versions: dict[str, int] = field(default_factory=dict)  # remote app -> app bag version last told
    changed_owed: str = ''  # unit whose joined ran last: its changed is owed unconditionally
    broken: bool = False
    cache: dict[str, dict[str, str]] = field(default_factory=dict)  # remote unit -> settings as first read


@dataclass
class Agent:
    """A unit agent's own durable state (Juju's uniter state)."""

    installed: bool = False
    started: bool = False
    stopped: bool = False
    removed: bool = False
    charm_url: str = ''
    charm_modified: int = -1
    config_hash: str = ''
    leader: bool = False  # leadership accepted by the agent
    leader_version: int = -1
    queue: list[Hook] = field(default_factory=list)  # owed: leader-elected, config-changed, start
    pending: Hook | None = None  # begun and neither committed nor given up
    failed: bool = False  # the pending hook exited non-zero
    retries: int = 0
    retry_at: float = 0.0  # earliest automatic retry, seconds since the epoch
    resolved: Literal['', 'retry', 'no-retry'] = ''
    relations: dict[int, RelationLocal] = field(default_factory=dict)
    tick: int = 0  # update-status tick last seen
    reboot: bool = False  # juju-reboot asked for, to be done after the hook
    upgrading: bool = False
    hooks: int = 0  # hooks committed so far: with the model's seed it decides the order that Juju leaves open


@dataclass
class Unit:
    name: str
    app: str
    machine: str
    principal: str = ''
    life: Life = 'alive'
    workload: Status = field(default_factory=lambda: Status('waiting', 'waiting for machine'))
    agent_status: Status = field(default_factory=lambda: Status('allocating'))
    ports: list[PortRange] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)  # state-set
    agent: Agent = field(default_factory=Agent)
    payloads: dict[str, dict[str, object]] = field(default_factory=dict)  # CLASS/ID -> type, status, labels
    tick: int = 0  # update-status ticks that were due
    workload_version: str = ''


@dataclass
class RelationEnd:
    app: str
    endpoint: str
    role: Literal['provider', 'requirer', 'peer']
    interface: str
    scope: Literal['global', 'container'] = 'global'


@dataclass
class Relation:
    id: int
    ends: list[RelationEnd]  # one for a peer relation, else provider first
    life: Life = 'alive'
    in_scope: list[str] = field(default_factory=list)  # units whose settings the others see


@dataclass
class Bag:
    """Settings of one unit (or application) in one relation. Stays until the relation goes."""

    data: dict[str, str] = field(default_factory=dict)
    version: int = 0  # 0 = never written by the charm; grows only when data really changed


@dataclass
class Machine:
    id: str
    series: str
    hostname: str
    address: str = ''
    gpus: list[str] = field(default_factory=list)
    life: Life = 'alive'
    status: Status = field(default_factory=lambda: Status('pending'))


@dataclass
class Action:
    """A queued or done task: an action, or the command form of juju run (`command` set)."""

    id: str
    unit: str
    name: str
    params: dict[str, object] = field(default_factory=dict)
    command: str = ''
    status: Literal['pending', 'running', 'completed', 'failed', 'aborted', 'cancelled'] = 'pending'
    message: str = ''
    results: dict[str, object] = field(default_factory=dict)
    log: list[tuple[float, str]] = field(default_factory=list)
    enqueued: float = 0.0
    started: float = 0.0
    completed: float = 0.0
    operation: str = ''


@dataclass
class Settings:
    """The model itself: identity, model-config and counters."""

    name: str = 'default'
    uuid: str = ''
    controller: str = 'juju-local'
    cloud: str = 'localhost'
    version: str = '2.9.49'
    created: float = 0.0
    store: str = 'stand-ins'
    config: dict[str, str] = field(default_factory=dict)
    next_machine: int = 0
    next_relation: int = 0
    next_action: int = 1
    next_revision: dict[str, int] = field(default_factory=dict)  # charm name -> revision
    seed: int | None = None


Entity = Settings | Charm | Application | Unit | Relation | Bag | Machine | Action
KINDS: dict[str, type] = {
    'settings': Settings,
    'charm': Charm,
    'application': Application,
    'unit': Unit,
    'relation': Relation,
    'bag': Bag,
    'machine': Machine,
    'action': Action,
}


@dataclass
class Model:
    """All entities of one model, and which of them changed since they were last stored."""

    settings: Settings = field(default_factory=Settings)
    charms: dict[str, Charm] = field(default_factory=dict)  # by url
    applications: dict[str, Application] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    relations: dict[int, Relation] = field(default_factory=dict)
    bags: dict[tuple[int, str], Bag] = field(default_factory=dict)  # (relation id, unit or application name)
    machines: dict[str, Machine] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    dirty: set[tuple[str, str]] = field(default_factory=set)
    random: random.Random = field(default_factory=random.Random)

    def touch(self, kind: str, key: object = '') -> None:
        """Mark an entity as changed, new or gone (`_db` deletes what is no longer there).

        The key is '' for settings, the url, name or id otherwise, and `RELATION-ID/NAME` for a bag.
        """
        self.dirty.add((kind, str(key)))

    def bag(self, relation_id: int, name: str) -> Bag:
        """Return the bag, made empty if it was never written."""
        return self.bags.setdefault((relation_id, name), Bag())

    def units_of(self, app: str) -> list[Unit]:
        """Return an application's units in natural order."""
        units = [unit for unit in self.units.values() if unit.app == app]
        return sorted(units, key=lambda unit: int(unit.name.rpartition('/')[2]))

    def charm_of(self, app: str) -> Charm:
        return self.charms[self.applications[app].charm_url]


def replaced(entity: Entity, **changes: object) -> Entity:
    """Return a copy of an entity with some fields replaced."""
    return dataclasses.replace(entity, **changes)  # type: ignore[arg-type]
