"""modprobe, sysctl, conntrack, grub: what concerns a kernel that machines share. Records, no effects."""

from __future__ import annotations

import os
import re

from . import core

DEFAULTS = {
    'net.ipv4.ip_forward': '0',
    'net.ipv4.conf.all.forwarding': '0',
    'net.ipv4.neigh.default.gc_thresh1': '128',
    'net.ipv4.neigh.default.gc_thresh2': '512',
    'net.ipv4.neigh.default.gc_thresh3': '1024',
    'net.bridge.bridge-nf-call-iptables': '1',
    'net.netfilter.nf_conntrack_max': '262144',
    'net.core.somaxconn': '4096',
    'kernel.panic': '0',
    'kernel.panic_on_oops': '0',
    'vm.overcommit_memory': '0',
    'vm.swappiness': '60',
    'vm.max_map_count': '65530',
    'fs.file-max': '1000000',
    'fs.inotify.max_user_watches': '65536',
    'fs.inotify.max_user_instances': '128',
}
FOLDERS = ('/run/sysctl.d', '/etc/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d', '/lib/sysctl.d')


def main(program: str, arguments: list[str]) -> int:
    """Run one of them."""
    return {
        'modprobe': _modprobe,
        'lsmod': _lsmod,
        'sysctl': _sysctl,
        'conntrack': _conntrack,
        'update-grub': _update_grub,
        'grub-mkconfig': _update_grub,
        'update-initramfs': _update_initramfs,
    }[program](arguments)


def _modprobe(arguments: list[str]) -> int:
    names = [word for word in arguments if not word.startswith('-') and '=' not in word]
    names = names if {'-a', '--all'} & set(arguments) else names[:1]
    if {'-r', '--remove'} & set(arguments):
        with core.state('kernel') as kept:
            kept['modules'] = [each for each in kept.get('modules', []) if each not in names]
        return 0
    if 'nvidia' in names and 'nvidia' not in core.machine().get('gpus', []):
        raise core.Refused("modprobe: ERROR: could not insert 'nvidia': No such device")
    with core.state('kernel') as kept:
        known = kept.setdefault('modules', [])
        known += [name for name in names if name not in known]
    return 0


def _lsmod(_arguments: list[str]) -> int:
    core.say('Module                  Size  Used by')
    for name in core.peek('kernel').get('modules', []):
        core.say(f'{name.replace("-", "_"):<23} 16384  0')
    return 0


def _sysctl(arguments: list[str]) -> int:
    """Read and set parameters; a file's unknown one is an error, as in the real program, unless -e or a leading `-`."""
    flags = {word for word in arguments if word.startswith('-')}
    words = [word for word in arguments if not word.startswith('-')]
    quiet, lenient = bool({'-q', '--quiet'} & flags), bool({'-e', '--ignore'} & flags)
    if '--system' in flags:
        return max([_load(file, quiet=quiet, lenient=lenient) for file in _system_files()], default=0)
    if flags & {'-p', '--load'} or any(flag.startswith('-p') for flag in flags):
        return max(_load(file, quiet=quiet, lenient=lenient) for file in words or ['/etc/sysctl.conf'])
    if {'-a', '--all'} & flags:
        words = sorted(DEFAULTS | core.peek('kernel').get('sysctl', {}))
    return max([_one(word, flags, quiet=quiet, lenient=lenient) for word in words], default=0)


def _system_files() -> list[str]:
    found: dict[str, str] = {}
    for folder in reversed(FOLDERS):
        place = core.path(folder)
        found |= {
            name: f'{folder}/{name}'
            for name in (os.listdir(place) if os.path.isdir(place) else [])
            if name.endswith('.conf')
        }
    return [*(found[name] for name in sorted(found)), '/etc/sysctl.conf']


def _load(file: str, *, quiet: bool, lenient: bool) -> int:
    code = 0
    for line in core.read(file).splitlines():
        text = line.strip()
        if text and text[0] not in '#;':
            forgiving = text.startswith('-')
            code = max(code, _set(text.lstrip('-'), quiet=quiet, lenient=lenient or forgiving))
    return code


def _one(word: str, flags: set[str], *, quiet: bool, lenient: bool) -> int:
    if '=' in word or {'-w', '--write'} & flags:
        return _set(word, quiet=quiet, lenient=lenient)
    key = word.replace('/', '.')
    value = (DEFAULTS | core.peek('kernel').get('sysctl', {})).get(key)
    if value is None:
        return _unknown(key, lenient=lenient)
    core.say(value if {'-n', '--values'} & flags else f'{key} = {value}')
    return 0


def _set(text: str, *, quiet: bool, lenient: bool) -> int:
    key, equals, value = (part.strip() for part in text.partition('='))
    key = key.replace('/', '.')
    if not equals:
        core.complain(f'sysctl: "{text}" must be of the form name=value')
        return 1
    with core.state('kernel') as kept:
        known = kept.setdefault('sysctl', {})
        if key not in DEFAULTS and key not in known and not re.match(r'(net|kernel|vm|fs|user|dev)\.', key):
            return _unknown(key, lenient=lenient)
        if re.fullmatch(r'-?\d+', DEFAULTS.get(key, '')) and not re.fullmatch(r'-?\d+', value):
            core.complain(f'sysctl: setting key "{key}": Invalid argument')
            return 1
        known[key] = value
    if not quiet:
        core.say(f'{key} = {value}')
    return 0


def _unknown(key: str, *, lenient: bool) -> int:
    if lenient:
        return 0
    core.complain(f'sysctl: cannot stat /proc/sys/{key.replace(".", "/")}: No such file or directory')
    return 255


def _conntrack(arguments: list[str]) -> int:
    if {'-V', '--version'} & set(arguments):
        core.say('conntrack v1.4.6 (conntrack-tools)')
    else:
        core.complain('conntrack v1.4.6 (conntrack-tools): 0 flow entries have been shown.')
    return 0


def _update_grub(arguments: list[str]) -> int:
    """Write the kernel's command line from /etc/default/grub into grub.cfg, as far as one can tell from it."""
    text = core.read('/etc/default/grub')
    folder = '/etc/default/grub.d'
    names = sorted(os.listdir(core.path(folder))) if os.path.isdir(core.path(folder)) else []
    text += ''.join(core.read(f'{folder}/{name}') for name in names)
    lines = re.findall(r'^GRUB_CMDLINE_LINUX(?:_DEFAULT)?=["\']?(.*?)["\']?$', text, re.MULTILINE)
    target = arguments[arguments.index('-o') + 1] if '-o' in arguments else '/boot/grub/grub.cfg'
    core.write(target, f'linux /boot/vmlinuz-5.15.0-generic root=/dev/vda1 {" ".join(lines)}\n')
    core.complain("Sourcing file `/etc/default/grub'\nGenerating grub configuration file ...\ndone")
    return 0


def _update_initramfs(_arguments: list[str]) -> int:
    core.say('update-initramfs: Generating /boot/initrd.img-5.15.0-generic')
    return 0
