"""A door: packs states and logs of a machine into an archive. Nothing that holds a secret is read."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path('/home/ubuntu')
LINES = '1000'
TIMEOUT_S = 60


def commands(services: Iterable[str]) -> dict[str, list[str]]:
    """Return what is asked: name of a file in the archive to a command. Services are systemd units."""
    found = {
        'snap-list': ['snap', 'list'],
        'packages': ['dpkg-query', '--show'],
        'addresses': ['ip', 'address'],
        'routes': ['ip', 'route'],
        'firewall': ['iptables-save'],
        'file-systems': ['df', '--human-readable'],
        'memory': ['free', '--mebi'],
        'failed-units': ['systemctl', 'list-units', '--failed', '--no-pager'],
        'files': ['find', '/root/cdk', '/var/lib/canonical-kubernetes', '-ls'],
    }
    for service in services:
        name = service.replace('.', '-')
        found[f'{name}-status'] = ['systemctl', 'status', '--no-pager', '--lines', '0', service]
        found[f'{name}-log'] = ['journalctl', '--no-pager', '--lines', LINES, '--unit', service]
    return found


def archive(asked: Mapping[str, list[str]]) -> Path:
    """Write the archive and return its path."""
    path = FOLDER / f'debug-{time.strftime("%Y%m%d%H%M%S", time.gmtime())}.tar.gz'
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w:gz') as file:
        for name, command in asked.items():
            said = _said(command)
            member = tarfile.TarInfo(f'{name}.txt')
            member.size = len(said)
            file.addfile(member, io.BytesIO(said))
    return path


def _said(command: list[str]) -> bytes:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error).encode()
    return bytes(done.stdout)
