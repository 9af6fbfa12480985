"""canonical-kubernetes on the store of real software, and what the scenarios do with it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from juju_local._db import Database

from tests.model.cluster import CLIENT, MASTER, ROOT, WORKER, Cluster

BUNDLE = Path(os.environ.get('E2E_BUNDLE', ROOT / 'bundle.yaml'))  # another one, while charms are changed
OVERLAY = ROOT / 'overlays/real.yaml'
IMAGE = 'busybox:1.35'
PORT = 8080
DEPLOY = ('deploy', str(BUNDLE), '--store', 'real', '--overlay', str(OVERLAY))
HEAL_S = 180.0  # Kubernetes tries again after up to minutes; nothing below waits longer than it must
Object = dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """How long it took from nothing, in seconds."""

    settled: float  # every unit active
    ready: float  # and every node Ready


class Real(Cluster):
    """A cluster of real machines; kubectl is the master's own."""

    def deploy(self) -> Deployed:
        began = time.monotonic()
        self.juju(*DEPLOY)
        settled = time.monotonic()
        self.until_ready(2)
        return Deployed(settled - began, time.monotonic() - began)

    # -- the API

    def kubectl(self, *arguments: str, master: str = '') -> Any:
        return super().kubectl(*arguments, master=master or f'{MASTER}/0')  # the only one: who leads need not be asked

    def apply(self, *objects: Object) -> None:
        """Create or change objects."""
        self.shell(f'{MASTER}/0', 'kubectl apply -f -', stdin=yaml.safe_dump_all(objects))

    def get(self, *what: str) -> Any:
        return self.kubectl('get', *what, '-o', 'json')

    def delete(self, *what: str) -> None:
        self.kubectl('delete', '--wait=true', '--timeout=120s', *what)

    def until_ready(self, nodes: int) -> None:
        """Wait until there are so many nodes, each Ready."""
        assert self.eventually(lambda: list(self.nodes().values()) == [True] * nodes, HEAL_S), self.nodes()

    def pods(self, selector: str) -> list[Object]:
        """Return the pods that nobody has asked to end."""
        items: list[Object] = self.get('pods', '-l', selector)['items']
        return [pod for pod in items if 'deletionTimestamp' not in pod['metadata']]

    def running(self, selector: str) -> list[Object]:
        """Return the pods that run and are ready."""
        return [pod for pod in self.pods(selector) if _is_ready(pod)]

    def until_running(self, selector: str, count: int) -> list[Object]:
        """Wait until just so many pods are there, all ready."""

        found: list[list[Object]] = []

        def there() -> bool:
            found.append(self.pods(selector))
            return len(found[-1]) == count and all(map(_is_ready, found[-1]))

        assert self.eventually(there, HEAL_S), self.kubectl('describe', 'pods', '-l', selector)
        return found[-1]

    def configz(self, unit: str) -> Object:
        """Return what the kubelet of a unit runs with, as it tells itself; nothing while it does not answer."""
        path = f'/api/v1/nodes/{self.node_of(unit)}/proxy/configz'
        said = self.shell(f'{MASTER}/0', f'kubectl get --raw {path}', check=False)
        return dict(json.loads(said)['kubeletconfig']) if said else {}

    def proxy_configz(self, unit: str) -> Object:
        """Return what the kube-proxy of a unit runs with, as it tells itself; nothing while it does not answer."""
        said = self.fetch(unit, 'http://127.0.0.1:10249/configz')
        return dict(json.loads(said)['kubeproxy.config.k8s.io']) if said else {}

    # -- machines

    def address(self, unit: str) -> str:
        # from the model: the command line takes a second where the machine is busy
        with closing(Database(self.folder)) as database:
            model = database.read()
        return model.machines[model.units[unit].machine].address

    def node_of(self, unit: str) -> str:
        with closing(Database(self.folder)) as database:
            model = database.read()
        return model.machines[model.units[unit].machine].hostname.lower()

    def fetch(self, unit: str, url: str) -> str:
        """Return what a URL answers on a unit's machine, '' if nothing does within seconds."""
        return self.shell(unit, f'curl --silent --fail --max-time 3 {shlex.quote(url)}', check=False).strip()

    def until_answered(self, unit: str, url: str) -> str:
        said: list[str] = []

        def answers() -> bool:
            said.append(self.fetch(unit, url))
            return said[-1] != ''

        assert self.eventually(answers, HEAL_S), f'{url} does not answer on {unit}'
        return said[-1]

    def containers(self, unit: str) -> set[str]:
        """Return the ids of the containers that run on a unit's machine, of pods that are to stay."""
        found = [pod['metadata'] for pod in self.kubectl('get', 'pods', '-A', '-o', 'json')['items']]
        there = {each['uid'] for each in found if 'deletionTimestamp' not in each}
        form = '{{.ID}} {{.Label "io.kubernetes.pod.uid"}}'
        listed = self.shell(unit, f"docker ps --no-trunc --format '{form}'").splitlines()
        return {number for number, _, uid in (line.partition(' ') for line in listed) if uid in there}

    def kill(self, unit: str, service: str) -> None:
        """End the main process of a service without warning, and wait until another one runs."""
        before = self.pid(unit, service)
        assert before != '0', f'{service} does not run on {unit}'
        self.shell(unit, f'kill -9 {before}')
        assert self.eventually(lambda: self.pid(unit, service) not in ('0', before), HEAL_S), f'{service} stays away'

    def action(self, unit: str, name: str, **parameters: bool | int | str) -> tuple[str, str]:
        """Run an action; return its status and message."""
        words = [f'{key.replace("_", "-")}={_text(value)}' for key, value in parameters.items()]
        process = subprocess.run(
            [str(CLIENT), '--quiet', 'run-action', unit, name, *words, '--wait', '--format', 'json'],
            env={**os.environ, 'JUJU_LOCAL_DATA': str(self.data)},
            capture_output=True,
            text=True,
            timeout=280,
        )
        (answer,) = json.loads(process.stdout).values()
        return answer['status'], answer.get('message', '')


def _is_ready(pod: Object) -> bool:
    return any(c['type'] == 'Ready' and c['status'] == 'True' for c in pod['status'].get('conditions', []))


def _text(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def web(name: str, replicas: int, **pod: Any) -> Object:
    """Return a deployment whose pods answer with their names; `pod` goes into their spec."""
    script = f'mkdir -p /www && hostname >/www/index.html && exec httpd -f -p {PORT} -h /www'
    return {
        'apiVersion': 'apps/v1',
        'kind': 'Deployment',
        'metadata': {'name': name},
        'spec': {
            'replicas': replicas,
            'selector': {'matchLabels': {'app': name}},
            'template': template(name, script, topologySpreadConstraints=[spread(name)], **pod),
        },
    }


def template(name: str, script: str, **pod: Any) -> Object:
    """Return pods that run a shell script which answers on PORT."""
    container = {
        'name': name,
        'image': IMAGE,
        'command': ['/bin/sh', '-c', script],
        'ports': [{'containerPort': PORT}],
        'readinessProbe': {'httpGet': {'port': PORT, 'path': '/'}, 'periodSeconds': 2},
    }
    spec = {'terminationGracePeriodSeconds': 1, 'containers': [container], **pod}
    return {'metadata': {'labels': {'app': name}}, 'spec': spec}


def spread(name: str) -> Object:
    return {
        'maxSkew': 1,
        'topologyKey': 'kubernetes.io/hostname',
        'whenUnsatisfiable': 'ScheduleAnyway',
        'labelSelector': {'matchLabels': {'app': name}},
    }


def service(name: str, node_port: int) -> Object:
    ports = [{'port': 80, 'targetPort': PORT, 'nodePort': node_port}]
    return {
        'apiVersion': 'v1',
        'kind': 'Service',
        'metadata': {'name': name},
        'spec': {'type': 'NodePort', 'selector': {'app': name}, 'ports': ports},
    }


def names(pods: list[Object]) -> set[str]:
    return {pod['metadata']['name'] for pod in pods}


def nodes(pods: list[Object]) -> set[str]:
    return {pod['spec']['nodeName'] for pod in pods}


def restarts(pods: list[Object]) -> Mapping[str, int]:
    return {pod['metadata']['name']: pod['status']['containerStatuses'][0]['restartCount'] for pod in pods}


def outside() -> list[str]:
    """Return what there is of networks outside of all models: interfaces, and rules of the packet filter."""
    rules: list[str] = []
    for program in ('iptables-save', 'ip6tables-save'):
        if found := shutil.which(program, path='/usr/sbin:/sbin:/usr/bin:/bin'):
            said = subprocess.run([found], capture_output=True, text=True, timeout=60).stdout
            rules += [line for line in said.splitlines() if line.startswith('-')]
    return sorted(path.name for path in Path('/sys/class/net').iterdir()) + rules


def traces(data: Path) -> list[str]:
    """Return what is left of the models in a folder: processes, mounts, control groups. Ours only: others work here."""
    found = [line for line in Path('/proc/self/mountinfo').read_text().splitlines() if str(data) in line]
    found += [str(path) for path in Path('/sys/fs/cgroup').glob('**/juju-local.*') if _group(data).search(path.name)]
    return found + processes(data)


def processes(data: Path) -> list[str]:
    """Return the running processes of the models in a folder, with the end of their command lines."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            group, line = (process / 'cgroup').read_text(), (process / 'cmdline').read_text().replace('\0', ' ')
            state = (process / 'stat').read_text().rpartition(')')[2].split()[0]
        except OSError:
            continue
        if state in 'ZX':
            continue  # it has ended, and this machine's init has yet to take notice
        if _group(data).search(group) or f'{data}/' in line:
            found.append(f'process {process.name}: {line[-200:]}')
    return found


def _group(data: Path) -> re.Pattern[str]:
    return re.compile(re.escape(f'juju-local.{str(data).replace("/", "%2F")}'))


WORKERS = (f'{WORKER}/0', f'{WORKER}/1')
OUTSIDE = 'kubeapi-load-balancer/0'  # a machine of the model that runs nothing of Kubernetes
