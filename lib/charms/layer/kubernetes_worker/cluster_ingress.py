"""A door: the ingress of this unit's application, in the cluster and on this machine's ports.

Every unit does it: the objects are the same, so the first writes them and the others find them written.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, cluster_objects, files, ingress_objects, records
from charms.layer.kubernetes_common.cluster_objects import Foreign
from charms.reactive import clear_flag, is_flag_set, set_flag

from . import ingress, ingress_inputs, inputs, journal, machine, paths
from .facts import Facts as WorkerFacts
from .ingress import Facts, Server, Settings

RECORD = 'ingress'
OFF = 'off'
OPEN = 'kubernetes-worker.ingress-ports.open'
DOUBTFUL = 'kubernetes-worker.ingress-ports.doubtful'
APPLIED = 'kubernetes-worker.ingress.applied'
TIMEOUT_S = 8.0


def converge(*, look_again: bool) -> None:
    """Make the cluster's objects what the options ask for; tried again in every hook until it succeeds.

    Args:
        look_again: ask for the server's version, though nothing else changed: it decides the controller's image. One
            unit of the application is enough.
    """
    settings, _ = ingress_inputs.read()
    if settings is None:
        return  # the status tells
    facts = _facts(inputs.collect(), settings)
    known: Any = records.get(RECORD) or {}
    done = OFF if not settings.enabled else ingress.fingerprint(facts)
    try:
        if known.get('done') != done or (settings.enabled and look_again and _is_other(known)):
            _bring_about(facts, done)
    except Foreign as error:
        journal.later.append(f'ingress: {error}: remove it or set ingress=false')
    except (api.Error, OSError, ValueError) as error:
        hookenv.log(f'ingress: {error}', hookenv.WARNING)
        journal.later.append(f'ingress: {error}')


def converge_ports() -> None:
    """Open the ports exactly while ingress is wanted and was applied once."""
    settings, _ = ingress_inputs.read()
    if settings is None:
        return
    wanted = settings.enabled and is_flag_set(APPLIED)
    if wanted == is_flag_set(OPEN) and not is_flag_set(DOUBTFUL):
        return
    for port in ingress.PORTS:
        (hookenv.open_port if wanted else hookenv.close_port)(port)
    (set_flag if wanted else clear_flag)(OPEN)
    clear_flag(DOUBTFUL)


def withdraw() -> None:
    """Remove the objects with the last unit of the application, as far as the API answers; never fails a hook."""
    known: Any = records.get(RECORD) or {}
    if known.get('done') == OFF or not _is_last():
        return
    app = inputs.app()
    try:
        client = _client()
        here = server(client)
        _remove_legacy(client, app, here)
        _remove(client, app, here)
        records.drop(RECORD)
    except FileNotFoundError:
        hookenv.log('ingress: this unit never joined a cluster')
    except (api.Error, OSError, ValueError) as error:
        hookenv.log(f'ingress: its objects may stay in the cluster: {error}', hookenv.WARNING)


def forget() -> None:
    """Have the objects made anew by the next `converge`."""
    records.drop(RECORD)


def others_stay(goal: Mapping[str, Any], unit: str) -> bool:
    """Tell from what Juju's goal-state says whether units of the application are left when one has gone."""
    units: Mapping[str, Any] = goal.get('units') or {}
    return any(name != unit and told.get('status') != 'dying' for name, told in units.items() if '/' in name)


def server(client: api.Client) -> Server:
    """Ask the API server what it offers."""
    return Server(client.version(), *ingress_objects.groups(client))


def _is_last() -> bool:
    try:
        return not others_stay(hookenv.goal_state(), hookenv.local_unit())
    except (NotImplementedError, subprocess.SubprocessError, ValueError) as error:  # Juju has it from 2.4 on
        hookenv.log(f'ingress: its objects stay, goal-state does not tell whether other units do: {error!r}')
        return False


def _facts(facts: WorkerFacts, settings: Settings) -> Facts:
    return Facts(inputs.app(), machine.architecture(), facts.cluster.registry, settings)


def _bring_about(facts: Facts, done: str) -> None:
    client = _client()
    here = server(client)
    _remove_legacy(client, facts.app, here)
    if done == OFF:
        if records.get(RECORD) is not None or ingress_objects.are_there(client, facts.app):
            _remove(client, facts.app, here)
        clear_flag(APPLIED)
    else:
        reason = ingress.problem(facts, here)
        if reason:
            journal.later.append(f'ingress: {reason}')
            return
        written = cluster_objects.apply(client, ingress.things(facts, here), ingress_objects.mark(facts.app))
        hookenv.log(f'ingress: {len(written)} objects written')
        set_flag(APPLIED)
    records.put(RECORD, {'done': done, 'version': [*here.version]})


def _is_other(known: dict[str, Any]) -> bool:
    """Tell whether the server has another version than when the objects were made; one out of reach has not."""
    try:
        return [*_client().version()] != known.get('version')
    except (api.Error, OSError, ValueError):
        return False


def _remove(client: api.Client, app: str, here: Server) -> None:
    done = ingress_objects.remove(client, app, here.workloads, here.classes)
    hookenv.log(f'ingress: {"; ".join(done) or "there was nothing to remove"}')


def _remove_legacy(client: api.Client, app: str, here: Server) -> None:
    """Remove what a public revision of the charm made on this machine, as its manifest says that lies there."""
    manifest = files.read(paths.LEGACY_INGRESS)
    for resource, group, namespace, name in ingress.legacy(manifest, app, here):
        cluster_objects.delete(client, resource, group, namespace, name)
    files.remove(paths.LEGACY_INGRESS)


def _client() -> api.Client:
    return api.Client.from_kubeconfig(paths.ROOT_KUBECONFIG, timeout_s=TIMEOUT_S)
