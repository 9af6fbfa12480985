"""A door: what is so on this machine. Looks, and changes nothing."""

from __future__ import annotations

import platform
import pwd
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charms.layer.kubernetes_common import files, records

from . import gpu

ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64', 's390x': 's390x', 'ppc64le': 'ppc64le'}
OS_RELEASE = '/etc/os-release'
STUB = '/run/systemd/resolve/stub-resolv.conf'
TIMEOUT_S = 30


@dataclass(frozen=True)
class System:
    codename: str  # jammy
    release: str  # 22.04


def architecture() -> str:
    """Return the architecture as Debian and image names spell it."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def system() -> System:
    """Return which Ubuntu this is."""
    pairs = (word.partition('=') for word in shlex.split(files.read(OS_RELEASE)))
    known = {name: value for name, _, value in pairs}
    return System(known.get('VERSION_CODENAME', ''), known.get('VERSION_ID', ''))


def has_stub_resolver() -> bool:
    return str(Path('/etc/resolv.conf').resolve()) == STUB


def is_container() -> bool:
    """Tell whether this is a system container: its systemd, or its PID 1's environment, says so."""
    try:
        return Path('/run/systemd/container').exists() or b'container=' in Path('/proc/1/environ').read_bytes()
    except OSError:
        return False


def has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def look_for_nvidia() -> None:
    """Look for a card of NVIDIA's, and if there is one whether its driver answers; both are remembered."""
    card = gpu.has_nvidia(_said('lspci', '-n'))
    driver = card and gpu.answers(_said('nvidia-smi', '--list-gpus'))
    records.put('nvidia', {'card': card, 'driver': driver})


def has_nvidia_card() -> bool:
    """Return what `look_for_nvidia` saw last, which it does now if it never did."""
    if records.get('nvidia') is None:
        look_for_nvidia()
    return _nvidia('card')


def has_nvidia_driver() -> bool:
    """Return whether the driver answered last; its tool is too slow for every hook."""
    return _nvidia('driver')


def _nvidia(what: str) -> bool:
    known: Any = records.get('nvidia')
    return isinstance(known, dict) and known.get(what) is True


def _said(program: str, *arguments: str) -> str:
    """Return what a program prints if it ends well; '' otherwise, and where there is no such program."""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return '' if done.returncode else done.stdout
