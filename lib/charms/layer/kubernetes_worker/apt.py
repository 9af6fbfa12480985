"""The door to apt: packages, archives and their keys."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from charms.layer.kubernetes_common import files

from .docker import Archive

TIMEOUT_S = 900
# another process of a young machine may hold dpkg's lock; a changed configuration file stays as it is
APT = [
    'apt-get',
    '--option',
    'DPkg::Lock::Timeout=60',
    '--option',
    'Dpkg::Options::=--force-confold',
    '--quiet',
    '--yes',
]

ALLOWED = ['--allow-downgrades', '--allow-change-held-packages', '--no-install-recommends']


class Failed(Exception):
    """apt or dpkg did not succeed; the text says in what and why."""


def update() -> None:
    """Fetch the lists of packages; a mirror out of reach may not be needed."""
    _run([*APT, 'update'], 'update', fatal=False)


def download(packages: Iterable[str], remove: Iterable[str] = ()) -> None:
    """Fetch what `install` with the same arguments needs, so that it needs no network."""
    _run([*APT, 'install', *ALLOWED, '--download-only', *_words(packages, remove)], f'fetching {_listed(packages)}')


def install(packages: Iterable[str], remove: Iterable[str] = ()) -> None:
    """Install packages, in the versions they are pinned to, and remove others in the same step."""
    _run([*APT, 'install', *ALLOWED, *_words(packages, remove)], f'installing {_listed(packages)}')


def hold(packages: Iterable[str]) -> None:
    """Keep packages from being upgraded by anybody but this charm: docker's upgrade restarts all containers."""
    _run(['apt-mark', 'hold', *packages], f'holding {_listed(packages)}', fatal=False)


def unhold(packages: Iterable[str]) -> None:
    _run(['apt-mark', 'unhold', *packages], f'unholding {_listed(packages)}', fatal=False)


def installed(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed whole."""
    command = ['dpkg-query', '--show', '--showformat', '${db:Status-Abbrev}\\t${Package}\\t${Version}\\n', *names]
    lines = [line.split('\t') for line in _run(command, 'dpkg-query', fatal=False).splitlines()]
    return {name: version for status, name, version in lines if re.match(r'[uihrp]i ', f'{status} ')}


def offers(package: str) -> bool:
    """Tell whether an archive has this package, in this version if it is pinned."""
    name, _, version = package.partition('=')
    lines = _run(['apt-cache', 'madison', name], 'apt-cache', fatal=False).splitlines()
    return any(version in ('', line.split('|')[1].strip()) for line in lines if line.count('|') > 1)


def candidate(package: str) -> str:
    """Return the version that apt would install now, '' if it knows of none: never one older than what is installed."""
    lines = _run(['apt-cache', 'policy', package], 'apt-cache', fatal=False).splitlines()
    found = next((line.split()[1] for line in lines if line.strip().startswith('Candidate: ')), '')
    return '' if found == '(none)' else found


def trust(archive: Archive, key_server: str, architecture: str) -> None:
    """Have apt read an archive, whose key a key server gives; nothing is done where it does so already."""
    if not Path(archive.keyring).exists():
        command = [
            'apt-key',
            '--keyring',
            archive.keyring,
            'adv',
            '--keyserver',
            key_server,
            '--recv-keys',
            archive.key,
        ]
        _run(command, f'asking {key_server} for the key of archive {archive.name}')
    files.write(archive.path, archive.line(architecture), mode=0o644)


def _run(command: list[str], attempt: str, *, fatal: bool = True) -> str:
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive', 'LC_ALL': 'C.UTF-8'}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        if not fatal:
            return ''
        raise Failed(f'{attempt}: {error}') from error
    if done.returncode and fatal:
        raise Failed(f'{attempt}: {_why(done.stderr or done.stdout)}')
    return done.stdout


def _why(said: str) -> str:
    """Return what apt gave as its errors, or the end of what it said."""
    errors = [line[3:] for line in said.splitlines() if line.startswith('E: ')]
    return ('; '.join(errors) or ' '.join(said.split())[-300:])[:300]


def _words(packages: Iterable[str], remove: Iterable[str]) -> list[str]:
    return [*packages, *(f'{name}-' for name in remove)]


def _listed(packages: Iterable[str] | Mapping[str, str]) -> str:
    return ' '.join(packages)
