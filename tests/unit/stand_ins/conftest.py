"""A machine in a temporary folder: the stand-ins run as real processes with STAND_IN_ROOT set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

STORE = Path(__file__).parents[3] / 'packages/juju_local/src/juju_local/stand_ins'


class Machine:
    """What the tests hold: a root folder, its programs, and its init once `boot` was called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = STORE
        self.init: subprocess.Popen[bytes] | None = None

    def furnish(self) -> None:
        """Link every program of store.yaml, as juju-local does."""
        programs = yaml.safe_load((STORE / 'store.yaml').read_text())['programs']
        for path, target in programs.items():
            link = self.root / path.lstrip('/')
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(STORE / target)

    def sell(self, name: str, program: str = '#!/bin/sh\nexec sleep 1000\n', **definition: Any) -> None:
        """Put a snap of the test's own in the snap store, with one program called `run`."""
        if self.store == STORE:
            self.store = self.root / 'store'
            (self.store / 'snaps').mkdir(parents=True)
            (self.store / 'packages.json').symlink_to(STORE / 'packages.json')
            (self.store / 'trees').symlink_to(STORE / 'trees')
            (self.store / 'bin').symlink_to(STORE / 'bin')
        known = {'name': name, 'confinement': 'strict', 'tracks': {'1.11': '1.11.10', '1.12': '1.12.10'}}
        known['apps'] = {name: {'command': 'run'}, 'daemon': {'command': 'run', 'daemon': 'simple'}}
        self.write(f'/store/snaps/{name}/snap.json', json.dumps(known | definition))
        self.write(f'/store/snaps/{name}/run', program, 0o755)

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
            assert self.init.wait(timeout=60) == 0
            self.init = None

    def environment(self) -> dict[str, str]:
        path = ':'.join([f'{self.root}{folder}' for folder in ('/usr/bin', '/usr/sbin')] + ['/usr/bin', '/bin'])
        own = {'STAND_IN_ROOT': str(self.root), 'STAND_IN_STORE': str(self.store)}
        return own | {'PATH': path, 'HOME': str(self.root / 'root'), 'LANG': 'C.UTF-8'}

    def run(self, program: str, *arguments: str, stdin: str = '', **more: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the store by its name, whatever comes of it."""
        found = shutil.which(program, path=self.environment()['PATH'])
        assert found and found.startswith(str(self.root)), f'{program} is no program of this machine'
        environment = self.environment() | more
        return subprocess.run(
            [found, *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=60
        )

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
        self.write(
            f'/etc/systemd/system/{name}', f'[Unit]\nDescription={name} of the test\n{rest}\n[Service]\n{service}\n'
        )

    def fail(self, program: str, **rule: Any) -> None:
        self.write(f'/var/lib/stand-in/fail/{program}.json', json.dumps([rule]))

    def calls(self, program: str) -> list[list[str]]:
        lines = [json.loads(line) for line in self.read('/var/lib/stand-in/calls.log').splitlines()]
        return [line['arguments'] for line in lines if line['program'] == program]

    def state(self, unit: str) -> str:
        return self.run('systemctl', 'is-active', unit).stdout.strip()

    def until(self, unit: str, state: str, within_s: float = 60.0) -> None:
        """Wait until a unit is in a state."""
        end = time.monotonic() + within_s
        while (now := self.state(unit)) != state:
            assert time.monotonic() < end, f'{unit} is {now}, not {state}, after {within_s} s'
            time.sleep(0.05)

    def printed(self, unit: str, line: str, within_s: float = 60.0) -> None:
        """Wait until a unit has printed a line."""
        end = time.monotonic() + within_s

        def text() -> str:
            return self.ok('journalctl', '-u', unit, '-o', 'cat')

        while line.rstrip() not in map(str.rstrip, text().splitlines()):
            assert time.monotonic() < end, f'{unit} printed, in {within_s} s:\n{text()}'
            time.sleep(0.05)


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine without init."""
    made = Machine(tmp_path)
    made.furnish()
    return made


@pytest.fixture
def machine(bare: Machine):
    """A machine that has booted."""
    bare.boot()
    yield bare
    bare.halt()
