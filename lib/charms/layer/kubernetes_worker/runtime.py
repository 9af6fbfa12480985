"""A door: the container runtime, docker from Ubuntu's archive."""

from __future__ import annotations

import os
import subprocess

from charms.layer.kubernetes_common import services

PACKAGE = 'docker.io'
SERVICE = 'docker'
TIMEOUT_S = 900
# docker sets the policy of FORWARD to DROP whenever it starts, which cuts pods off from other nodes
DROP_IN = """[Service]
ExecStartPost=-/usr/sbin/iptables --wait 10 --policy FORWARD ACCEPT
"""


class Failed(Exception):
    """The runtime could not be installed; the text says why."""


def install() -> None:
    """Install docker and have it running; repeating it changes nothing.

    Raises:
        Failed: apt did not succeed. Try again in a later hook.
    """
    services.drop_in(SERVICE, '50-kubernetes-worker.conf', DROP_IN)
    _apt_get('update', fatal=False)
    _apt_get('install', '--assume-yes', '--no-install-recommends', PACKAGE)
    services.converge(SERVICE, {'package': PACKAGE, 'drop-in': DROP_IN})


def _apt_get(*arguments: str, fatal: bool = True) -> None:
    command = ['apt-get', '--option', 'DPkg::Lock::Timeout=60', '--quiet', *arguments]
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f'installing {PACKAGE}: {error}') from error
    if done.returncode and fatal:
        raise Failed(f'installing {PACKAGE}: {(done.stderr or done.stdout).strip()[-300:]}')
