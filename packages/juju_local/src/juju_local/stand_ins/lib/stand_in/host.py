"""systemd-detect-virt, hostnamectl, timedatectl, reboot and its like."""

from __future__ import annotations

import os
import time

from . import core, init_client

CONTAINERS = {'lxc', 'lxc-libvirt', 'systemd-nspawn', 'docker', 'podman', 'container-other'}


def main(program: str, arguments: list[str]) -> int:
    """Run one of them."""
    programs = {'systemd-detect-virt': _virt, 'hostnamectl': _hostname, 'timedatectl': _time}
    return programs.get(program, _halt)(arguments)


def _virt(arguments: list[str]) -> int:
    """Say what machine.json (`virt`) or /var/lib/stand-in/virt calls this machine: by default a virtual machine."""
    kind = core.read(f'{core.HOME}/virt').strip() or core.machine().get('virt') or 'kvm'
    wanted = {'-c', '--container'} & set(arguments)
    unwanted = {'-v', '--vm'} & set(arguments)
    shown = 'none' if (wanted and kind not in CONTAINERS) or (unwanted and kind in CONTAINERS) else kind
    if not {'-q', '--quiet'} & set(arguments):
        core.say(shown)
    return 1 if shown == 'none' else 0


def _hostname(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith('-')]
    if words[:1] in (['set-hostname'], ['hostname']) and len(words) > 1:
        core.write('/etc/hostname', f'{words[1]}\n')
        if not core.root():
            _set_name(words[1])
        return 0
    name = core.read('/etc/hostname').strip() or os.uname().nodename
    if words[:1] == ['hostname'] or '--static' in arguments:
        core.say(name)
        return 0
    core.say(
        f' Static hostname: {name}\n  Virtualization: kvm\n'
        'Operating System: Ubuntu 22.04.3 LTS\n    Architecture: x86-64'
    )
    return 0


def _set_name(name: str) -> None:
    """Set the name in this machine's UTS namespace."""
    import socket

    try:
        socket.sethostname(name)
    except PermissionError as error:
        raise core.Refused(f'Could not set property: {error.strerror}') from error


def _time(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith('-')]
    if words[:1] == ['set-timezone'] and len(words) > 1:
        core.write('/etc/timezone', f'{words[1]}\n')
        core.link('/etc/localtime', f'/usr/share/zoneinfo/{words[1]}')
        return 0
    zone = core.read('/etc/timezone').strip() or 'Etc/UTC'
    core.say(f'               Local time: {time.strftime("%a %Y-%m-%d %H:%M:%S %Z")}')
    core.say(f'                Time zone: {zone}\nSystem clock synchronized: yes\n              NTP service: active')
    return 0


def _halt(arguments: list[str]) -> int:
    """Have init stop all units and end: juju-local starts the machine again. A cancelled shutdown is none."""
    if '-c' in arguments:
        return 0
    init_client.ask('halt')
    return 0
