"""Juju's hook tools and the machine's own, for charms without dependencies. Each companion carries this same file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

LOCAL = ('private-address', 'ingress-address', 'egress-subnets')


class ToolFailed(Exception):
    """A program ended with an error."""


def run(arguments: Sequence[str], stdin: str = '') -> str:
    """Run a program and return what it printed; secrets go to `stdin`, never among the arguments."""
    done = subprocess.run(arguments, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolFailed(f'{" ".join(arguments[:3])} ended with {done.returncode}: {done.stderr.strip()[-400:]}')
    return done.stdout


def _ask(*arguments: str) -> Any:
    return json.loads(run([*arguments, '--format=json']) or 'null')


def hook() -> str:
    return os.environ.get('JUJU_HOOK_NAME', '')


def unit() -> str:
    return os.environ['JUJU_UNIT_NAME']


def log(message: str, level: str = 'INFO') -> None:
    run(['juju-log', '-l', level, '--', message])


def status(state: str, message: str) -> None:
    run(['status-set', state, message])


def config() -> dict[str, Any]:
    return dict(_ask('config-get', '--all'))


def is_leader() -> bool:
    return bool(_ask('is-leader'))


def leader_get() -> dict[str, str]:
    return dict(_ask('leader-get', '-') or {})


def leader_set(**settings: str) -> None:
    run(['leader-set', *(f'{key}={value}' for key, value in settings.items())])


def address(endpoint: str) -> str:
    """Return where related units reach this unit."""
    return str(_ask('network-get', endpoint)['ingress-addresses'][0])


def public_address() -> str:
    return str(_ask('unit-get', 'public-address'))


def open_port(port: int) -> None:
    if f'{port}/tcp' not in (_ask('opened-ports') or []):
        run(['open-port', f'{port}/tcp'])


def close_port(port: int) -> None:
    run(['close-port', f'{port}/tcp'])


def version(text: str) -> None:
    run(['application-version-set', text])


def relation_ids(endpoint: str) -> list[str]:
    """Return the endpoint's relations that can be used: not one that breaks in this hook."""
    breaking = os.environ.get('JUJU_RELATION_ID') if hook().endswith('-relation-broken') else None
    return sorted(set(_ask('relation-ids', endpoint) or []) - {breaking}, key=natural)


def relation_units(relation: str) -> list[str]:
    return sorted(_ask('relation-list', '-r', relation) or [], key=natural)


def relation_get(relation: str, unit_name: str) -> dict[str, str]:
    return dict(_ask('relation-get', '-r', relation, '-', unit_name) or {})


def remote_bags(endpoint: str) -> list[dict[str, str]]:
    """Return what each related unit tells, in natural order."""
    return [relation_get(rid, name) for rid in relation_ids(endpoint) for name in relation_units(rid)]


def relation_set(relation: str, bag: Mapping[str, str]) -> bool:
    """Write what differs from our own bag ('' removes a key); return whether anything did."""
    own = relation_get(relation, unit())
    changed = {key: value for key, value in bag.items() if own.get(key, '') != value}
    if changed:
        run(['relation-set', '-r', relation, '--file', '-'], json.dumps(changed))  # JSON is YAML
    return bool(changed)


def own_bag(relation: str) -> dict[str, str]:
    """Return what this unit published, without Juju's own keys."""
    return {key: value for key, value in relation_get(relation, unit()).items() if key not in LOCAL}


def mapping(text: str | None) -> dict[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    try:
        value = json.loads(text or '{}')
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def natural(name: str) -> list[tuple[str, int]]:
    """Return a sort key that puts app/2 before app/10."""
    return [(text, int(number or -1)) for text, number in re.findall(r'(\D+)(\d*)', name)]


def read(path: Path) -> str:
    """Return a file's text, '' if there is none."""
    try:
        return path.read_text(encoding='utf-8')
    except FileNotFoundError:
        return ''


def write(path: Path, text: str, mode: int = 0o600) -> bool:
    """Write a file in one step, with its mode from the first byte; return False if it held this already."""
    if read(path) == text and path.exists() and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')  # 0600
    with os.fdopen(descriptor, 'w', encoding='utf-8') as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), mode)
    Path(temporary).replace(path)
    return True


def is_active(service: str) -> bool:
    try:
        return run(['systemctl', 'is-active', service]).strip() == 'active'
    except ToolFailed:
        return False


def converge(service: str, inputs: Iterable[str], mark: Path) -> bool:
    """Have a service run with these inputs: restart it unless it was started with the same. Return whether it runs.

    The mark is written after the restart, so a hook that dies in between restarts again rather than never.
    """
    digest = hashlib.sha256('\0'.join(inputs).encode()).hexdigest()
    if read(mark) == digest and is_active(service):
        return True
    run(['systemctl', 'daemon-reload'])
    run(['systemctl', 'enable', service])
    run(['systemctl', 'restart', service])
    write(mark, digest, 0o644)
    return is_active(service)
