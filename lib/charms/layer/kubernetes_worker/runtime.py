"""A door: the container runtime: docker's packages, its daemon and containerd's."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from charms.layer.kubernetes_common import api, files, records, services

from . import apt, at_rest, docker, machine, paths
from .docker import Host, Settings, Wanted

RECORD = 'runtime'
DRIVER = 'runtime-driver'
REFUSED = 'docker-opts-refused'
SERVICE = 'docker'
CONTAINERD = 'containerd'
DROP_IN = '50-kubernetes-worker.conf'
DOCKERD = '/usr/bin/dockerd'
USAGE = 'usage-dockerd'
UNIT = '/lib/systemd/system/docker.service'
ANSWER_S = 60.0
TIMEOUT_S = 30


class Failed(Exception):
    """The runtime is not as it should be; the text says what was attempted and why it failed. Try again later."""


def converge(settings: Settings, host: Host, node: str) -> None:
    """Have docker from where it should come, configured and running; repeating it changes nothing.

    Raises:
        Failed: what was running before runs again.
    """
    wanted = docker.wanted(settings, host)
    if not is_in_force(wanted) or at_rest.is_on():
        _bring_about(wanted, settings, host, node)
    _configure(wanted, settings)


def converge_driver(settings: Settings, host: Host) -> bool:
    """Install the driver of the graphics card where docker is NVIDIA's; return True if that was done now.

    Raises:
        Failed: docker runs without it.
    """
    wanted = docker.wanted(settings, host)
    if not wanted.driver or records.get(DRIVER) == [*wanted.driver]:
        return False
    try:
        apt.install([package for package in wanted.driver if apt.offers(package)])
    except apt.Failed as error:
        raise Failed(f'the driver of the graphics card: {error}') from error
    records.put(DRIVER, [*wanted.driver])
    return True


def source() -> str:
    """Return where the docker comes from that is installed, '' before it is."""
    known: Any = records.get(RECORD)
    return str(known['source']) if isinstance(known, dict) else ''


def has_gpu() -> bool:
    """Tell whether pods get a graphics card here: NVIDIA's docker is installed, and its driver answers."""
    return source() == 'nvidia' and machine.has_nvidia_driver()


def packages() -> list[str]:
    """Return the packages that are installed, as they were asked for."""
    known: Any = records.get(RECORD)
    return [*known['packages']] if isinstance(known, dict) else []


def usage() -> str:
    """Return what `dockerd --help` prints, asked once for each dockerd; '' before there is one."""
    try:
        stamp = Path(DOCKERD).stat().st_mtime_ns
    except OSError:
        return ''
    known: Any = records.get(USAGE)
    if not known or known['stamp'] != stamp:
        try:
            done = subprocess.run([DOCKERD, '--help'], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return ''
        known = {'stamp': stamp, 'text': done.stdout}
        records.put(USAGE, known)
    return str(known['text'])


def is_in_force(wanted: Wanted) -> bool:
    return records.get(RECORD) == _identity(wanted)


def refusal(words: tuple[str, ...]) -> str:
    """Return why docker did not start with these options, '' if it was never so."""
    known: Any = records.get(REFUSED)
    return str(known['reason']) if known and tuple(known['words']) == words else ''


def serve_cri(sandbox_image: str) -> None:
    """Have containerd serve the kubelet; repeating it changes nothing."""
    text = docker.containerd(sandbox_image, nvidia=source() == 'nvidia')
    environment = f'[Service]\nEnvironmentFile=-{paths.RUNTIME_ENVIRONMENT}\n'
    files.write(paths.CONTAINERD_CONFIG, text, mode=0o644)
    services.drop_in(CONTAINERD, DROP_IN, environment)
    inputs = {'config': text, 'drop-in': environment, 'environment': files.read(paths.RUNTIME_ENVIRONMENT)}
    services.converge(CONTAINERD, {**inputs, 'packages': str(records.get(RECORD))})


# -- packages


def _bring_about(wanted: Wanted, settings: Settings, host: Host, node: str) -> None:
    present = apt.installed(docker.PACKAGES)
    try:
        if not _is_met(wanted, present, _due(wanted)):
            _fetch(wanted, _others(wanted, present), settings, host)
            at_rest.begin(node, f'switching docker to {wanted.source} ({" ".join(wanted.packages)})')
            _replace(wanted, present)
            _configure(wanted, settings)
        _wait_for_docker()
        apt.hold([*wanted.names, *apt.installed(docker.BROUGHT)])
        records.put(RECORD, _identity(wanted))
    except (apt.Failed, api.Error, OSError, ValueError) as error:
        hint = '' if wanted.source == 'apt' else '; docker_runtime=apt does without other archives'
        raise Failed(f'docker from {wanted.source}: {error}{hint}') from error
    finally:
        _end_rest()


def _fetch(wanted: Wanted, others: list[str], settings: Settings, host: Host) -> None:
    """Get everything over the network before anything that runs is touched."""
    if wanted.archives:
        apt.update()
        apt.install(['gnupg'])
    for archive in wanted.archives:
        apt.trust(archive, settings.key_server, host.architecture)
    apt.update()
    apt.download(wanted.packages, remove=others)


def _replace(wanted: Wanted, present: dict[str, str]) -> None:
    """Install the wanted packages instead of those present; put these back when that fails."""
    apt.unhold(present)
    try:
        apt.install(wanted.packages, remove=_others(wanted, present))
    except apt.Failed:
        if present:
            unwanted = [name for name in wanted.names if name not in present]
            apt.install(packages() or present, remove=[*apt.installed(unwanted)])
            apt.hold(present)
        raise


def _due(wanted: Wanted) -> dict[str, str]:
    """Return the versions that packages are due to have whose former one was the operator's."""
    names = docker.loosened(wanted, packages())
    if names:
        apt.update()
    return {name: apt.candidate(name) for name in names}


def _is_met(wanted: Wanted, present: dict[str, str], due: dict[str, str]) -> bool:
    pins = {**dict(package.partition('=')[::2] for package in wanted.packages), **due}
    return (
        set(pins) <= set(present)
        and set(present) <= _kept(wanted)
        and all(version in ('', present[name]) for name, version in pins.items())
    )


def _others(wanted: Wanted, present: dict[str, str]) -> list[str]:
    return [name for name in present if name not in _kept(wanted)]


def _kept(wanted: Wanted) -> set[str]:
    """Return those of docker.PACKAGES that may be there."""
    return {*wanted.names, 'docker-ce-cli'} if 'docker-ce' in wanted.names else {*wanted.names}


def _identity(wanted: Wanted) -> dict[str, object]:
    return {'source': wanted.source, 'packages': [*wanted.packages]}


def _end_rest() -> None:
    try:
        at_rest.end()
    except api.Error as error:
        raise Failed(f'the kubelet runs again, uncordoning its node did not succeed: {error}') from error


# -- the daemon


def _configure(wanted: Wanted, settings: Settings) -> None:
    """Write what docker reads and restart it if that changed; options that it does not start with are taken back."""
    if settings.proxies is not None:
        files.write(paths.RUNTIME_ENVIRONMENT, docker.environment(settings.proxies), mode=0o600)
    words = () if refusal(settings.daemon) else settings.daemon
    if not _start(wanted, words) and words:
        reason = _last_words()
        _start(wanted, ())
        records.put(REFUSED, {'words': [*words], 'reason': f'docker did not start with it: {reason}'})


def _start(wanted: Wanted, words: tuple[str, ...]) -> bool:
    """Return False if docker was to be started and did not."""
    started_by = docker.command_line(files.read(UNIT))
    text = docker.drop_in(paths.RUNTIME_ENVIRONMENT, started_by, words, nvidia=wanted.source == 'nvidia')
    services.drop_in(SERVICE, DROP_IN, text)
    inputs = {
        'packages': str(_identity(wanted)),
        'drop-in': text,
        'environment': files.read(paths.RUNTIME_ENVIRONMENT),
    }
    services.converge(SERVICE, inputs)
    return services.is_current(SERVICE, inputs)


def _wait_for_docker() -> None:
    """Wait until the daemon answers.

    Raises:
        Failed: it does not.
    """
    deadline = time.monotonic() + ANSWER_S
    while True:
        done = subprocess.run(['docker', 'version'], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise Failed(f'docker does not answer: {done.stderr.strip()[-200:]}')
        time.sleep(0.5)


def _last_words() -> str:
    """Return the last line that docker's daemon printed."""
    command = ['journalctl', '--unit', SERVICE, '--lines', '20', '--output', 'cat', '--no-pager']
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    lines = [line.strip() for line in done.stdout.splitlines() if 'flag' in line or 'unable' in line or 'fail' in line]
    return lines[-1][:160] if lines else f'see journalctl -u {SERVICE}'
