"""A door: what is so on this machine. Looks, and changes nothing."""

from __future__ import annotations

import platform
import pwd
import shutil
import subprocess
from pathlib import Path

from charms.layer.kubernetes_common import records

ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64', 's390x': 's390x', 'ppc64le': 'ppc64le'}
STUB = '/run/systemd/resolve/stub-resolv.conf'
TIMEOUT_S = 30


def architecture() -> str:
    """Return the architecture as Debian and image names spell it."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


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


def look_for_gpu() -> bool:
    """Ask the driver's tool for a GPU, and remember the answer for `has_gpu`."""
    tool = shutil.which('nvidia-smi')
    found = False
    if tool:
        try:
            done = subprocess.run([tool, '--list-gpus'], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
            found = done.returncode == 0 and 'GPU' in done.stdout
        except (OSError, subprocess.TimeoutExpired):
            found = False
    records.put('gpu', found)
    return found


def has_gpu() -> bool:
    """Return what `look_for_gpu` found last: a driver's tool is too slow for every hook."""
    return records.get('gpu') is True
