"""canonical-kubernetes in the embedded model, driven by the command line as a user drives it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import juju_local
from juju_local._db import Database, Run
from juju_local._machine import PATH, Machines
from juju_local._state import Model

from tests.model import warm

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(sys.executable).with_name('juju-local')
STORE = Path(juju_local.__file__).parent / 'stand_ins'
MASTER, WORKER = 'kubernetes-master', 'kubernetes-worker'


@dataclass(frozen=True)
class Cluster:
    """A model whose folder lies under `data`."""

    data: Path

    @property
    def folder(self) -> Path:
        return self.data / 'default'

    # -- verbs

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a verb without waiting for its end."""
        return subprocess.Popen(
            [str(CLIENT), *arguments],
            env=self._environment(environment),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def juju(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """Run a verb to its end; returns what it said. `check`: it must have succeeded."""
        ended = warm.run(arguments, self._environment(environment), ROOT, timeout_s=280, together=True)
        said = ended.stdout.decode()
        assert not check or ended.returncode == 0, f'juju-local {" ".join(arguments)}: {ended.returncode}\n{said}'
        return said

    def answer(self, *arguments: str) -> Any:
        """Return what a verb says with --format json."""
        ended = warm.run(('--quiet', *arguments, '--format', 'json'), self._environment({}), ROOT, timeout_s=280)
        assert ended.returncode == 0, f'juju-local {" ".join(arguments)}: {ended.returncode}\n{ended.stderr.decode()}'
        return json.loads(ended.stdout)

    def _environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        return {'JUJU_LOCAL_PATIENCE': '100s', **os.environ, **changes, 'JUJU_LOCAL_DATA': str(self.data)}

    def deploy_workers(self, app: str, units: int, control: str = MASTER) -> None:
        """Record one more application of workers; `wait` brings it about."""
        resource = 'cni-amd64=./build/resources/cni-amd64.tgz'
        charm = f'./build/{WORKER}'
        self.juju('deploy', charm, app, '-n', str(units), '--resource', resource, '--no-wait')
        for endpoint, peer in (
            ('kube-control', f'{control}:kube-control'),
            ('kube-api-endpoint', 'kubeapi-load-balancer:website'),
            ('certificates', 'easyrsa:client'),
            ('cni', 'flannel:cni'),
        ):
            self.juju('add-relation', f'{app}:{endpoint}', peer, '--no-wait')

    def upgrade(self, app: str, charm: str = '', check: bool = True) -> None:
        """Upgrade an application to a charm that differs in nothing that matters.

        Args:
            app: the application.
            charm: its charm, where that has another name.
            check: its units must be well afterwards.
        """
        changed = self.data / f'{app}-upgrade'
        shutil.copytree(ROOT / 'build' / (charm or app), changed, dirs_exist_ok=True, symlinks=True)
        (changed / 'version').write_text(str(time.time()))
        self.juju('upgrade-charm', app, '--path', str(changed), check=check)

    def name_machine(self, unit: str, hostname: str) -> None:
        """Give the machine of a unit that was only recorded this host name, as a cloud that uses its names again."""
        with closing(Database(self.folder)) as database, database.transaction() as model:
            machine = model.machines[model.units[unit].machine]
            machine.hostname = hostname
            model.touch('machine', machine.id)

    def move_machine(self, unit: str, address: str) -> None:
        """Boot all machines anew, that of a unit with another address, as a cloud may."""
        Machines(self.folder, STORE).halt()
        with closing(Database(self.folder)) as database, database.transaction() as model:
            machine = model.machines[model.units[unit].machine]
            machine.address = address
            model.touch('machine', machine.id)
        self.juju('--quiet', 'wait')

    # -- what can be seen

    def units(self) -> dict[str, dict[str, Any]]:
        """Return every unit of `status`, subordinates too."""
        found: dict[str, dict[str, Any]] = {}
        for app in self.answer('status')['applications'].values():
            for name, unit in (app.get('units') or {}).items():
                found[name] = unit
                found.update(unit.get('subordinates') or {})
        return found

    def status(self, unit: str) -> tuple[str, str]:
        """Return a unit's workload status and message."""
        shown = self.units()[unit]['workload-status']
        return shown['current'], shown.get('message', '')

    def leader(self, app: str) -> str:
        return self.model().applications[app].leader

    def model(self) -> Model:
        """Return what is recorded of the model; `status` would tell it too, in the time of a process."""
        with closing(Database(self.folder)) as database:
            return database.read()

    def bag(self, endpoint: str, unit: str, relation: int | None = None) -> dict[str, str]:
        """Return what `unit` shows on the relation of one of its endpoints."""
        model = self.model()
        app = unit.partition('/')[0]
        ids = [
            number
            for number, entry in model.relations.items()
            if relation in (None, number) and any((end.app, end.endpoint) == (app, endpoint) for end in entry.ends)
        ]
        assert len(ids) == 1, f'{app}:{endpoint} has the relations {ids}'
        return dict(model.bag(ids[0], unit).data)

    def relation_ids(self, app: str, endpoint: str) -> list[int]:
        relations = self.model().relations.values()
        return [one.id for one in relations if any((end.app, end.endpoint) == (app, endpoint) for end in one.ends)]

    def runs(self, unit: str = '', after: int = 0) -> list[Run]:
        """Return the hooks, actions and commands that ran, of one unit or of all."""
        with closing(Database(self.folder)) as database:
            return [run for number, run in database.runs(after) if number > after and unit in ('', run.unit)]

    def last_run(self) -> int:
        with closing(Database(self.folder)) as database:
            return max((number for number, _ in database.runs()), default=0)

    def machine(self, unit: str) -> str:
        return self.model().units[unit].machine

    # -- inside a machine

    def inside(self, unit: str, *command: str, stdin: str = '') -> subprocess.CompletedProcess[bytes]:
        """Run a command on a unit's machine as `ssh` does, but for the process of the verb: tests look often."""
        environment = {'PATH': PATH, 'LANG': 'C.UTF-8', 'HOME': '/root', 'USER': 'root'}
        machines = Machines(self.folder, STORE)
        return machines.run(self.machine(unit), command, cwd='/root', env=environment, stdin=stdin.encode())

    def shell(self, unit: str, script: str, check: bool = True, stdin: str = '') -> str:
        """Run a shell script on a unit's machine; returns its stdout."""
        process = self.inside(unit, '/bin/sh', '-c', script, stdin=stdin)
        assert not check or process.returncode == 0, f'{script}: {process.returncode}\n{process.stderr.decode()}'
        return process.stdout.decode()

    def read(self, unit: str, path: str) -> str:
        return self.shell(unit, f'cat {path}')

    def digest(self, unit: str, *paths: str) -> str:
        """Return one text that differs whenever one of these files or folders does."""
        return self.shell(unit, f'find {" ".join(paths)} -type f 2>/dev/null | sort | xargs sha256sum')

    def pid(self, unit: str, service: str) -> str:
        """Return the main process of a service: another one means that it was restarted."""
        return self.shell(unit, f'systemctl show -p MainPID --value {service}').strip()

    def kubectl(self, *arguments: str, master: str = '') -> Any:
        """Run kubectl on a master (the leader unless told); returns its JSON answer, or its text if it gives none."""
        process = self.inside(master or self.leader(MASTER), 'kubectl', *arguments)
        assert process.returncode == 0, f'kubectl {" ".join(arguments)}: {process.stderr.decode()}'
        return json.loads(process.stdout) if 'json' in arguments else process.stdout.decode()

    def until_api_answers(self) -> None:
        """Wait for the leading master's API server, which was just started."""
        master = self.leader(MASTER)
        assert self.eventually(lambda: 'ok' in self.shell(master, 'kubectl get --raw /healthz', check=False))

    def nodes(self) -> dict[str, bool]:
        """Return the nodes of the cluster, and whether each is Ready."""
        items = self.kubectl('get', 'nodes', '-o', 'json')['items']
        return {
            node['metadata']['name']: any(
                c['type'] == 'Ready' and c['status'] == 'True' for c in node['status']['conditions']
            )
            for node in items
        }

    def node_of(self, unit: str) -> str:
        return self.shell(unit, 'hostname').strip().lower()

    def eventually(self, holds: Callable[[], bool], seconds: float = 180.0) -> bool:
        """Wait for what a daemon does by itself, outside any hook; a machine that is busy takes its time.

        What cannot be looked at yet does not hold: an API server that is starting, a node that is not there.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(AssertionError, LookupError):
                if holds():
                    return True
            time.sleep(0.5)
        return False

    def is_ready(self, unit: str) -> bool:
        """Wait until a worker's node is; its kubelet says so when its hooks are long over."""
        return self.eventually(lambda: self.nodes()[self.node_of(unit)])

    def destroy(self) -> None:
        self.juju('destroy-model', '--yes', check=False)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock that all test processes share."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def template(place: Path) -> Path:
    """Return a settled deployment in which nothing runs, made by whichever test process comes first."""
    with alone(place.with_suffix('.lock')):
        if not (place / 'done').exists():
            cluster = Cluster(place)
            (place / 'said').write_text(cluster.juju('deploy', './bundle.yaml'))
            Machines(cluster.folder, STORE).halt()
            (place / 'done').touch()
    return place


def extended(source: Path, place: Path, *verbs: tuple[str, ...]) -> Path:
    """Return a copy of a deployment after some verbs, settled; nothing runs in it, and one test process makes it."""
    with alone(place.with_suffix('.lock')):
        if not (place / 'done').exists():
            cluster = copy(source, place)
            for verb in verbs:
                cluster.juju('--quiet', *verb)
            Machines(cluster.folder, STORE).halt()
            (place / 'done').touch()
    return place


def copy(source: Path, target: Path) -> Cluster:
    """Return a copy of a deployment, up and settled: its machines boot, as after a power cut."""
    target.mkdir(parents=True)
    subprocess.run(['cp', '-a', '--reflink=auto', str(source / 'default'), str(target)], check=True)
    cluster = Cluster(target)
    cluster.juju('--quiet', 'wait')
    return cluster
