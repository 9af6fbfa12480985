"""A door: removes what docker and containerd keep without using it: stopped containers, and images."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timezone

from charms.layer.kubernetes_common import snaps

from . import docker, leftovers
from .cluster_node import Refused

TIMEOUT_S = 600
CTR = ('ctr', '--namespace', 'k8s.io')  # where containerd keeps what it does for the kubelet
OF_PODS = 'labels."io.cri-containerd.kind"==container'  # those that hold a pod's namespaces are the kubelet's business


def containers() -> str:
    """Remove containers that do not run, and return what that came to. The kubelet keeps none that it needs."""
    return _told(_docker('container', 'prune', '--force'), _containerds_containers() if _serves_cri() else None)


def images(*, untagged_only: bool) -> str:
    """Remove images that no container uses: those without a tag, or all; return what that came to."""
    done = _docker('image', 'prune', '--force', *([] if untagged_only else ['--all']))
    return _told(done, _containerds_images(untagged_only=untagged_only) if _serves_cri() else None)


def _serves_cri() -> bool:
    """Tell whether the kubelet's containers are containerd's own, and not docker's."""
    try:
        return bool(snaps.revision('kubelet')) and snaps.version('kubelet') in docker.CRI
    except snaps.Failed as error:
        raise Refused(str(error)) from error


def _told(docker_said: str, removed: list[str] | None) -> str:
    if removed is None:
        return docker_said
    return f'docker: {docker_said}; containerd: removed {" ".join(removed) or "nothing"}'


def _docker(*arguments: str) -> str:
    return ' '.join(_run('docker', *arguments).split()[-4:])


def _containerds_containers() -> list[str]:
    known = _run(*CTR, 'containers', 'list', '--quiet', OF_PODS).split()
    now = datetime.now(timezone.utc)
    idle = leftovers.idle(known, _run(*CTR, 'tasks', 'list'))
    old = [name for name in idle if not leftovers.is_young(_info(name), now)]
    for name in old:
        _run(*CTR, 'containers', 'delete', name)  # refuses one that runs
    return old


def _containerds_images(*, untagged_only: bool) -> list[str]:
    unused = leftovers.unused(
        _run(*CTR, 'images', 'list'), _run(*CTR, 'containers', 'list'), untagged_only=untagged_only
    )
    if unused:
        _run(*CTR, 'images', 'delete', '--sync', *unused)
    return unused


def _info(container: str) -> object:
    try:
        return json.loads(_run(*CTR, 'containers', 'info', container))
    except ValueError:
        return None


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f'{" ".join(command)}: {error}') from error
    if done.returncode:
        raise Refused(f'{" ".join(command)}: {done.stderr.strip()[-300:]}')
    return done.stdout
