"""A machine and a model in memory for companions: their one door to programs, `hooktools.run`, is answered here."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

COMPANIONS = Path(__file__).parents[3] / 'companions'


class Machine:
    """One unit of a companion: its relations, config, files (under `root`) and services."""

    def __init__(self, name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name, self.root, self.monkeypatch = name, root, monkeypatch
        self.folder = COMPANIONS / name
        self.unit = f'{name}/0'
        self.leader, self.leader_data = True, dict[str, str]()
        options = yaml.safe_load((self.folder / 'config.yaml').read_text()) if self._has('config.yaml') else {}
        self.config = {key: option['default'] for key, option in (options.get('options') or {}).items()}
        self.endpoints: dict[str, str] = {}  # relation -> endpoint
        self.bags: dict[str, dict[str, dict[str, str]]] = {}  # relation -> unit -> bag
        self.active: set[str] = set()
        self.ports: set[str] = set()
        self.status = ('', '')
        self.calls: list[list[str]] = []
        self.broken: dict[str, str] = {}  # program -> what it says on failing
        monkeypatch.setattr(self.module('hooktools'), 'run', self.run)

    def _has(self, file: str) -> bool:
        return (self.folder / file).exists()

    def module(self, name: str) -> Any:
        return importlib.import_module(name)

    def relate(self, endpoint: str, *units: str) -> str:
        relation = f'{endpoint}:{len(self.endpoints)}'
        self.endpoints[relation] = endpoint
        self.bags[relation] = {unit: {} for unit in (self.unit, *units)}
        return relation

    def hook(self, name: str, relation: str = '', remote: str = '', departing: str = '') -> None:
        """Run a hook; what it called is in `calls`."""
        self.calls.clear()
        environment = {
            'JUJU_HOOK_NAME': name,
            'JUJU_UNIT_NAME': self.unit,
            'JUJU_RELATION_ID': relation,
            'JUJU_REMOTE_UNIT': remote,
            'JUJU_DEPARTING_UNIT': departing,
        }
        for key, value in environment.items():
            self.monkeypatch.setenv(key, value)
        self.module('charm').main(self.root)

    def bag(self, relation: str) -> dict[str, str]:
        return self.bags[relation][self.unit]

    def made(self, program: str) -> list[list[str]]:
        return [call for call in self.calls if call[0] == program]

    # ---- programs

    def run(self, arguments: list[str], stdin: str = '') -> str:
        self.calls.append(list(arguments))
        if arguments[0] in self.broken:
            raise self.module('hooktools').ToolFailed(f'{arguments[0]} {self.broken[arguments[0]]}')
        if arguments[0] == 'openssl':
            return subprocess.run(arguments, input=stdin, capture_output=True, text=True, check=True).stdout
        words = [word for word in arguments[1:] if word != '--format=json']
        answer: Any = getattr(self, Path(arguments[0]).name.replace('-', '_'))(words, stdin)
        return json.dumps(answer) if '--format=json' in arguments else str(answer)

    def juju_log(self, words: list[str], _: str) -> str:
        return ''

    application_version_set = juju_log

    def status_set(self, words: list[str], _: str) -> str:
        self.status = (words[0], words[1])
        return ''

    def config_get(self, words: list[str], _: str) -> Any:
        return self.config

    def is_leader(self, words: list[str], _: str) -> Any:
        return self.leader

    def leader_get(self, words: list[str], _: str) -> Any:
        return self.leader_data

    def leader_set(self, words: list[str], _: str) -> str:
        self.leader_data |= dict(word.split('=', 1) for word in words)
        return ''

    def network_get(self, words: list[str], _: str) -> Any:
        return {'ingress-addresses': ['10.87.0.7']}

    def unit_get(self, words: list[str], _: str) -> Any:
        return '10.87.0.7'

    def opened_ports(self, words: list[str], _: str) -> Any:
        return sorted(self.ports)

    def open_port(self, words: list[str], _: str) -> str:
        self.ports.add(words[0])
        return ''

    def close_port(self, words: list[str], _: str) -> str:
        self.ports.remove(words[0])
        return ''

    def relation_ids(self, words: list[str], _: str) -> Any:
        return [relation for relation, endpoint in self.endpoints.items() if endpoint == words[0]]

    def relation_list(self, words: list[str], _: str) -> Any:
        return [unit for unit in self.bags[words[1]] if unit != self.unit]

    def relation_get(self, words: list[str], _: str) -> Any:
        return self.bags[words[1]][words[-1]]

    def relation_set(self, words: list[str], stdin: str) -> str:
        bag = self.bag(words[1])
        for key, value in json.loads(stdin).items():
            bag.pop(key, None) if value == '' else bag.update({key: value})
        return ''

    def systemctl(self, words: list[str], _: str) -> str:
        verb, service = words[0], words[-1]
        if verb in ('restart', 'start'):
            self.active.add(service)
        elif '--now' in words:
            self.active.discard(service)
        return 'active' if service in self.active else 'inactive'

    def snap(self, words: list[str], _: str) -> str:
        current = self.root / 'snap/etcd/current'
        current.parent.mkdir(parents=True, exist_ok=True)
        current.unlink(missing_ok=True)
        current.symlink_to(str(len(list(current.parent.iterdir())) + len(words[2])))
        return ''

    def etcd(self, words: list[str], _: str) -> str:
        return 'etcd Version: 3.4.23\nGit SHA: x\n'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Machine]]:
    """Return a maker of one machine; the charm's modules are imported for this test only."""

    def make(name: str) -> Machine:
        monkeypatch.syspath_prepend(str(COMPANIONS / name / 'lib'))
        return Machine(name, tmp_path, monkeypatch)

    before: dict[str, ModuleType] = dict(sys.modules)
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    yield make
    for name in ('hooktools', 'charm', 'authority', 'proxy'):
        if name not in before:
            sys.modules.pop(name, None)
