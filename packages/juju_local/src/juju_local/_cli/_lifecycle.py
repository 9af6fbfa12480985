"""Verbs that go into a machine: ssh and scp, without any ssh."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from juju_local import _plan
from juju_local._cli import _settle
from juju_local._cli._session import Session
from juju_local._cli._verb import verb
from juju_local._errors import Refused
from juju_local._machine import PATH, Machines
from juju_local._state import Model

SHELL = ('/bin/bash', '--login')
SCP_FLAGS = 'rpqvCB346'  # of scp itself; all but -r change nothing here


@verb('ssh', foreign=lambda _: True)
@click.argument('target')
@click.argument('command', nargs=-1, type=click.UNPROCESSED)
@click.option('--pty', help='Accepted.')
@click.option('--no-host-key-checks', is_flag=True, help='Accepted.')
def ssh(session: Session, target: str, command: Sequence[str], pty: str, no_host_key_checks: bool) -> int:  # noqa: ARG001
    """Run a command (or a shell) as root on the machine of a unit, or on machine TARGET."""
    model = session.look()
    machine = machine_of(model, target.rpartition('@')[2])
    words = command[1:] if command[:1] == ('--',) else command  # Juju hands the rest to OpenSSH, which takes it away
    program = ['/bin/sh', '-c', ' '.join(words)] if words else list(SHELL)
    argv = running(session, machine).command(machine, program, cwd='/root')
    term = {'TERM': 'xterm-256color'} if sys.stdin.isatty() else {}
    environment = {'PATH': PATH, 'LANG': 'C.UTF-8', 'HOME': '/root', 'USER': 'root', 'SHELL': SHELL[0], **term}
    return subprocess.run(argv, env=environment, check=False).returncode


def machine_of(model: Model, target: str) -> str:
    """Return the machine that `app/0`, `app/leader` or a machine's number means."""
    if target in model.machines:
        return target
    if '/' not in target:
        raise Refused(f'machine {target} not found', '`juju-local status` lists the machines and units')
    return _plan.unit(model, target).machine


def running(session: Session, machine: str) -> Machines:
    machines = _settle.machines(session)
    if not machines.is_running(machine):
        raise Refused(f'machine {machine} is not running', '`juju-local wait` starts what is needed')
    return machines


@verb('scp', foreign=lambda _: True)
@click.argument('words', nargs=-1, required=True, metavar='[TARGET:]SOURCE... [TARGET:]DESTINATION')
@click.option('-r', '--recursive', is_flag=True, help='Copy directories with what is in them.')
def scp(session: Session, words: Sequence[str], recursive: bool) -> None:
    """Copy files to or from the machine of a unit."""
    flags = ''.join(word[1:] for word in words if word.startswith('-'))
    if unknown := set(flags) - set(SCP_FLAGS):
        raise click.UsageError(f'scp option not known: -{sorted(unknown)[0]}')
    recursive = recursive or 'r' in flags
    words = [word for word in words if not word.startswith('-')]
    if len(words) < 2:
        raise click.UsageError('at least two arguments required')
    model = session.look()
    *sources, target = [_place(model, word) for word in words]
    for source in sources:
        if bool(source[0]) == bool(target[0]):
            raise click.UsageError('copy either to a machine or from one: write UNIT:PATH on one side')
        if target[0]:
            _upload(running(session, target[0]), Path(source[1]).expanduser(), *target, recursive)
        else:
            _download(running(session, source[0]), *source, Path(target[1]).expanduser(), recursive)


def _place(model: Model, word: str) -> tuple[str, str]:
    """Return (machine, path); the machine is '' for a path of ours."""
    target, colon, path = word.partition(':')
    if not colon or target.startswith(('.', '/')):
        return '', word
    return machine_of(model, target.rpartition('@')[2]), path or '.'


# Files travel as tar through a process inside: to follow a machine's path from here would follow its links out of it.


def _upload(machines: Machines, source: Path, machine: str, path: str, recursive: bool) -> None:
    if source.is_dir() and not recursive:
        raise Refused(f'{source} is a directory', 'say -r')
    within = not machines.run(machine, ['test', '-d', path], cwd='/root').returncode
    folder, name = (path, source.name) if within else (str(Path(path).parent), Path(path).name)
    archive = io.BytesIO()
    try:
        with tarfile.open(fileobj=archive, mode='w') as tar:
            tar.add(source, name, filter=_as_root)
    except OSError as error:
        raise Refused(f'cannot read {source}: {error.strerror}', 'check the path') from error
    _finished(machines.run(machine, ['tar', '-xf', '-', '-C', folder], cwd='/root', stdin=archive.getvalue()))


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = 'root'
    return member


def _download(machines: Machines, machine: str, path: str, target: Path, recursive: bool) -> None:
    if not recursive and not machines.run(machine, ['test', '-d', path], cwd='/root').returncode:
        raise Refused(f'{path} is a directory', 'say -r')
    source = Path(path)
    argv = ['tar', '-chf', '-', '-C', str(source.parent), source.name]
    data = _finished(machines.run(machine, argv, cwd='/root')).stdout
    if target.is_dir():
        _unpack(data, target)
        return
    try:
        with tempfile.TemporaryDirectory(prefix='.scp-', dir=target.parent) as place:
            _unpack(data, Path(place))
            Path(place, source.name).replace(target)
    except OSError as error:
        raise Refused(f'cannot write {target}: {error.strerror}', 'check the path') from error


def _unpack(data: bytes, folder: Path) -> None:
    """Unpack what a machine sent: tar lets nothing out of the folder, in every version of Python."""
    argv = ['tar', '-xf', '-', '--no-same-owner', '--no-same-permissions', '-C', str(folder)]
    _finished(subprocess.run(argv, input=data, capture_output=True, check=False))


def _finished(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    if done.returncode:
        raise Refused(f'cannot copy: {done.stderr.decode(errors="replace").strip()}', 'check both paths')
    return done
