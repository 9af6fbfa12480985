"""The container runtime as it should be: packages and where they come from, options of the daemon. Decides only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from charms.layer.kubernetes_common import options, versions
from charms.layer.kubernetes_common.versions import Span, Version

Source = Literal['apt', 'upstream', 'nvidia']
CRI = Span(first=(1, 24))  # these kubelets have no dockershim: containerd, which docker brings along, serves them
CONTAINERD_SPLIT = (18, 9)  # from here on docker-ce brings the service containerd instead of one inside dockerd

# Everything that any choice installs, so that a switch can take the others away.
PACKAGES = ('docker.io', 'docker-ce', 'docker-ce-cli', 'nvidia-docker2', 'nvidia-container-runtime')
# What comes with them and is held as they are: from CRI on it is the kubelet's runtime, and docker ends with it.
BROUGHT = ('containerd', 'containerd.io')
# Fingerprints of the keys that sign the archives, asked of apt-key-server. Compared with those of the files that their
# makers publish: download.docker.com/linux/ubuntu/gpg, nvidia.github.io/libnvidia-container/gpgkey (whose archive is
# "stable/deb": docs.nvidia.com/datacenter/cloud-native/container-toolkit), 3bf863cc.pub beside each archive of CUDA.
DOCKER_KEY = '9DC858229FC7DD38854AE2D88D81803C0EBFCD88'
NVIDIA_KEY = 'C95B321B61E88C1809C4F759DDCAE044F796ECB0'
CUDA_KEY = 'EB693B3035CD5710E231E123A4B469963BF863CC'
# NVIDIA serves these architectures only; it had ppc64el for Ubuntu 18.04, and has none for the charm's series.
CUDA_FOLDERS = {'amd64': 'x86_64', 'arm64': 'sbsa'}


@dataclass(frozen=True)
class Host:
    """What the choice depends on."""

    architecture: str  # as Debian spells it
    codename: str  # of the series: jammy
    release: str  # 22.04
    nvidia: bool  # there is such a card


@dataclass(frozen=True)
class Settings:
    """Options, parsed. A bad one is replaced by its last good value."""

    choice: str = 'auto'
    daemon: tuple[str, ...] = ()  # docker-opts, as words
    docker_ce: str = 'docker-ce'
    nvidia_docker: str = 'nvidia-docker2'
    nvidia_runtime: str = 'nvidia-container-runtime'
    cuda_repo: str = '10.0.130-1'
    key_server: str = 'hkp://keyserver.ubuntu.com:80'
    # environment of the daemons; None: an option is bad, leave what is there. A proxy's URL may hold a password.
    proxies: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Archive:
    """A source of packages outside Ubuntu's own."""

    name: str
    url: str  # and what follows it in a line of sources.list
    key: str

    @property
    def keyring(self) -> str:
        return f'/usr/share/keyrings/kubernetes-worker-{self.name}.gpg'

    @property
    def path(self) -> str:
        return f'/etc/apt/sources.list.d/kubernetes-worker-{self.name}.list'

    def line(self, architecture: str) -> str:
        return f'deb [arch={architecture} signed-by={self.keyring}] {self.url}\n'


@dataclass(frozen=True)
class Wanted:
    """The packages of one choice."""

    source: Source
    packages: tuple[str, ...]  # NAME or NAME=VERSION
    archives: tuple[Archive, ...] = ()
    driver: tuple[str, ...] = ()  # of the graphics card, installed after the rest

    @property
    def names(self) -> frozenset[str]:
        return frozenset(package.partition('=')[0] for package in self.packages)


def wanted(settings: Settings, host: Host) -> Wanted:
    """Return what to install."""
    source = chosen(settings.choice, host)
    if source == 'apt':
        return Wanted(source, ('docker.io',))
    docker = Archive('docker', f'https://download.docker.com/linux/ubuntu {host.codename} stable', DOCKER_KEY)
    if source == 'upstream':
        return Wanted(source, (settings.docker_ce,), (docker,))
    system = f'ubuntu{host.release.replace(".", "")}'
    cuda = f'https://developer.download.nvidia.com/compute/cuda/repos/{system}/{CUDA_FOLDERS[host.architecture]}/ /'
    nvidia = f'https://nvidia.github.io/libnvidia-container/stable/deb/{host.architecture} /'
    archives = (docker, Archive('nvidia', nvidia, NVIDIA_KEY), Archive('cuda', cuda, CUDA_KEY))
    packages = (settings.docker_ce, settings.nvidia_docker, settings.nvidia_runtime)
    return Wanted(source, packages, archives, (f'cuda-repo-{system}={settings.cuda_repo}', 'cuda-drivers'))


def is_possible(settings: Settings, host: Host) -> bool:
    """Tell whether there are packages of what was chosen for this machine; `wanted` knows them only then."""
    return chosen(settings.choice, host) != 'nvidia' or host.architecture in CUDA_FOLDERS


def chosen(choice: str, host: Host) -> Source:
    """Return where docker comes from; `auto` follows the hardware."""
    if choice == 'auto':
        return 'nvidia' if host.nvidia and host.architecture in CUDA_FOLDERS else 'apt'
    return 'nvidia' if choice == 'nvidia' else 'upstream' if choice == 'upstream' else 'apt'


def clashes(settings: Settings, host: Host, kubelet: Version | None) -> list[options.Invalid]:
    """Return what cannot go together, though each value is good by itself."""
    found = []
    source = chosen(settings.choice, host)
    if not is_possible(settings, host):
        found.append(
            options.Invalid('docker_runtime', f'NVIDIA has no packages for {host.architecture}: set it to apt')
        )
    if kubelet is None or kubelet not in CRI:
        return found
    version = versions.text(kubelet[:2])
    if settings.daemon:
        reason = f'dockerd does not serve the kubelet {version} of option channel, containerd does: empty docker-opts'
        found.append(options.Invalid('docker-opts', f'{reason}, or set channel to 1.23 or earlier'))
    if source != 'apt' and _is_before_split(settings.docker_ce):
        reason = f'{settings.docker_ce} has no containerd for the kubelet {version} of option channel'
        found.append(options.Invalid('docker-ce-package', f'{reason}: take 18.09 or later, or channel 1.23 or earlier'))
    return found


def _is_before_split(package: str) -> bool:
    version = package.partition('=')[2]
    numbers = re.match(r'(?:\d+:)?(\d+)\.(\d+)', version, re.ASCII)
    return bool(numbers) and (int(numbers[1]), int(numbers[2])) < CONTAINERD_SPLIT  # type: ignore[index]  # just matched


def loosened(wanted: Wanted, before: Iterable[str]) -> list[str]:
    """Return the packages that had a version of the operator's and have none now: the archive's choice is due.

    Args:
        wanted: what is to be.
        before: NAME or NAME=VERSION of what was installed.
    """
    pinned = {name for name, _, version in (package.partition('=') for package in before) if version}
    return [package for package in wanted.packages if package in pinned]


def environment(settings: Mapping[str, str]) -> str:
    """Return the text of an EnvironmentFile. Only root reads it; a unit's own `Environment` is told to anybody."""
    quoted = {name: value.replace('\\', '\\\\').replace('"', '\\"') for name, value in settings.items()}
    return ''.join(f'{name}="{value}"\n' for name, value in sorted(quoted.items()))


def drop_in(environment_file: str, started_by: str, words: tuple[str, ...], *, nvidia: bool) -> str:
    """Return the drop-in for docker's unit.

    Args:
        environment_file: path of `environment`'s text.
        started_by: the command line in the unit that the package brings; '' when it is not known: words are left out.
        words: docker-opts.
        nvidia: containers get the card without asking for it, as device plugins need it.
    """
    # the packages' own units give up after three starts in a minute, which options changed in a row are already
    lines = ['[Unit]', 'StartLimitIntervalSec=0', '[Service]', f'EnvironmentFile=-{environment_file}']
    words = (*(('--default-runtime=nvidia',) if nvidia and not _sets_runtime(words) else ()), *words)
    if words and started_by:
        lines += ['ExecStart=', ' '.join([f'ExecStart={started_by}', *map(_quoted, words)])]
    # docker sets the policy of FORWARD to DROP whenever it starts, which cuts pods off from other nodes. The firewall's
    # lock is waited for as long as it takes: docker itself does so, too.
    lines.append('ExecStartPost=-/usr/sbin/iptables --wait --policy FORWARD ACCEPT')
    return '\n'.join(lines) + '\n'


def command_line(unit: str) -> str:
    """Return the last ExecStart of a unit file, '' if it has none."""
    found = re.findall(r'(?m)^ExecStart=(.+)$', unit)
    return found[-1].strip() if found else ''


def containerd(sandbox_image: str, *, nvidia: bool) -> str:
    """Return containerd's configuration: it serves the kubelet, which docker's own package leaves switched off."""
    cri = '[plugins."io.containerd.grpc.v1.cri"'
    lines = ['# Written by the kubernetes-worker charm: changes are lost.', 'version = 2']
    lines += [f'{cri}]', *([f'  sandbox_image = "{sandbox_image}"'] if sandbox_image else [])]
    if nvidia:
        lines += [f'{cri}.containerd]', '  default_runtime_name = "nvidia"']
        lines += [f'{cri}.containerd.runtimes.nvidia]', '  runtime_type = "io.containerd.runc.v2"']
        lines += [f'{cri}.containerd.runtimes.nvidia.options]', '  BinaryName = "/usr/bin/nvidia-container-runtime"']
    return '\n'.join(lines) + '\n'


def _sets_runtime(words: tuple[str, ...]) -> bool:
    return any(word.partition('=')[0] == '--default-runtime' for word in words)


def _quoted(word: str) -> str:
    """Return a word as systemd reads it: `%` and `$` stand for themselves only when doubled."""
    escaped = word.replace('\\', '\\\\').replace('"', '\\"').replace('%', '%%').replace('$', '$$')
    return f'"{escaped}"'
