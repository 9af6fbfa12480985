"""A door: collects the facts of this hook from Juju, the relations and the machine. Changes nothing but records."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, files, node, options, records, snap_access, snap_options, snaps
from charms.reactive import endpoint_from_flag, is_flag_set

from . import (
    credentials,
    endpoints,
    extra_args,
    ingress_inputs,
    machine,
    nagios,
    paths,
    runtime,
    runtime_inputs,
    settings,
)
from .facts import Cluster, Dns, Facts, Machine, Program, Programs, Relations, Settings

OTHERS = (
    (snap_options.channel, 'channel'),
    (snap_options.refresh_timer, 'snapd_refresh'),
    (nagios.context, 'nagios_context'),
    (nagios.servicegroups, 'nagios_servicegroups'),
)


def collect() -> Facts:
    """Return everything that decides what the daemons run with."""
    programs = _programs()
    in_force, problems = _settings(programs)
    problems = (*problems, *_of_machine())
    problems = (*problems, *runtime_inputs.problems(programs.kubelet.version if programs else None))
    problems = (*problems, *ingress_inputs.read()[1])
    here = _machine(in_force)
    return Facts(
        relations=_relations(),
        cluster=_cluster(here.node),
        machine=here,
        programs=programs,
        runtime=is_flag_set('kubernetes-worker.runtime.installed'),
        cni_plugins=is_flag_set('kubernetes-worker.cni-plugins.installed'),
        settings=in_force,
        problems=problems,
    )


def app() -> str:
    return str(hookenv.application_name())


def unit_number() -> int:
    return int(hookenv.local_unit().rpartition('/')[2])


def node_name() -> str:
    """Return the name of this unit's node; all that names the node asks here."""
    in_force, _ = _settings(_programs())
    return _node_name(in_force)


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
        cloud=_cloud(),
        registry=str(control.get_registry_location() or '') if control else '',
    )


def _cloud() -> Mapping[str, object] | None:
    integrator: Any = endpoint_from_flag('endpoint.openstack.joined')
    if not integrator:
        return {}
    return dict(integrator.told()) if is_flag_set('endpoint.openstack.ready') else None


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


def _of_machine() -> list[options.Invalid]:
    """Return what is wrong with options that others than the daemons heed."""
    problems = snap_access.problems()
    for parser, name in OTHERS:
        try:
            parser(hookenv.config(), name)
        except options.Invalid as error:
            problems.append(error)
    return problems


def _node_name(in_force: Settings | None) -> str:
    return node.name(in_force.kubelet_args.get('cloud-provider', '') if in_force else '')


def _machine(in_force: Settings | None) -> Machine:
    return Machine(
        node=_node_name(in_force),
        address=ingress_address(),
        architecture=machine.architecture(),
        stub_resolver=machine.has_stub_resolver(),
        container=machine.is_container(),
        gpu=runtime.has_gpu(),
    )


def _programs() -> Programs | None:
    if not is_flag_set('kubernetes-worker.snaps.installed'):
        return None
    return _asked(snaps.revision('kubelet'), snaps.revision('kube-proxy'))


@functools.lru_cache(maxsize=2)  # by the revisions of the snaps: they may change within a hook
def _asked(*_revisions: str) -> Programs | None:
    try:
        return Programs(_program('kubelet'), _program('kube-proxy'))
    except snaps.Failed as error:
        hookenv.log(str(error), hookenv.WARNING)
        return None


def _program(name: str) -> Program:
    return Program(name, snaps.version(name), extra_args.kinds(snaps.usage(name)))


@functools.lru_cache(maxsize=2)  # options do not change within a hook
def _settings(programs: Programs | None) -> tuple[Settings | None, tuple[options.Invalid, ...]]:
    """Return the options in force, and what is wrong with the others; remembers those that are good."""
    remembered = {name: good for name in settings.OPTIONS if isinstance(good := records.get(f'option-{name}'), str)}
    found = settings.read(hookenv.config(), remembered, programs)
    for name, text in found.good.items():
        records.put(f'option-{name}', text)
    return found.settings, found.problems
