"""A door: the ingress of this unit's application, in the cluster and on this machine's ports.

Every unit does it: the objects are the same, so the first writes them and the others find them written.
"""

from __future__ import annotations

from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, files, records
from charms.reactive import clear_flag, is_flag_set, set_flag

from . import cluster_objects, ingress, ingress_inputs, inputs, journal, machine, paths, things
from .cluster_objects import Foreign
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
        look_again: ask for the server's version, though nothing else changed: it decides the controller's image.
    """
    settings, _ = ingress_inputs.read()
    if settings is None:
        return  # the status tells
    facts = _facts(inputs.collect(), settings)
    known: Any = records.get(RECORD) or {}
    done = OFF if not settings.enabled else things.digest([repr(facts)])
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


def server(client: api.Client) -> Server:
    """Ask the API server what it offers."""
    return Server(
        client.version(),
        cluster_objects.first_group(client, 'daemonsets', ingress.WORKLOADS),
        cluster_objects.first_group(client, 'ingressclasses', ingress.CLASSES),
    )


def _facts(facts: WorkerFacts, settings: Settings) -> Facts:
    return Facts(inputs.app(), machine.architecture(), facts.cluster.registry, settings)


def _bring_about(facts: Facts, done: str) -> None:
    client = _client()
    here = server(client)
    mark = ingress.mark(facts.app)
    _remove_legacy(client, facts.app, here)
    if done == OFF:
        if records.get(RECORD) is not None or _is_there(client, facts.app, mark):
            _remove(client, facts.app, here, mark)
        clear_flag(APPLIED)
    else:
        reason = ingress.problem(facts, here)
        if reason:
            journal.later.append(f'ingress: {reason}')
            return
        written = cluster_objects.apply(client, ingress.things(facts, here), mark)
        hookenv.log(f'ingress: {len(written)} objects written')
        set_flag(APPLIED)
    records.put(RECORD, {'done': done, 'version': [*here.version]})


def _is_other(known: dict[str, Any]) -> bool:
    """Tell whether the server has another version than when the objects were made; one out of reach has not."""
    try:
        return [*_client().version()] != known.get('version')
    except (api.Error, OSError, ValueError):
        return False


def _is_there(client: api.Client, app: str, mark: str) -> bool:
    try:
        return things.bears(client.get('namespaces', ingress.namespace(app)), mark)
    except api.NotFound:
        return False


def _remove(client: api.Client, app: str, here: Server, mark: str) -> None:
    gone = cluster_objects.remove(client, ingress.kinds(here), mark)
    namespace = ingress.namespace(app)
    if _is_there(client, app, mark):
        others = _others(client, here, namespace)
        if others:
            hookenv.log(f'ingress: namespace {namespace} stays, there are other objects in it: {", ".join(others[:5])}')
        elif cluster_objects.delete(client, 'namespaces', 'v1', '', namespace):
            gone.append(f'namespaces {namespace}')
    hookenv.log(f'ingress: removed {", ".join(gone) or "nothing"}')


def _others(client: api.Client, here: Server, namespace: str) -> list[str]:
    """Return what people have put into our namespace."""
    found = []
    workloads = [('deployments', here.workloads), ('daemonsets', here.workloads)]
    for resource, group in [('configmaps', 'v1'), ('secrets', 'v1'), ('services', 'v1'), *workloads]:
        for item in client.list(resource, namespace=namespace, group=group):
            name, gone = item['metadata']['name'], item['metadata'].get('deletionTimestamp')
            own = name == 'kube-root-ca.crt' or item.get('type') == 'kubernetes.io/service-account-token'
            # the controller's own, for its elections
            if not gone and not own and not name.startswith('ingress-controller-leader'):
                found.append(f'{resource} {name}')
    return found


def _remove_legacy(client: api.Client, app: str, here: Server) -> None:
    """Remove what a public revision of the charm made on this machine, as its manifest says that lies there."""
    manifest = files.read(paths.LEGACY_INGRESS)
    for resource, group, namespace, name in ingress.legacy(manifest, app, here):
        cluster_objects.delete(client, resource, group, namespace, name)
    files.remove(paths.LEGACY_INGRESS)


def _client() -> api.Client:
    return api.Client.from_kubeconfig(paths.ROOT_KUBECONFIG, timeout_s=TIMEOUT_S)
