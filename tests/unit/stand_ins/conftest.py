"""A machine in a temporary folder: the stand-ins run as real processes with STAND_IN_ROOT set."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

STORE = Path(__file__).parents[3] / 'packages/juju_local/src/juju_local/stand_ins'


class Machine:
    """What the tests hold: a root folder, its programs, and its init once `boot` was called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.init: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        """Start init and wait until it says that it is ready."""
        reader, writer = os.pipe()
        command = ['/bin/bash', '-c', f'exec {STORE}/bin/init 3>&{writer} {writer}>&-']
        self.init = subprocess.Popen(command, env=self.environment(), pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader, 'rb') as ready:
            assert ready.read() == b'ready\n'

    def halt(self) -> None:
        if self.init is not None:
            self.init.terminate()
            assert self.init.wait(timeout=15) == 0
            self.init = None

    def environment(self) -> dict[str, str]:
        return {'STAND_IN_ROOT': str(self.root), 'PATH': f'{self.root}/usr/bin:/usr/bin:/bin', 'HOME': '/root', 'LANG': 'C.UTF-8'}

    def run(self, program: str, *arguments: str, stdin: str = '', **more: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the store by its name, whatever comes of it."""
        link = self.root / 'usr/bin' / program
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(STORE / 'bin/stand-in')
        environment = self.environment() | more
        return subprocess.run([link, *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=60)

    def ok(self, program: str, *arguments: str, stdin: str = '', **more: str) -> str:
        """Run a program that must do well; return what it printed."""
        done = self.run(program, *arguments, stdin=stdin, **more)
        assert done.returncode == 0, f'{program} {arguments}: {done.stderr}{done.stdout}'
        return done.stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        place = self.root / path.lstrip('/')
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return place

    def read(self, path: str) -> str:
        return (self.root / path.lstrip('/')).read_text()

    def unit(self, name: str, service: str, rest: str = '') -> None:
        """Write a unit file with this [Service] section."""
        self.write(f'/etc/systemd/system/{name}', f'[Unit]\nDescription={name} of the test\n{rest}\n[Service]\n{service}\n')

    def fail(self, program: str, **rule: Any) -> None:
        self.write(f'/var/lib/stand-in/fail/{program}.json', json.dumps([rule]))

    def calls(self, program: str) -> list[list[str]]:
        lines = [json.loads(line) for line in self.read('/var/lib/stand-in/calls.log').splitlines()]
        return [line['arguments'] for line in lines if line['program'] == program]

    def state(self, unit: str) -> str:
        return self.run('systemctl', 'is-active', unit).stdout.strip()

    def until(self, unit: str, state: str, within_s: float = 10.0) -> None:
        """Wait until a unit is in a state."""
        end = time.monotonic() + within_s
        while (now := self.state(unit)) != state:
            assert time.monotonic() < end, f'{unit} is {now}, not {state}, after {within_s} s'
            time.sleep(0.05)


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine without init."""
    (tmp_path / 'var/lib/stand-in').mkdir(parents=True)
    return Machine(tmp_path)


@pytest.fixture
def machine(bare: Machine):
    """A machine that has booted."""
    bare.boot()
    yield bare
    bare.halt()
