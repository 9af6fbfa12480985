"""Machines: Linux namespaces over a copy-on-write view of this machine. The one door to them.

A machine is its PID 1: with it go all its processes, mounts and interfaces; what it wrote stays in `machines/N/upper`
until the machine is removed. Nothing here is a child of ours, so machines outlive juju-local.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from juju_local import _boot, _cgroups, _network, _services, _store, _upper
from juju_local._errors import JujuLocalError

JUJU = '/usr/lib/juju-local'
RUN = '/run/juju-local'
SOCKET = f'{RUN}/agent.sock'
HOOKTOOL = f'{RUN}/hooktool'
PERL = '/usr/bin/perl'  # its interpreter
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin'
START_TIMEOUT_S = 60  # a starting init brings up all services of a machine that was there before
STOP_TIMEOUT_S = 5

OS_RELEASE = """\
PRETTY_NAME="Ubuntu 22.04.5 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.5 LTS (Jammy Jellyfish)"
VERSION_CODENAME=jammy
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=jammy
"""
LSB_RELEASE = """\
DISTRIB_ID=Ubuntu
DISTRIB_RELEASE=22.04
DISTRIB_CODENAME=jammy
DISTRIB_DESCRIPTION="Ubuntu 22.04.5 LTS"
"""


class MachineError(JujuLocalError):
    """A machine could not be started or used."""


class NotPermittedError(MachineError):
    """This machine does not let us make namespaces; the remedy says what is missing."""


@dataclass(frozen=True)
class Spec:
    """What a machine is to be."""

    id: str
    hostname: str
    address: str
    model: str = 'default'
    version: str = '2.9.49'
    series: str = 'jammy'
    gpus: tuple[str, ...] = ()


def is_initial_user_namespace() -> bool:
    return Path('/proc/self/uid_map').read_text().split() == ['0', '0', '4294967295']


class Machines:
    """All machines of one model. `directory` is the model's folder."""

    def __init__(self, directory: Path, store: Path) -> None:
        self.directory = directory.resolve()
        self.store = _store.read(store)
        self.unprivileged = os.geteuid() != 0
        self.composed = not is_initial_user_namespace() or self.unprivileged
        self.run_directory = self.directory / 'run'
        self._switch_lock = threading.Lock()
        self._group = _cgroups.model_group(self.directory)
        self._nsenter = shutil.which('nsenter', path=PATH) or 'nsenter'

    # -- asking

    def pid(self, machine: str) -> int | None:
        """Return the pid of a machine's PID 1 as seen from here, or None when it is not up."""
        return self._alive(f'machine-{machine}', 'ready')

    def is_running(self, machine: str) -> bool:
        return self.pid(machine) is not None

    def root(self, machine: str) -> Path:
        """Return the machine's root directory as seen from here."""
        pid = self.pid(machine)
        if pid is None:
            raise MachineError(f'machine {machine} is not running')
        return Path(f'/proc/{pid}/root')

    # -- starting and stopping

    def start(self, spec: Spec, hosts: Mapping[str, str]) -> None:
        """Start a machine, new or again; `hosts` maps host names to addresses. Nothing to do when it is up.

        Raises:
            NotPermittedError: when namespaces are not allowed here.
            MachineError: when something else is in the way.
        """
        self.ensure_switch()
        if self.is_running(spec.id):
            return
        self.kill(spec.id)  # one that was not ready when its starter died
        self._check_furniture()
        home = self.directory / 'machines' / spec.id
        for name in ('upper', 'work', 'root'):
            (home / name).mkdir(parents=True, exist_ok=True)
        _upper.prepare(home / 'upper', self.store.hide, composed=self.composed, unprivileged=self.unprivileged)
        self._boot(self._order(spec, hosts, home))

    def stop(self, machine: str) -> None:
        """Let PID 1 end its services, then end the machine. Its files stay."""
        pid = self.pid(machine)
        if pid is not None:
            _end(pid, signal.SIGTERM, STOP_TIMEOUT_S)
        self.kill(machine)

    def kill(self, machine: str) -> None:
        """End all processes of a machine at once."""
        pid = self._alive(f'machine-{machine}', '')
        if pid is not None:
            _end(pid, signal.SIGKILL, STOP_TIMEOUT_S)
        self._pid_file(f'machine-{machine}').unlink(missing_ok=True)
        _cgroups.remove(self._group, machine)

    def remove(self, machine: str) -> None:
        """End a machine and delete what it wrote."""
        self.kill(machine)
        _upper.remove_tree(self.directory / 'machines' / machine)

    def halt(self) -> None:
        """End all machines and the network at once. Their files stay: the folder may be copied now (`cp -a`)."""
        names = {path.stem.partition('-')[2] for path in self.run_directory.glob('machine-*.pid')}
        for machine in names:  # all of them are told first: the kernel takes its time with each
            if (pid := self._alive(f'machine-{machine}', '')) is not None:
                _end(pid, signal.SIGKILL, 0)
        for machine in names:
            self.kill(machine)
        switch = self._alive('switch', '')
        if switch is not None:
            _end(switch, signal.SIGKILL, STOP_TIMEOUT_S)
        _cgroups.remove(self._group)

    def destroy(self) -> None:
        """End and delete all machines and the network."""
        self.halt()
        for tree in (self.directory / 'machines', self.run_directory):
            _upper.remove_tree(tree)

    def ensure_switch(self) -> int:
        """Return the pid of the process that holds the model's bridge, started if need be."""
        with self._switch_lock:
            return self._ensure_switch()

    def _ensure_switch(self) -> int:
        switch = self._alive('switch', 'ready')
        if switch is not None:
            return switch
        for path in self.run_directory.glob('machine-*.pid'):  # their cables went with the old switch
            self.kill(path.stem.partition('-')[2])
        if not os.access(PERL, os.X_OK):
            raise MachineError(f'{PERL} is missing, which the hook tools need: install perl-base')
        if self.store.machine.cgroups:
            _cgroups.sweep()
        self.run_directory.mkdir(parents=True, exist_ok=True)
        _copy_program(Path(__file__).with_name('hooktool'), self.run_directory / 'hooktool')
        self._compile_store()
        return self._boot(
            {
                'kind': 'switch',
                'user_namespace': self.unprivileged,
                'own_network': _network.switch_commands(),
                'pid_file': str(self._pid_file('switch')),
                'init': self._switch_program(),
            }
        )

    def _switch_program(self) -> list[str]:
        """Return what holds the bridge: it runs the store's services there, or sleeps."""
        if not self.store.services:
            return [shutil.which('sleep', path=PATH) or '/bin/sleep', 'infinity']
        folders = {'directory': str(self.store.directory), 'log': str(self.run_directory)}
        return [
            sys.executable,
            '-I',
            '-S',
            _services.__file__,
            json.dumps({**folders, 'services': self.store.services}),
        ]

    def _compile_store(self) -> None:
        """Compile the store's modules: machines see it read-only and would compile them in each start of a program."""
        store = self.store.base or self.store
        sources, mark = _sources(store.directory), self.run_directory / 'compiled'
        if not sources or (mark.exists() and mark.read_text() == sources):
            return
        for python in ('/usr/bin/python3', sys.executable):
            command = [python, '-m', 'compileall', '-q', str(store.directory)]
            subprocess.run(command, capture_output=True, check=False)  # a store we may not write to is only slower
        mark.write_text(sources)

    # -- using

    def command(self, machine: str, argv: Sequence[str], *, cwd: str = '/') -> list[str]:
        """Return the argument list that runs `argv` in a machine."""
        pid = self.pid(machine)
        if pid is None:
            raise MachineError(f'machine {machine} is not running')
        user = ['-U', '--preserve-credentials'] if self.unprivileged else []
        namespaces = ['-m', '-u', '-i', '-n', '-p']
        return [self._nsenter, '-t', str(pid), *user, *namespaces, f'--wd=/proc/{pid}/root{cwd}', '--', *argv]

    def run(
        self,
        machine: str,
        argv: Sequence[str],
        *,
        cwd: str = '/',
        env: Mapping[str, str] | None = None,
        stdin: bytes = b'',
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a machine to its end."""
        environment = {'PATH': PATH, 'LANG': 'C.UTF-8', 'HOME': '/root'} if env is None else dict(env)
        command = self.command(machine, argv, cwd=cwd)
        return subprocess.run(command, input=stdin, capture_output=True, env=environment, check=False)

    def write_hosts(self, hosts: Mapping[str, str]) -> None:
        """Tell all running machines which machines there are."""
        for path in self.run_directory.glob('machine-*.pid'):
            pid = self.pid(path.stem.partition('-')[2])
            if pid is None:
                continue
            file = Path(f'/proc/{pid}/root/etc/hosts')
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                present = file.read_text()
                text = _network.merged_hosts(present, self._names(hosts))
                if text != present:
                    _boot.write(str(file), text)

    # -- inside

    def _names(self, hosts: Mapping[str, str]) -> dict[str, str]:
        """Return what machines look up: each other, and whom the store's services stand for."""
        return {**hosts, **dict.fromkeys(self.store.hosts, _network.GATEWAY)}

    def _pid_file(self, name: str) -> Path:
        return self.run_directory / f'{name}.pid'

    def _alive(self, name: str, state: str) -> int | None:
        """Return the pid in a pid file if it still is the process that was meant, in this state ('' = any)."""
        try:
            *identity, owner, found = self._pid_file(name).read_text().split()
            now = _boot.identity(identity[0]).split()
            status = Path(f'/proc/{identity[0]}/stat').read_text().rpartition(')')[2].split()[0]
        except (OSError, ValueError, IndexError):
            return None
        if identity != now or status in 'ZX' or owner != self._owner() or (state and state != found):
            return None
        return int(identity[0])

    def _owner(self) -> str:
        """Return what tells this folder from its copies: the pids in a copy's run/ are not the copy's."""
        state = self.directory.stat()
        return f'{state.st_dev}:{state.st_ino}'

    def _check_furniture(self) -> None:
        if self.composed and (self.store.machine.cgroups or self.store.machine.disk):
            raise NotPermittedError(
                f'the store {self.store.name} needs machines that only root can make',
                'Run juju-local as root (not in a user namespace), or use the store of stand-ins.',
            )

    def _disk(self, home: Path) -> list[tuple[str, str]]:
        """Return (source, folder) of what must not lie on an overlay; '' is memory, where the disk is an overlay."""
        is_overlay = _filesystem(home) == 'overlay'
        return [('' if is_overlay else f'{home}/disk{path}', path) for path in self.store.machine.disk]

    def _order(self, spec: Spec, hosts: Mapping[str, str], home: Path) -> dict[str, object]:
        cover = [] if self.directory.is_relative_to('/tmp') else [str(self.directory)]  # noqa: S108
        return {
            'kind': 'machine',
            'id': spec.id,
            'hostname': spec.hostname,
            'user_namespace': self.unprivileged,
            'composed': self.composed,
            'private': [path[1:] for path in _upper.PRIVATE],
            'switch': self.ensure_switch(),
            'own_network': _network.machine_commands(spec.address),
            'root': str(home / 'root'),
            'upper': str(home / 'upper'),
            'work': str(home / 'work'),
            'log': str(home / 'console.log'),
            'pid_file': str(self._pid_file(f'machine-{spec.id}')),
            'cover': cover,
            'binds': self._binds(),
            'links': self._links(spec),
            'files': _files(spec, self._names(hosts)),
            # not a link: a virtual environment's interpreter finds its packages by the path it is called by
            'programs': {f'{JUJU}/python': f'#!/bin/sh\nexec {sys.executable} "$@"\n'},
            'init': [f'{JUJU}/store/{self.store.init}'],
            'environment': dict(self.store.machine.environment),
            'sysctl': dict(self.store.machine.sysctl),
            'disk': self._disk(home),
            'cgroups': _cgroups.make(self._group, spec.id) if self.store.machine.cgroups else None,
        }

    def _binds(self) -> list[tuple[str, str, bool]]:
        """Return (source, target, read-only): the interpreter wherever it lies, the store and the socket's folder."""
        base = self.store.base
        prefixes = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent)}
        visible = [prefix for prefix in sorted(prefixes) if not prefix.startswith('/usr')]
        outer = [prefix for prefix in visible if not any(prefix.startswith(f'{other}/') for other in visible)]
        return [
            *((prefix, prefix, True) for prefix in outer),
            (str(self.store.directory), f'{JUJU}/store', True),
            *([(str(base.directory), f'{JUJU}/store/{_store.BASE}', True)] if base else []),
            (str(self.run_directory), RUN, True),
        ]

    def _links(self, spec: Spec) -> dict[str, str]:
        programs = {path: f'{JUJU}/store/{file}' for path, file in self.store.programs.items()}
        tools = f'/var/lib/juju/tools/machine-{spec.id}'
        return {**programs, f'{tools}/jujud': HOOKTOOL, '/usr/bin/juju-run': HOOKTOOL}

    def _boot(self, order: Mapping[str, object]) -> int:
        """Carry out an order; return the pid of the process it left."""
        order = {**order, 'owner': self._owner()}
        program = [sys.executable, '-I', '-S', _boot.__file__]
        done = subprocess.run(
            program,
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            start_new_session=True,
            env={'PATH': PATH},
            check=False,
        )
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = {
                'error': done.stderr.strip().splitlines()[-1] if done.stderr else f'exit {done.returncode}',
                'errno': 0,
            }
        if 'pid' in answer:
            return int(answer['pid'])
        what = f'cannot start machine {order["id"]}' if 'id' in order else 'cannot make the network of the model'
        if answer.get('step', '').startswith('make '):
            raise NotPermittedError(f'{what}: {answer["error"]}', remedy(self.unprivileged))
        raise MachineError(f'{what}: {answer["error"]}')


def remedy(unprivileged: bool) -> str:
    """Return what the user can do where namespaces are refused."""
    if not unprivileged:
        return (
            'juju-local runs as root here, but without the capability CAP_SYS_ADMIN (a container, most likely): '
            'start the container with --privileged, or run juju-local outside of it.'
        )
    off = [
        f'sudo sysctl -w {name}={good}'
        for name, good, bad in (
            ('kernel.unprivileged_userns_clone', '1', '0'),
            ('kernel.apparmor_restrict_unprivileged_userns', '0', '1'),
            ('user.max_user_namespaces', '15000', '0'),
        )
        if _sysctl(name) == bad
    ]
    how = f'allow it ({"; ".join(off)})' if off else 'allow unprivileged user namespaces'
    return f'Machines need a user namespace, which this system refuses to user {os.getuid()}: run as root, or {how}.'


def _filesystem(path: Path) -> str:
    """Return the type of the file system that a path lies on."""
    mounts = [line.partition(' - ') for line in Path('/proc/self/mountinfo').read_text().splitlines()]
    places = {mount.split()[4]: source.split()[0] for mount, _, source in mounts}
    return next(places[str(folder)] for folder in (path.resolve(), *path.resolve().parents) if str(folder) in places)


def _sources(folder: Path) -> str:
    """Return what changes with the modules in a folder; '' where there is none."""
    found = [path.stat().st_mtime_ns for path in folder.rglob('*.py')]
    return f'{sys.executable} {folder} {len(found)} {max(found)}\n' if found else ''


def _sysctl(name: str) -> str:
    try:
        return Path('/proc/sys', *name.split('.')).read_text().strip()
    except OSError:
        return ''


def _files(spec: Spec, hosts: Mapping[str, str]) -> dict[str, str]:
    about = {key: getattr(spec, key) for key in ('id', 'hostname', 'address', 'gpus', 'series', 'model')}
    tools = f'/var/lib/juju/tools/machine-{spec.id}'
    return {
        '/etc/hostname': f'{spec.hostname}\n',
        '/etc/hosts': _network.hosts(spec.hostname, dict(hosts)),
        '/etc/resolv.conf': '# no name server here\n',
        '/etc/machine-id': uuid.uuid5(uuid.NAMESPACE_OID, f'{spec.model}/{spec.id}').hex + '\n',
        '/etc/os-release': OS_RELEASE,
        '/usr/lib/os-release': OS_RELEASE,
        '/etc/lsb-release': LSB_RELEASE,
        f'{JUJU}/machine.json': json.dumps(about) + '\n',
        f'{tools}/downloaded-tools.txt': json.dumps({'version': f'{spec.version}-ubuntu-amd64', 'url': '', 'size': 0})
        + '\n',
    }


def _end(pid: int, how: signal.Signals, timeout_s: float) -> bool:
    """Signal a process and wait for its end; it need not be a child of ours."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(fd, how)
        return bool(select.select([fd], [], [], timeout_s)[0])
    except ProcessLookupError:
        return True
    finally:
        os.close(fd)


def _copy_program(source: Path, target: Path) -> None:
    temporary = target.with_suffix('.new')
    shutil.copyfile(source, temporary)
    temporary.chmod(0o755)
    temporary.rename(target)
