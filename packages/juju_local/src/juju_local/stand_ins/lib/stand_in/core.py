"""What all stand-ins share: the machine's files, state under a lock, the log of calls, failing on demand."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

HOME = '/var/lib/stand-in'  # everything the stand-ins remember of a machine


class Refused(Exception):
    """What the program answers on stderr, and its exit status."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def root() -> str:
    """Return the folder taken for `/`: empty in a machine, `$STAND_IN_ROOT` in tests."""
    return os.environ.get('STAND_IN_ROOT', '').rstrip('/')


def path(absolute: str) -> str:
    """Return where an absolute path of the machine lies."""
    return root() + absolute


def store() -> str:
    """Return the folder of the machine's store: this program's own, or the one built on it (`$STAND_IN_STORE`)."""
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    above = os.path.dirname(own)
    built_on = os.path.basename(own) == 'base' and os.path.exists(f'{above}/store.yaml')
    return os.environ.get('STAND_IN_STORE') or (above if built_on else own)


def say(text: str) -> None:
    sys.stdout.write(text + '\n')


def complain(text: str) -> None:
    sys.stderr.write(text + '\n')


def read(absolute: str, default: str = '') -> str:
    """Return a text file of the machine, `default` if there is none."""
    try:
        with open(path(absolute), encoding='utf-8', errors='replace') as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return default


def read_json(absolute: str, default: Any) -> Any:
    """Return a JSON file of the machine, `default` if there is none."""
    text = read(absolute)
    return json.loads(text) if text.strip() else default


def write(absolute: str, text: str, mode: int = 0o644) -> None:
    """Write a file of the machine atomically, with its final mode from the first byte; makes the folders above."""
    target = path(absolute)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    draft = f'{target}.{os.getpid()}~'
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, 'w', encoding='utf-8') as file:
        os.fchmod(descriptor, mode)
        file.write(text)
    os.replace(draft, target)


def link(absolute: str, target: str) -> None:
    """Make a symbolic link in the machine, in place of whatever link was there; `target` is written as it is."""
    place = path(absolute)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    draft = f'{place}.{os.getpid()}~'
    os.symlink(target, draft)
    os.replace(draft, place)


def remove(absolute: str) -> None:
    """Remove a file or a folder with all in it; nothing there is fine."""
    import shutil

    place = path(absolute)
    if os.path.isdir(place) and not os.path.islink(place):
        shutil.rmtree(place)
    elif os.path.lexists(place):
        os.unlink(place)


def machine() -> dict[str, Any]:
    """Return what juju-local says of this machine: id, hostname, address, gpus."""
    known: dict[str, Any] = read_json('/usr/lib/juju-local/machine.json', {})
    return known


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine's lock of this name; wait for it."""
    os.makedirs(path(HOME), exist_ok=True)
    with open(path(f'{HOME}/{name}.lock'), 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def peek(name: str) -> dict[str, Any]:
    """Return a program's state without the right to change it."""
    known: dict[str, Any] = read_json(f'{HOME}/{name}.json', {})
    return known


@contextmanager
def state(name: str) -> Iterator[dict[str, Any]]:
    """Give a program's state to change; it is stored when the block ends well and something changed."""
    with locked(name):
        kept = peek(name)
        before = json.dumps(kept, sort_keys=True)
        yield kept
        after = json.dumps(kept, sort_keys=True)
        if after != before:
            write(f'{HOME}/{name}.json', after, 0o600)


def begin(program: str, arguments: Sequence[str]) -> None:
    """Note a call of a program and obey a rule to fail; with one that says so, does not return."""
    _note(program, arguments)
    if os.path.exists(path(f'{HOME}/fail/{program}.json')):
        rule = _use_rule(program, ' '.join(arguments))
        if rule:
            _obey(rule)


def _note(program: str, arguments: Sequence[str]) -> None:
    os.makedirs(path(HOME), exist_ok=True)
    line = json.dumps({'time': round(time.time(), 3), 'program': program, 'arguments': list(arguments)})
    descriptor = os.open(path(f'{HOME}/calls.log'), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode() + b'\n')
    finally:
        os.close(descriptor)


def _use_rule(program: str, joined: str) -> dict[str, Any] | None:
    """Return the first rule that matches, with one use less in its file."""
    place = f'{HOME}/fail/{program}.json'
    with locked('fail'):
        rules: list[dict[str, Any]] = read_json(place, [])
        for rule in rules:
            if rule.get('match', '') in joined:
                break
        else:
            return None
        left = int(rule.get('times', 1))
        if left > 0:
            rule['times'] = left - 1
            write(place, json.dumps([each for each in rules if each.get('times', 1) != 0]), 0o600)
        return rule


def _obey(rule: dict[str, Any]) -> None:
    time.sleep(float(rule.get('delay_s', 0)))
    for stream, key in ((sys.stdout, 'stdout'), (sys.stderr, 'stderr')):
        if rule.get(key):
            stream.write(str(rule[key]).rstrip('\n') + '\n')
            stream.flush()
    if rule.get('signal'):
        os.kill(os.getpid(), int(rule['signal']))
    if rule.get('code') is not None:
        sys.exit(int(rule['code']))
