"""A door: makes daemons and labels what the deciders say. Everything may be called in any hook, any number of times."""

from __future__ import annotations

import time
from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, files, records, services, snaps, versions
from charms.reactive import data_changed, endpoint_from_flag, is_flag_set, set_flag

from . import cluster_node, credentials, docker, images, inputs, journal, kubelet, machine, paths, readiness, runtime
from . import daemons as _daemons
from . import labels as _labels
from .credentials import File
from .daemons import Daemon
from .facts import Facts

LABELS = 'labels'
REGISTRATION_S = 8.0  # a kubelet that was just started registers its node within seconds
API_TIMEOUT_S = 5.0


def daemons() -> None:
    """Write configuration, set arguments and restart daemons where something changed, if nothing is missing."""
    facts = inputs.collect()
    if readiness.missing(facts, inputs.app()):
        return
    try:
        if facts.programs and facts.programs.kubelet.version in docker.CRI:
            runtime.serve_cri(images.pause(facts.machine.architecture, facts.cluster.registry))
        for daemon in _daemons.desired(facts):
            _converge(daemon)
    except snaps.Failed as error:
        hookenv.log(str(error), hookenv.WARNING)
        journal.failures.append(str(error))
        return
    for file in credentials.operator_files(facts.cluster, machine.has_account('ubuntu')):
        _write(file)
    _tell(facts)
    set_flag('kubernetes-worker.daemons.started')


def labels() -> None:
    """Make the node's labels what they should be; one try, or a few seconds of them if the kubelet has just started."""
    facts = inputs.collect()
    wanted = _labels.own(inputs.app(), _labels.parse(_option('labels')).labels, facts.machine.gpu)
    state = {'node': facts.machine.node, 'kubelet': records.get(f'started-{snaps.daemon("kubelet")}')}
    known: Any = records.get(LABELS) or {}
    if known.get('settled') == [wanted, state]:
        journal.labels_refused.extend((item, reason) for item, reason in known.get('refused_items', []))
        return
    mine = {**known.get('mine', {}), **wanted}
    records.put(LABELS, {'mine': mine})  # whatever happens next, these are ours to take away
    try:
        refused = _label(facts.machine.node, wanted, mine, 'kubelet' in journal.started)
    except (api.Error, OSError, ValueError) as error:
        hookenv.log(f'labelling node {facts.machine.node}: {error}', hookenv.WARNING)
        journal.labels_waiting.append(f'Waiting for node {facts.machine.node} in the API, to label it')
        return
    journal.labels_refused.extend(refused)
    records.put(LABELS, {'mine': wanted, 'settled': [wanted, state], 'refused_items': refused})


def _label(node: str, wanted: dict[str, str], mine: dict[str, str], patiently: bool) -> list[tuple[str, str]]:
    client = api.Client.from_kubeconfig(paths.KUBELET_KUBECONFIG, timeout_s=API_TIMEOUT_S)
    deadline = time.monotonic() + (REGISTRATION_S if patiently else 0)
    while True:
        try:
            present = cluster_node.labels(client, node)
            return cluster_node.set_labels(client, node, _labels.patch(wanted, mine, present))
        except (api.NotFound, api.Unavailable):
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.5)


def _converge(daemon: Daemon) -> None:
    unit = snaps.daemon(daemon.snap)
    services.restart_always(unit)
    for file in daemon.files:
        _write(file)
    snaps.arguments(daemon.snap, daemon.arguments)
    inputs_now = daemon.inputs(snaps.revision(daemon.snap))
    if daemon.snap == 'kubelet' and not services.is_current(unit, inputs_now):
        _drop_stale_cpu_state(daemon)
    if services.converge(unit, inputs_now):
        hookenv.log(f'{unit} was started with new inputs')
        journal.started.append(daemon.snap)
    for path in daemon.absent:  # nothing reads them any more
        files.remove(path)


def _drop_stale_cpu_state(daemon: Daemon) -> None:
    """Remove the kubelet's saved CPU state when the policy it belongs to changes: the kubelet would refuse to start."""
    policy = kubelet.cpu_policy(daemon.config, daemon.arguments)
    known = records.get('cpu-policy')
    if known not in (None, policy):
        files.remove(paths.CPU_MANAGER_STATE)
    records.put('cpu-policy', policy)


def _tell(facts: Facts) -> None:
    """Tell the network of the kubeconfig's content, and Juju of the version."""
    network: Any = endpoint_from_flag('cni.connected') if is_flag_set('cni.connected') else None
    if network:
        network.set_kubeconfig_hash_from_file(paths.KUBELET_KUBECONFIG)
    version = versions.text(facts.programs.kubelet.version) if facts.programs else ''
    if data_changed('kubernetes-worker.version', version):
        hookenv.application_version_set(version)


def _write(file: File) -> None:
    files.write(file.path, file.text, mode=file.mode, owner=file.owner)


def _option(name: str) -> str:
    return str(hookenv.config(name) or '')
