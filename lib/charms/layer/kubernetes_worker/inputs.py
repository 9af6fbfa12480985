"""A door: collects the facts of this hook from Juju, the relations and the machine. Changes nothing but records."""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, files, node, options, snaps
from charms.layer.kubernetes_common.versions import Version
from charms.reactive import endpoint_from_flag, is_flag_set

from . import credentials, endpoints, extra_args, in_force, kubelet, machine, paths
from .facts import Cluster, Dns, Facts, Machine, Relations, Settings, Versions


def collect() -> Facts:
    """Return everything that decides what the daemons run with."""
    settings, problems = _settings()
    versions = _versions()
    if settings and versions:
        problems = (*problems, *kubelet.problems(versions.kubelet, settings))
        settings, unknown = _known(settings, versions)
        problems = (*problems, *unknown)
    here = _machine(settings)
    return Facts(
        relations=_relations(),
        cluster=_cluster(here.node),
        machine=here,
        versions=versions,
        runtime=is_flag_set('kubernetes-worker.runtime.installed'),
        cni_plugins=is_flag_set('kubernetes-worker.cni-plugins.installed'),
        settings=settings,
        problems=problems,
    )


def app() -> str:
    return str(hookenv.application_name())


def unit_number() -> int:
    return int(hookenv.local_unit().rpartition('/')[2])


def node_name() -> str:
    """Return the name of this unit's node; all that names the node asks here."""
    settings, _ = _settings()
    return node.name(settings.kubelet_args.get('cloud-provider', '') if settings else '')


@functools.lru_cache(maxsize=1)  # a hook tool; a process is one hook
def ingress_address() -> str:
    """Return the address under which the control plane reaches this unit."""
    command = ['network-get', 'kube-control', '--ingress-address', '--format=json']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout or '""')
    except ValueError:
        answer = ''
    address = answer[0] if isinstance(answer, list) and answer else answer
    return str(address or hookenv.unit_private_ip())


@functools.lru_cache(maxsize=1)
def public_address() -> str:
    return str(hookenv.unit_public_ip() or ingress_address())


def _relations() -> Relations:
    names = ('kube-control', 'certificates', 'kube-api-endpoint', 'cni')
    return Relations(**{name.replace('-', '_'): _is_related(name) for name in names})


def _is_related(endpoint: str) -> bool:
    """Tell whether an endpoint has a relation; Juju still lists one that is being broken in this very hook."""
    ids = set(hookenv.relation_ids(endpoint))
    if hookenv.hook_name() == f'{endpoint}-relation-broken':
        ids.discard(hookenv.relation_id())
    return bool(ids)


def _cluster(node_name: str) -> Cluster:
    control: Any = endpoint_from_flag('kube-control.connected')
    network: Any = endpoint_from_flag('cni.available')
    has_ca = is_flag_set('tls_client.ca.saved')
    has_certificate = has_ca and is_flag_set('tls_client.certs.saved')
    user = credentials.user(node_name)
    return Cluster(
        server=_server(),
        ca=files.read(paths.CA) if has_ca else '',
        server_certificate=files.read(paths.SERVER_CERTIFICATE) if has_certificate else '',
        server_key=files.read(paths.SERVER_KEY) if has_certificate else '',
        credentials=credentials.complete(user, control.get_auth_credentials(user)) if control else None,
        dns=_dns(control.get_dns()) if control else None,
        cidr=str(network.get_config().get('cidr') or '') if network else '',
        registry=str(control.get_registry_location() or '') if control else '',
    )


def _server() -> str:
    endpoint: Any = endpoint_from_flag('kube-api-endpoint.available')
    urls = endpoints.servers(endpoint.services()) if endpoint else []
    try:
        current = api.Client.from_kubeconfig(paths.KUBELET_KUBECONFIG).server
    except (OSError, ValueError):
        current = ''
    return endpoints.chosen(urls, unit_number(), current)


def _dns(told: Any) -> Dns | None:
    """Return DNS data; None until the control plane has said whether there is any. Its public form is text."""
    enabled = told.get('enable-kube-dns')
    if enabled is None:
        return None
    ip = '' if str(enabled).lower() == 'false' else str(told.get('sdn-ip') or '')
    if str(enabled).lower() != 'false' and not ip:
        return None
    return Dns(str(told.get('domain') or ''), ip)


def _machine(settings: Settings | None) -> Machine:
    return Machine(
        node=node.name(settings.kubelet_args.get('cloud-provider', '') if settings else ''),
        address=ingress_address(),
        architecture=machine.architecture(),
        stub_resolver=machine.has_stub_resolver(),
        container=machine.is_container(),
        gpu=machine.has_gpu(),
    )


def _versions() -> Versions | None:
    if not is_flag_set('kubernetes-worker.snaps.installed'):
        return None
    try:
        return Versions(snaps.version('kubelet'), snaps.version('kube-proxy'))
    except snaps.Failed as error:
        hookenv.log(str(error), hookenv.WARNING)
        return None


@functools.lru_cache(maxsize=1)  # options do not change within a hook
def _settings() -> tuple[Settings | None, tuple[options.Invalid, ...]]:
    """Return the options parsed, a bad one with its last good value, and what is wrong with the bad ones.

    Settings are None while an option is bad that never had a good value.
    """
    problems: list[options.Invalid] = []
    kubelet_args = in_force.value('kubelet-extra-args', options.arguments, problems)
    proxy_args = in_force.value('proxy-extra-args', options.arguments, problems)
    kubelet_config = in_force.value('kubelet-extra-config', options.mapping, problems)
    privileged = in_force.value('allow-privileged', _allow_privileged, problems)
    if kubelet_args is None or proxy_args is None or kubelet_config is None or privileged is None:
        return None, tuple(problems)
    return Settings(kubelet_args, proxy_args, kubelet_config, privileged), tuple(problems)


def _known(settings: Settings, versions: Versions) -> tuple[Settings, list[options.Invalid]]:
    """Return the settings without extra arguments that the installed programs do not have, and those as problems."""
    kubelet_args, first = _known_args('kubelet', versions.kubelet, settings.kubelet_args)
    proxy_args, second = _known_args('kube-proxy', versions.proxy, settings.proxy_args)
    return dataclasses.replace(settings, kubelet_args=kubelet_args, proxy_args=proxy_args), first + second


def _known_args(
    program: str, version: Version, arguments: Mapping[str, str]
) -> tuple[Mapping[str, str], list[options.Invalid]]:
    if not arguments:
        return arguments, []
    known = extra_args.flags(snaps.usage(program))
    problems = extra_args.unknown(program, version, arguments, known)
    refused = {problem.name for problem in problems}
    return {name: value for name, value in arguments.items() if name not in refused}, [*problems]


def _allow_privileged(config: options.Config, name: str) -> str:
    return options.choice(config, name, ('true', 'false', 'auto'))
