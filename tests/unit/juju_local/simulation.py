"""A model run in memory: the charm is a Python function, every hook can be failed or killed, any seed.

Hooks of different machines overlap: a hook begins and reads in one step and is flushed in a later one. What is stored
is kept apart, as JSON, and only what was touched gets there; `kill` goes on from that.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from juju_local import _context, _environment, _finish, _json, _life, _plan, _resolver, _tools
from juju_local._context import HookContext
from juju_local._finish import Exit
from juju_local._operation import Operation
from juju_local._state import Charm, Endpoint, Model

JUJU_INFO = Endpoint('juju-info', 'provider', 'juju-info', implicit=True)


def charm(name: str, *endpoints: Endpoint, subordinate: bool = False, **fields: object) -> Charm:
    """Return a charm without a directory; endpoints like Endpoint('db', 'provider', 'pgsql')."""
    known = {endpoint.name: endpoint for endpoint in (*endpoints, JUJU_INFO)}
    values: dict[str, object] = {'options': {}, 'actions': {}, 'resources': {}, **fields}
    return Charm('', name, 0, '', subordinate, 'jammy', known, **values)  # type: ignore[arg-type]


@dataclass
class Files:
    """The process that calls a hook tool."""

    content: Mapping[str, bytes] = field(default_factory=dict)

    def stdin(self) -> bytes:
        return self.content.get('-', b'')

    def read(self, path: str) -> bytes:
        if path not in self.content:
            raise FileNotFoundError(path)
        return self.content[path]


@dataclass
class Run:
    """What a charm function gets: its environment, and its hook tools."""

    simulation: Simulation
    operation: Operation
    context: HookContext

    @property
    def unit(self) -> str:
        return self.operation.unit

    @property
    def hook(self) -> str:
        return self.context.hook.name if self.context.hook else ''

    @property
    def environment(self) -> dict[str, str]:
        return _environment.environment(
            self.simulation.model, self.context, charm_dir='/charm', tools_dir='/tools', socket='/socket'
        )

    def output(self, tool: str, *arguments: str, files: Mapping[str, bytes] | None = None) -> _tools.Output:
        found = _tools.run(
            self.simulation.model, self.context, tool, arguments, Files(files or {}), self.simulation.now
        )
        self.simulation.store()
        return found

    def tool(self, tool: str, *arguments: str, files: Mapping[str, bytes] | None = None) -> str:
        """Run a tool that must succeed and return what it printed."""
        found = self.output(tool, *arguments, files=files)
        assert found.code == 0, (tool, arguments, found.stderr)
        return found.stdout.decode()

    def json(self, tool: str, *arguments: str) -> object:
        return json.loads(self.tool(tool, '--format=json', *arguments))


Body = Callable[[Run], int | None]


@dataclass
class Ran:
    """A line of the history: an operation as it began, and how it ended ('' = fine)."""

    unit: str
    name: str  # db-relation-joined, action do-it, upgrade, die
    remote: str
    relation_id: int | None
    members: dict[int, list[str]]
    reason: str = 'running'


class Simulation:
    """Runs a model to quiescence."""

    def __init__(self, body: Body | None = None, *, seed: int = 0, bodies: Mapping[str, Body] | None = None) -> None:
        self.random = random.Random(seed)
        self.now = 1000.0
        self.model = _plan.new_model('test', '00000000-0000-4000-8000-000000abcdef', self.now, seed=seed)
        self.body = body
        self.bodies = dict(bodies or {})
        self.history: list[Ran] = []
        self.stored: dict[tuple[str, str], str] = {}
        self.flying: dict[str, tuple[Operation, HookContext | None, Exit, Ran]] = {}
        self.store()

    # -- what a user does

    def add_charm(self, charm: Charm) -> str:
        return _plan.add_charm(self.model, charm).url

    def deploy(self, name: str, charm: Charm, units: int | None = None, **options: object) -> None:
        _plan.deploy(self.model, name, self.add_charm(charm), self.now, units=units, **options)  # type: ignore[arg-type]
        self.store()

    # -- the engine

    def settle(self, *, limit: int = 5000, retries: bool = True) -> None:
        """Run until nobody has anything to do; with `retries`, also wait for those of failed hooks."""
        for _ in range(limit):
            if not self.step() and not (retries and self.wait()):
                return
        raise AssertionError(f'still not quiet after {limit} steps: {[ran.name for ran in self.history[-20:]]}')

    def wait(self) -> bool:
        """Let the time of the next automatic retry come; False if there is none."""
        due = [at for unit in self.model.units if (at := _resolver.due(self.model, unit)) is not None]
        if due:
            self.now = max(self.now, min(due))
        return bool(due)

    def step(self) -> bool:
        """Begin one operation, or end one that began; False if there was nothing to do."""
        self.now += 1
        choices: list[Callable[[], None]] = [lambda unit=unit: self.end(unit) for unit in self.flying]  # type: ignore[misc]
        busy = {self.model.units[unit].machine for unit in self.flying}
        for unit in list(self.model.units.values()):
            if unit.machine not in busy:
                operation = _resolver.next_operation(self.model, unit.name, self.now)
                if operation is not None:
                    choices.append(lambda operation=operation: self.begin(operation))  # type: ignore[misc]
        for machine in [machine for machine in self.model.machines.values() if machine.life != 'alive']:
            _life.bury_machine(self.model, machine.id)
        if choices:
            self.random.choice(choices)()
        self.store()
        return bool(choices)

    def begin(self, operation: Operation) -> None:
        _resolver.begin(self.model, operation, self.now)
        context, ended = None, Exit(0)
        if operation.kind in ('hook', 'action', 'command'):
            context = _context.create(self.model, operation, self.now, randomness=self.random.getrandbits(30))
        hook = context.hook if context else None
        name = hook.name if hook else f'{operation.kind} {operation.action}'.strip()
        members = {rid: list(names) for rid, names in context.members.items()} if context else {}
        ran = Ran(operation.unit, name, hook.remote_unit if hook else '', hook.relation_id if hook else None, members)
        self.history.append(ran)
        self.store()
        body = self.bodies.get(operation.unit.partition('/')[0], self.body)
        if context is not None and body is not None:
            ended = Exit(body(Run(self, operation, context)) or 0)
        self.flying[operation.unit] = (operation, context, ended, ran)

    def end(self, unit: str) -> None:
        operation, context, ended, ran = self.flying.pop(unit)
        if context is None:
            _resolver.commit(self.model, operation, self.now)
            ran.reason = ''
        else:
            ran.reason = _finish.finish(self.model, context, operation, ended, self.now)

    def kill(self) -> None:
        """The engine dies and another one goes on with what is stored."""
        for _, _, _, ran in self.flying.values():
            ran.reason = 'killed'
        self.flying.clear()
        self.model = self.loaded()
        _resolver.recover(self.model, self.now)
        self.store()

    # -- the database

    def store(self) -> None:
        everything = _entities(self.model)
        for key in self.model.dirty:
            if key in everything:
                self.stored[key] = _json.encode(everything[key])
            else:
                self.stored.pop(key, None)
        self.model.dirty.clear()

    def check_stored(self) -> None:
        """Every change was touched."""
        assert self.stored == {key: _json.encode(entity) for key, entity in _entities(self.model).items()}

    def loaded(self) -> Model:
        model = Model()
        tables = {
            'charm': model.charms,
            'application': model.applications,
            'unit': model.units,
            'machine': model.machines,
            'action': model.actions,
        }
        for (kind, key), text in self.stored.items():
            entity = _json.decode(kind, text)
            if kind == 'settings':
                model.settings = entity
            elif kind == 'relation':
                model.relations[int(key)] = entity
            elif kind == 'bag':
                relation, _, name = key.partition('/')
                model.bags[int(relation), name] = entity
            else:
                tables[kind][key] = entity
        return model

    # -- questions

    def hooks(self, unit: str) -> list[str]:
        """Return the hooks of a unit in the order in which they began, with the remote unit where there is one."""
        return [f'{ran.name} {ran.remote}'.strip() for ran in self.history if ran.unit == unit and ran.name != 'die']


def _entities(model: Model) -> dict[tuple[str, str], object]:
    return {
        ('settings', ''): model.settings,
        **{('charm', key): value for key, value in model.charms.items()},
        **{('application', key): value for key, value in model.applications.items()},
        **{('unit', key): value for key, value in model.units.items()},
        **{('relation', str(key)): value for key, value in model.relations.items()},
        **{('bag', f'{key[0]}/{key[1]}'): value for key, value in model.bags.items() if value.version or value.data},
        **{('machine', key): value for key, value in model.machines.items()},
        **{('action', key): value for key, value in model.actions.items()},
    }
