"""The daemons of a worker as they should be, whole: files, arguments, and what they read when they start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from . import cloud, config_fields, credentials, extra_args, kubelet, paths, proxy
from .credentials import File
from .facts import Facts

HEADER = '# Written by the kubernetes-worker charm: changes are lost, set option {} instead.\n'


@dataclass(frozen=True)
class Daemon:
    """One daemon of a snap of the same name."""

    snap: str
    arguments: Mapping[str, str]
    files: tuple[File, ...]  # the charm writes these
    read: Mapping[str, str]  # other things it reads at start: name -> text
    config: Mapping[str, object] = field(default_factory=dict)  # its own file, as data
    absent: tuple[str, ...] = ()  # files of the charm's that should not be there

    def inputs(self, revision: str) -> dict[str, str]:
        """Return everything whose change asks for a restart."""
        return {
            'revision': revision,
            'arguments': json.dumps(dict(self.arguments)),
            **{file.path: file.text for file in self.files},
            **self.read,
        }


def desired(facts: Facts) -> list[Daemon]:
    """Return both daemons. Call it only when nothing is missing (see `readiness`)."""
    return [_kubelet(facts), _proxy(facts)]


def _kubelet(facts: Facts) -> Daemon:
    if facts.programs is None or facts.settings is None:
        raise ValueError('not ready')
    own = kubelet.Facts(facts.programs.kubelet, facts.cluster, facts.machine, facts.settings)
    config = kubelet.config(own)
    files = [credentials.kubelet_file(facts.cluster)]
    if own.program.version in config_fields.FILE:
        files.append(_yaml(paths.KUBELET_CONFIG, config, config_fields.OPTION))
    cluster = facts.cluster
    files += cloud.files(cluster.cloud or {}, own.program.version)
    read = {
        paths.CA: cluster.ca,
        paths.SERVER_CERTIFICATE: cluster.server_certificate,
        paths.SERVER_KEY: cluster.server_key,
    }
    absent = tuple(path for path in cloud.FILES if path not in {file.path for file in files})
    return Daemon('kubelet', kubelet.arguments(own), tuple(files), read, config, absent)


def _proxy(facts: Facts) -> Daemon:
    if facts.programs is None or facts.settings is None:
        raise ValueError('not ready')
    own = proxy.Facts(facts.programs.proxy, facts.cluster, facts.machine, facts.settings)
    config = proxy.config(own)
    files = [credentials.proxy_file(facts.cluster)]
    files += [_yaml(paths.PROXY_CONFIG, config, extra_args.OPTIONS['kube-proxy'])] if config else []
    absent = () if config else (paths.PROXY_CONFIG,)
    return Daemon('kube-proxy', proxy.arguments(own), tuple(files), {}, config, absent)


def _yaml(path: str, config: Mapping[str, object], option: str) -> File:
    return File(path, HEADER.format(option) + yaml.safe_dump(dict(config)), mode=0o644)
