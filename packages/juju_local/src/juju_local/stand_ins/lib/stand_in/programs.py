"""Which module is which program: the table behind `bin/stand-in`."""

from __future__ import annotations

import os
import sys

from . import core

MODULES = {
    'systemctl': 'systemctl',
    'service': 'systemctl',
    'journalctl': 'journalctl',
    'systemd-detect-virt': 'host',
    'hostnamectl': 'host',
    'timedatectl': 'host',
    'reboot': 'host',
    'shutdown': 'host',
    'poweroff': 'host',
    'halt': 'host',
    'snap': 'snap',
    'snapctl': 'snapctl',
    'apt-get': 'apt',
    'apt': 'apt',
    'apt-cache': 'apt_cache',
    'apt-config': 'apt_cache',
    'apt-mark': 'apt_mark',
    'add-apt-repository': 'apt_sources',
    'apt-key': 'apt_sources',
    'dpkg': 'dpkg',
    'dpkg-query': 'dpkg',
    'docker': 'docker',
    'dockerd': 'dockerd',
    'containerd': 'dockerd',
    'nvidia-container-runtime': 'hardware',
    'ctr': 'docker',
    'lspci': 'hardware',
    'nvidia-smi': 'hardware',
    'modprobe': 'kernel',
    'lsmod': 'kernel',
    'sysctl': 'kernel',
    'update-grub': 'kernel',
    'grub-mkconfig': 'kernel',
    'update-initramfs': 'kernel',
    'conntrack': 'kernel',
    'iptables': 'iptables',
    'ip6tables': 'iptables',
    'iptables-save': 'iptables',
    'ip6tables-save': 'iptables',
    'update-ca-certificates': 'certificates',
}


def main() -> int:
    """Run the program this one was called as. A missing table entry is a fault of store.yaml."""
    name = os.path.basename(sys.argv[0])
    if name not in MODULES:
        core.complain(f'stand-in: no program is called {name}: see MODULES in {__file__}')
        return 127
    module = __import__(f'{__package__}.{MODULES[name]}', fromlist=['main'])
    core.begin(name, sys.argv[1:])
    try:
        code: int = module.main(name, sys.argv[1:])
        sys.stdout.flush()
    except core.Refused as refusal:
        core.complain(str(refusal))
        return refusal.code
    except BrokenPipeError:  # the reader had seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    return code
