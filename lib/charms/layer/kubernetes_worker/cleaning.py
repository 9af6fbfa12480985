"""A door: removes what docker keeps without using it: stopped containers, and images."""

from __future__ import annotations

import subprocess

from .cluster_node import Refused

TIMEOUT_S = 600


def containers() -> str:
    """Remove containers that do not run, and return what docker says of it. The kubelet keeps none that it needs."""
    return _docker('container', 'prune', '--force')


def images(*, untagged_only: bool) -> str:
    """Remove images that no container uses: those without a name, or all; return what docker says of it."""
    return _docker('image', 'prune', '--force', *([] if untagged_only else ['--all']))


def _docker(*arguments: str) -> str:
    try:
        done = subprocess.run(['docker', *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f'docker {" ".join(arguments)}: {error}') from error
    if done.returncode:
        raise Refused(f'docker {" ".join(arguments)}: {done.stderr.strip()[-300:]}')
    return ' '.join(done.stdout.split()[-4:])
