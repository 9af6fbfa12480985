"""What a worker knows when it decides: frozen data, collected once a hook by `inputs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_common.versions import Version


@dataclass(frozen=True)
class Credentials:
    """The tokens of this unit's own user."""

    user: str
    kubelet_token: str = field(repr=False)
    proxy_token: str = field(repr=False)
    client_token: str = field(repr=False)


@dataclass(frozen=True)
class Dns:
    """What the control plane said about cluster DNS; `ip` is '' when it is off."""

    domain: str
    ip: str


@dataclass(frozen=True)
class Relations:
    """Which endpoints have a relation."""

    kube_control: bool = False
    certificates: bool = False
    kube_api_endpoint: bool = False
    cni: bool = False


@dataclass(frozen=True)
class Cluster:
    """What the other applications have told; '' and None mean not told (yet)."""

    server: str = ''  # URL of the API server that this unit uses
    ca: str = ''  # PEM text
    server_certificate: str = ''  # PEM text
    server_key: str = field(default='', repr=False)
    credentials: Credentials | None = None
    dns: Dns | None = None
    cidr: str = ''
    registry: str = ''
    # what a related cloud integrator told; {}: there is none, None: it has not told (yet)
    cloud: Mapping[str, object] | None = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Machine:
    """What is so on this machine."""

    node: str  # name of the node
    address: str  # ingress address of the kube-control binding
    architecture: str = 'amd64'  # as in names of images
    stub_resolver: bool = False  # /etc/resolv.conf is systemd-resolved's stub
    container: bool = False  # a system container, such as LXD's
    gpu: bool = False


@dataclass(frozen=True)
class Settings:
    """Options, parsed. A bad one is replaced by its last good value."""

    kubelet_args: Mapping[str, str] = field(default_factory=dict)
    proxy_args: Mapping[str, str] = field(default_factory=dict)
    kubelet_config: Mapping[str, object] = field(default_factory=dict)
    allow_privileged: str = 'true'


@dataclass(frozen=True)
class Program:
    """An installed program."""

    name: str  # kubelet or kube-proxy
    version: Version
    # the flags in its help, with the kinds of their values; {}: not known
    kinds: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Programs:
    """The installed programs."""

    kubelet: Program
    proxy: Program


@dataclass(frozen=True)
class Facts:
    """Everything that decides what the daemons run with."""

    relations: Relations
    cluster: Cluster
    machine: Machine
    programs: Programs | None  # None: the snaps are not installed (yet)
    runtime: bool  # the container runtime is there
    cni_plugins: bool
    settings: Settings | None  # None: an option is bad and never had a good value
    problems: tuple[options.Invalid, ...] = ()
