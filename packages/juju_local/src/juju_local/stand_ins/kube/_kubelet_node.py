"""What a node says of itself. Pure, but for what it asks of the kernel."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from . import _kubelet_settings, _times, _version

Json = dict[str, Any]


def labels(name: str, settings: _kubelet_settings.Settings) -> dict[str, str]:
    """Return the labels of a node that registers."""
    prefixes = ['beta.kubernetes.io'] + (['kubernetes.io'] if settings.version >= (1, 14) else [])
    found = {'kubernetes.io/hostname': name}
    for prefix in prefixes:
        found |= {f'{prefix}/os': 'linux', f'{prefix}/arch': 'amd64'}
    for pair in filter(None, settings.flags.get('node-labels', '').split(',')):
        key, _, value = pair.partition('=')
        found[key] = value
    return found


def taints(text: str) -> list[Json]:
    """Return what --register-with-taints says: key=value:effect, comma separated."""
    found = []
    for part in filter(None, text.split(',')):
        pair, _, effect = part.rpartition(':')
        key, _, value = pair.partition('=')
        found.append({'key': key, 'effect': effect} | ({'value': value} if value else {}))
    return found


def addresses(name: str, address: str) -> list[Json]:
    return [{'type': 'InternalIP', 'address': address}, {'type': 'Hostname', 'address': name}]


def capacity(settings: _kubelet_settings.Settings) -> dict[str, str]:
    memory = next(
        line.split()[1] for line in Path('/proc/meminfo').read_text(encoding='utf-8').splitlines() if 'MemTotal' in line
    )
    pods = str(settings.get('maxPods') or 110)
    return {'cpu': str(os.cpu_count()), 'memory': f'{memory}Ki', 'pods': pods, 'ephemeral-storage': '20480Mi'}


def info(settings: _kubelet_settings.Settings) -> dict[str, str]:
    uname = platform.uname()
    runtime = 'docker://20.10.24' if settings.runtime == 'docker' else 'containerd://1.6.20'
    return {
        'kernelVersion': uname.release,
        'osImage': _os_image(),
        'operatingSystem': 'linux',
        'architecture': 'amd64',
        'kubeletVersion': _version.text(),
        'kubeProxyVersion': _version.text(),
        'containerRuntimeVersion': runtime,
        'machineID': _first_line('/etc/machine-id'),
        'systemUUID': _first_line('/etc/machine-id'),
        'bootID': _first_line('/proc/sys/kernel/random/boot_id'),
    }


def _os_image() -> str:
    for line in _text('/etc/os-release').splitlines():
        key, _, value = line.partition('=')
        if key == 'PRETTY_NAME':
            return value.strip('"')
    return 'Linux'


def _first_line(path: str) -> str:
    return (_text(path).splitlines() or [''])[0]


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding='utf-8')
    except OSError:
        return ''


def conditions(not_ready: str, before: list[Json]) -> list[Json]:
    """Return the node's conditions; `not_ready` says why it is not, '' if it is. A change of state moves its time."""
    now = _times.timestamp()
    wanted = [
        ('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        ('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        ('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        ('Ready', 'False', 'KubeletNotReady', not_ready)
        if not_ready
        else ('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ]
    known = {item['type']: item for item in before}
    found = []
    for kind, status, reason, message in wanted:
        old = known.get(kind, {})
        since = old.get('lastTransitionTime', now) if old.get('status') == status else now
        found.append(
            {
                'type': kind,
                'status': status,
                'reason': reason,
                'message': message,
                'lastHeartbeatTime': now,
                'lastTransitionTime': since,
            }
        )
    return found
