"""A door: the kernel's command line, which takes a reboot to change."""

from __future__ import annotations

import subprocess

from charmhelpers.core import hookenv, unitdata
from charms.layer.kubernetes_common import files, options

from . import in_force, journal, machine

OPTION = 'enable-cgroups'
GRUB = '/etc/default/grub.d/50-kubernetes-worker.cfg'
WANTED = """# Written by the kubernetes-worker charm (option enable-cgroups): changes are lost.
GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT cgroup_enable=memory swapaccount=1"
"""
# What the last reboot was asked for. Kept by the charm's own store, which is written when a hook succeeds: so is the
# request for a reboot heeded.
BOOTED = 'kubernetes-worker.boot-options'
TIMEOUT_S = 120


def converge() -> None:
    """Make the boot loader's configuration what the option asks for, and have Juju reboot if that is a change."""
    enabled = in_force.value(OPTION, read, [])
    store = unitdata.kv()
    wanted = WANTED if enabled else ''
    if enabled is None or store.get(BOOTED, '') == wanted:
        return
    if enabled:
        files.write(GRUB, wanted, mode=0o644)
    else:
        files.remove(GRUB)
    why = _update_grub()
    if why:
        journal.failures.append(f'{OPTION}: update-grub: {why}')
        return
    hookenv.log(f'{OPTION} is {str(enabled).lower()} now: the machine reboots after this hook', hookenv.WARNING)
    subprocess.run(['juju-reboot'], check=True, timeout=TIMEOUT_S)
    store.set(BOOTED, wanted)


def read(config: options.Config, name: str) -> bool:
    """Return the option; a system container boots no kernel of its own."""
    value = options.boolean(config, name)
    if value and machine.is_container():
        raise options.Invalid(name, 'this machine is a system container: its host boots the kernel')
    return value


def _update_grub() -> str:
    """Return why it did not succeed, '' if it did."""
    try:
        done = subprocess.run(['update-grub'], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return ' '.join(done.stderr.split())[-200:] or 'failed' if done.returncode else ''
