"""A door: what the options and the machine say about the container runtime."""

from __future__ import annotations

import functools
from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_common.versions import Version

from . import boot_options, docker, docker_options, in_force, logins, machine, runtime
from .docker import Host, Settings


def settings() -> Settings | None:
    """Return the options parsed; None while one is bad that never had a good value."""
    return _settings()[0]


def problems(kubelet: Version | None) -> list[options.Invalid]:
    """Return what is wrong with the options of the runtime, for the kubelet installed now (None: not yet)."""
    found, bad = _settings()
    reasons = [*bad]
    if found:
        reasons += docker.clashes(found, host(), kubelet)
        if runtime.refusal(found.daemon):
            reasons.append(options.Invalid('docker-opts', runtime.refusal(found.daemon)))
    try:
        logins.parse(hookenv.config())
    except options.Invalid as error:
        reasons.append(error)
    in_force.value(boot_options.OPTION, boot_options.read, reasons)
    return reasons


@functools.lru_cache(maxsize=1)
def host() -> Host:
    """Return what the choice of a runtime depends on."""
    system = machine.system()
    return Host(machine.architecture(), system.codename, system.release, machine.has_nvidia_card())


@functools.lru_cache(maxsize=1)  # options do not change within a hook
def _settings() -> tuple[Settings | None, tuple[options.Invalid, ...]]:
    bad: list[options.Invalid] = []
    values: dict[str, Any] = {
        'choice': in_force.value('docker_runtime', docker_options.choice, bad),
        'daemon': in_force.value('docker-opts', _daemon_options, bad),
        'docker_ce': in_force.value('docker-ce-package', docker_options.package, bad),
        'nvidia_docker': in_force.value('nvidia-docker-package', docker_options.package, bad),
        'nvidia_runtime': in_force.value('nvidia-container-runtime-package', docker_options.package, bad),
        'cuda_repo': in_force.value('cuda_repo', docker_options.cuda_repo, bad),
        'key_server': in_force.value('apt-key-server', docker_options.key_server, bad),
    }
    known = None if None in values.values() else Settings(**values, proxies=_proxies(bad))
    return known, tuple(bad)


def _proxies(bad: list[options.Invalid]) -> dict[str, str] | None:
    try:
        return docker_options.proxies(hookenv.config())
    except options.Invalid as error:
        bad.append(error)
        return None


def _daemon_options(config: options.Config, name: str) -> tuple[str, ...]:
    words = docker_options.daemon_options(config, name)
    known = docker_options.flags(runtime.usage()) if words else frozenset()
    for word in words:
        flag = word.removeprefix('--').partition('=')[0]
        if known and word.startswith('--') and flag not in known:
            package = next(iter(runtime.packages()), 'docker')
            raise options.Invalid(name, f"{package}'s daemon has no flag --{flag[:40]}")
    return words
