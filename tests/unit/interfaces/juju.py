"""A small Juju in memory: units with real reactive charms, relations, and the hooks Juju would run, in its order.

Each hook runs in a forked child, where the real charms.reactive bus runs and only the hook tools are answered from
memory. The test's own process holds the imported framework (children start at once), but never uses it. What a hook
wrote to relations is kept if it succeeded, as is its unit's own store.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pickle
import platform
import shutil
import sqlite3
import subprocess
import sys
import traceback
import types
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

INTERFACES = Path(__file__).parents[3] / 'interfaces'

Handlers = Callable[['Hook'], None]


@contextlib.contextmanager
def framework() -> Iterator[None]:
    """Have charms.reactive imported; afterwards sys.modules is as it was."""
    before = set(sys.modules)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # pkg_resources announces its end
        # charmhelpers knows Ubuntu and CentOS only, and looks at import
        platform.linux_distribution = lambda *_: ('Ubuntu', '22.04', 'jammy')  # type: ignore[attr-defined]
        try:
            importlib.import_module('charms.reactive')
        finally:
            del platform.linux_distribution  # type: ignore[attr-defined]
    yield
    for name in set(sys.modules) - before:
        if name.partition('.')[0] in ('charms', 'charmhelpers'):
            del sys.modules[name]


@dataclass
class App:
    name: str
    role: str = ''  # provides or requires; '' for a side that is played by hand
    endpoint: str = ''
    interface: str = ''
    handlers: Handlers | None = None
    leader: str = ''
    next_unit: int = 0


@dataclass
class Relation:
    apps: dict[str, str]  # application -> name of its endpoint
    number: int
    units: list[str] = field(default_factory=list)  # in scope
    bags: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    members: dict[str, dict[str, int]] = field(default_factory=dict)  # unit -> remote unit -> version it was told
    dying: bool = False

    def others(self, unit: str) -> list[str]:
        return [other for other in self.units if other.split('/')[0] != unit.split('/')[0]]


@dataclass
class Result:
    """What one hook left behind."""

    failure: str = ''
    writes: dict[int, dict[str, str | None]] = field(default_factory=dict)
    notes: list[object] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)


class Hook:
    """What handlers of a test see of the hook that runs: the flags' decorators and a pad for notes."""

    def __init__(self, result: Result) -> None:
        import charms.reactive

        self.reactive = charms.reactive
        self.when = charms.reactive.when
        self.when_not = charms.reactive.when_not
        self.note = result.notes.append


class HookFailed(Exception):
    pass


class Juju:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.apps: dict[str, App] = {}
        self.units: list[str] = []
        self.relations: dict[int, Relation] = {}
        self.dying: set[str] = set()
        self.results: list[tuple[str, str, Result]] = []

    # ---- what an operator does

    def deploy(self, name: str, interface: str = '', role: str = '', endpoint: str = '', **options: object) -> None:
        handlers: Handlers | None = options.get('handlers')  # type: ignore[assignment]
        self.apps[name] = App(name, role, endpoint or interface, interface, handlers)

    def add_unit(self, app: str) -> str:
        unit = f'{app}/{self.apps[app].next_unit}'
        self.apps[app].next_unit += 1
        self.apps[app].leader = self.apps[app].leader or unit
        self.units.append(unit)
        for relation in self.relations.values():
            if app in relation.apps and not relation.dying:
                self._enter(relation, unit)
        return unit

    def relate(self, one: str, other: str) -> int:
        number = max(self.relations, default=-1) + 1
        endpoint = self.apps[one].endpoint or self.apps[other].endpoint
        apps = {name: self.apps[name].endpoint or endpoint for name in (one, other)}
        relation = self.relations[number] = Relation(apps, number)
        for unit in self.units:
            if unit.split('/')[0] in relation.apps:
                self._enter(relation, unit)
        return number

    def unrelate(self, number: int) -> None:
        self.relations[number].dying = True
        self.relations[number].units.clear()

    def remove_unit(self, unit: str) -> None:
        self.dying.add(unit)
        for relation in self.relations.values():
            if unit in relation.units:
                relation.units.remove(unit)
        app = self.apps[unit.split('/')[0]]
        if app.leader == unit:
            app.leader = next((u for u in self.units if u.split('/')[0] == app.name and u not in self.dying), '')

    def write_bag(self, number: int, unit: str, bag: Mapping[str, str | None]) -> None:
        relation = self.relations[number]
        before = dict(relation.bags[unit])
        for key, value in bag.items():
            if value in (None, ''):
                relation.bags[unit].pop(key, None)
            else:
                relation.bags[unit][key] = str(value)
        if before != relation.bags[unit]:
            relation.versions[unit] += 1

    def bag(self, number: int, unit: str) -> dict[str, str]:
        automatic = ('private-address', 'ingress-address', 'egress-subnets')
        return {key: value for key, value in self.relations[number].bags[unit].items() if key not in automatic}

    # ---- hooks

    def settle(self) -> list[Result]:
        """Run hooks until none is due; return what they did."""
        results: list[Result] = []
        for _ in range(500):
            due = next((d for unit in self.units if (d := self._due(unit))), None)
            if due is None:
                return results
            results.append(self.run(*due))
        raise AssertionError('hooks did not settle')

    def run(self, unit: str, hook: str, relation: Relation | None = None, remote: str = '') -> Result:
        """Run one hook; raises HookFailed, with everything as it was before, if it fails."""
        self._enter_hook(hook, relation, unit, remote)
        app = self.apps[unit.split('/')[0]]
        if not app.role:
            return Result()
        result = self._fork(unit, hook, relation, remote)
        self.results.append((unit, hook, result))
        if result.failure:
            raise HookFailed(result.failure)
        for number, bag in result.writes.items():
            self.write_bag(number, unit, bag)
        return result

    def flags(self, unit: str) -> set[str]:
        """Return the flags of the unit's endpoint, without the framework's own."""
        with contextlib.closing(sqlite3.connect(self._unit_directory(unit) / 'state.db')) as store:
            keys = store.execute("select key from kv where key like 'reactive.states.%'").fetchall()
        flags = {key.removeprefix('reactive.states.') for (key,) in keys}
        return {flag for flag in flags if not flag.startswith('endpoint.')}

    def _enter(self, relation: Relation, unit: str) -> None:
        app, _, index = unit.partition('/')
        address = f'10.0.{zlib.crc32(app.encode()) % 250}.{int(index) + 1}'
        relation.units.append(unit)
        relation.bags[unit] = {
            'private-address': address,
            'ingress-address': address,
            'egress-subnets': address + '/32',
        }
        relation.versions[unit] = 0
        relation.members[unit] = {}

    def _due(self, unit: str) -> tuple[str, str, Relation | None, str] | None:
        for relation in self.relations.values():
            members = relation.members.get(unit)
            if members is None:
                continue
            endpoint = relation.apps[unit.split('/')[0]]
            gone_self = unit not in relation.units
            remotes = [] if gone_self else relation.others(unit)
            for remote in sorted(members):
                if remote not in remotes:
                    return unit, f'{endpoint}-relation-departed', relation, remote
            if gone_self:
                return unit, f'{endpoint}-relation-broken', relation, ''
            for remote in sorted(remotes):
                if remote not in members:
                    return unit, f'{endpoint}-relation-joined', relation, remote
                if members[remote] != relation.versions[remote]:
                    return unit, f'{endpoint}-relation-changed', relation, remote
        return None

    def _enter_hook(self, hook: str, relation: Relation | None, unit: str, remote: str) -> None:
        if relation is None:
            return
        members = relation.members[unit]
        if hook.endswith('-joined'):
            members[remote] = -1  # its changed is owed
        elif hook.endswith('-changed'):
            members[remote] = relation.versions[remote]
        elif hook.endswith('-departed'):
            members.pop(remote, None)
        elif hook.endswith('-broken'):
            del relation.members[unit]

    def _unit_directory(self, unit: str) -> Path:
        return self.directory / unit.replace('/', '-')

    def _environment(self, unit: str, hook: str, relation: Relation | None, remote: str) -> dict[str, str]:
        directory = self._unit_directory(unit)
        environment = {
            'CHARM_DIR': str(directory / 'charm'),
            'JUJU_CHARM_DIR': str(directory / 'charm'),
            'UNIT_STATE_DB': str(directory / 'next.db'),
            'JUJU_UNIT_NAME': unit,
            'JUJU_HOOK_NAME': hook,
            'JUJU_MODEL_NAME': 'test',
        }
        if relation is not None:
            endpoint = relation.apps[unit.split('/')[0]]
            environment |= {'JUJU_RELATION': endpoint, 'JUJU_RELATION_ID': f'{endpoint}:{relation.number}'}
            environment |= {'JUJU_REMOTE_UNIT': remote}
        if hook.endswith('-departed'):
            environment['JUJU_DEPARTING_UNIT'] = unit if unit in self.dying else remote
        return environment

    def _fork(self, unit: str, hook: str, relation: Relation | None, remote: str) -> Result:
        self._furnish(unit)
        receiver, sender = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            result = Result()
            try:
                os.close(receiver)
                self._child(unit, self._environment(unit, hook, relation, remote), result)
            except BaseException:
                result.failure = traceback.format_exc()
            finally:
                with os.fdopen(sender, 'wb') as pipe:
                    pickle.dump(result, pipe)
                os._exit(0)
        os.close(sender)
        with os.fdopen(receiver, 'rb') as pipe:
            left: Result = pickle.load(pipe)  # noqa: S301  # written by our own child
        os.waitpid(child, 0)
        if not left.failure:
            (self._unit_directory(unit) / 'next.db').replace(self._unit_directory(unit) / 'state.db')
        return left

    def _furnish(self, unit: str) -> None:
        app = self.apps[unit.split('/')[0]]
        charm = self._unit_directory(unit) / 'charm'
        if not charm.exists():
            shutil.copytree(INTERFACES / app.interface, charm / 'hooks' / 'relations' / app.interface)
            metadata = {'name': app.name, app.role: {app.endpoint: {'interface': app.interface}}}
            (charm / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
        state = self._unit_directory(unit) / 'state.db'
        (self._unit_directory(unit) / 'next.db').unlink(missing_ok=True)
        if state.exists():
            shutil.copy(state, self._unit_directory(unit) / 'next.db')

    def _child(self, unit: str, environment: dict[str, str], result: Result) -> None:
        os.environ.update(environment)
        os.chdir(environment['CHARM_DIR'])
        sys.argv = [f'hooks/{environment["JUJU_HOOK_NAME"]}']
        warnings.simplefilter('ignore')
        from charmhelpers.core import hookenv

        hookenv.subprocess = _Tools(self, unit, result)
        import charms.reactive

        handlers = self.apps[unit.split('/')[0]].handlers
        if handlers:
            handlers(Hook(result))
        charms.reactive.main()


class _Tools(types.SimpleNamespace):
    """Stands for the subprocess module in charmhelpers: hook tools answered from the model as the fork saw it."""

    CalledProcessError = subprocess.CalledProcessError
    STDOUT = subprocess.STDOUT

    def __init__(self, juju: Juju, unit: str, result: Result) -> None:
        super().__init__()
        self.juju, self.unit, self.result = juju, unit, result

    def call(self, arguments: list[str], **_: object) -> int:
        self.check_output(arguments)
        return 0

    check_call = call

    def check_output(self, arguments: list[str], **_: object) -> bytes | str:
        tool, *rest = arguments
        self.result.tools.append(' '.join(arguments))
        if tool == 'relation-set' and '--help' in rest:
            return '--file'
        answer = getattr(self, tool.replace('-', '_'))([word for word in rest if word != '--format=json'])
        return json.dumps(answer).encode()

    def juju_log(self, words: list[str]) -> None:
        self.result.log.append(' '.join(words))

    def relation_ids(self, words: list[str]) -> list[str]:
        app = self.unit.split('/')[0]
        mine = [r for r in self.juju.relations.values() if self.unit in r.members or self._breaking(r)]
        return [f'{words[0]}:{r.number}' for r in mine if r.apps.get(app) == words[0]]

    def _breaking(self, relation: Relation) -> bool:
        return os.environ.get('JUJU_RELATION_ID', '').endswith(f':{relation.number}')

    def relation_list(self, words: list[str]) -> list[str]:
        return sorted(self._relation(words).members.get(self.unit, {}))

    def relation_get(self, words: list[str]) -> dict[str, str]:
        if '--app' in words:
            return {}
        relation, unit = self._relation(words), words[-1]
        return dict(relation.bags[unit])

    def relation_set(self, words: list[str]) -> None:
        settings = yaml.safe_load(Path(words[words.index('--file') + 1]).read_text())
        number = self._relation(words).number
        relation = self.juju.relations[number]
        assert all(value is None or isinstance(value, str) for value in settings.values()), settings
        before = relation.bags[self.unit]
        changed = {key: value for key, value in settings.items() if before.get(key) != value}
        self.result.writes.setdefault(number, {}).update(changed)

    def unit_get(self, words: list[str]) -> str:
        return '10.9.9.9'

    def is_leader(self, words: list[str]) -> bool:
        return self.juju.apps[self.unit.split('/')[0]].leader == self.unit

    def config_get(self, words: list[str]) -> dict[str, object]:
        return {}

    def _relation(self, words: list[str]) -> Relation:
        return self.juju.relations[int(words[words.index('-r') + 1].rpartition(':')[2])]
