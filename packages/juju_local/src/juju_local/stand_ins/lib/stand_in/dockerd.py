"""dockerd and containerd: check what they are started with as the real ones do, then stay up doing nothing.

What stays is `sleep`, in a tenth of the memory: its pid file tells that the daemon is up, its socket is just there.
"""

from __future__ import annotations

import os
import signal
import socket

from . import core, docker_config, iptables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

VERSION = '20.10.21'
PID_FILES = {'dockerd': '/run/docker.pid', 'containerd': '/run/containerd/containerd.pid'}
SOCKETS = {'dockerd': '/run/docker.sock', 'containerd': '/run/containerd/containerd.sock'}


def main(program: str, arguments: list[str]) -> int:
    """Be the daemon."""
    if '--version' in arguments or '-v' in arguments:
        core.say(
            f'Docker version {VERSION}, build baeda1f'
            if program == 'dockerd'
            else 'containerd github.com/containerd/containerd 1.6.12'
        )
        return 0
    if program == 'dockerd' and '--help' in arguments:
        core.say(docker_config.usage())
        return 0
    if program == 'dockerd':
        try:
            _configure(arguments)
        except docker_config.Invalid as error:
            raise core.Refused(str(error), error.code) from error
    elif 'config' in arguments:
        core.say('version = 2')
        return 0
    return _stay(program)


def _configure(arguments: list[str]) -> None:
    """Read flags and file; leave what is in force where the client finds it; do to the firewall what dockerd does."""
    given = docker_config.flags(arguments)
    place = given.get('config-file', ['/etc/docker/daemon.json'])[-1]
    settings = docker_config.effective(given, docker_config.file(core.read(place), given))
    proxies = {key: os.environ[key] for key in ('HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY') if os.environ.get(key)}
    with core.state('docker') as kept:
        kept['settings'] = settings
        kept['proxies'] = proxies
        for container in kept.get('containers', {}).values():
            if not settings.get('live-restore'):
                container['state'] = 'exited'
    if str(settings.get('iptables', True)).lower() == 'true':
        iptables.set_policy('iptables', 'filter', 'FORWARD', 'DROP')
    core.complain(
        f'time="now" level=info msg="Docker daemon" version={VERSION}\n'
        'time="now" level=info msg="API listen on /run/docker.sock"'
    )


def _tell_ready() -> None:
    """Tell systemd, as units of Type=notify do."""
    address = os.environ.get('NOTIFY_SOCKET', '')
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b'READY=1', '\0' + address[1:] if address.startswith('@') else address)


def _stay(program: str) -> NoReturn:
    place = SOCKETS[program]
    core.write(PID_FILES[program], str(os.getpid()))
    core.remove(place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(core.path(place))
    _tell_ready()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # survives exec: a reload must not end it
    os.execv('/bin/sleep', ['sleep', 'infinity'])  # noqa: S606
