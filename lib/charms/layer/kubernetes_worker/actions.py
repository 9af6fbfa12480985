"""A door: runs what an operator asks for with `juju run-action`."""

from __future__ import annotations

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, options, records
from charms.reactive import main as run_handlers
from charms.reactive import set_flag

from . import cluster_node, inputs, journal, packages, paths
from .cluster_node import Refused
from .upgrade import Step

PAUSED = 'paused'
TIMEOUT_S = 30.0


def run(name: str) -> None:
    """Run an action; what cannot be done fails it with a message and leaves the unit's hooks alone."""
    try:
        ACTIONS[name]()
    except (Refused, api.Error, options.Invalid) as error:
        hookenv.action_fail(f'{name}: {error}')
    except FileNotFoundError as error:
        hookenv.action_fail(f'{name}: this unit has no {error.filename} yet: it has not joined a cluster')


def pause() -> None:
    """Cordon, then drain. A pause that fails leaves the node as schedulable as it was, or says that it did not."""
    node = inputs.node_name()
    client = _client()
    was_paused, was_cordoned = is_paused(), cluster_node.is_cordoned(client, node)
    records.put(PAUSED, True)  # first: a pause cut off in the middle is one that resume can undo
    try:
        cluster_node.set_unschedulable(client, node, True)
        count = cluster_node.evict_all(client, node, delete_local_data=_flag('delete-local-data'), force=_flag('force'))
    except (Refused, api.Error) as error:
        if not was_paused:
            _take_back(client, node, was_cordoned, error)
        raise
    hookenv.action_set({'node': node, 'evicted': str(count)})
    run_handlers()


def resume() -> None:
    """Uncordon; fine for a node that is not paused."""
    node = inputs.node_name()
    cluster_node.set_unschedulable(_client(), node, False)
    records.drop(PAUSED)
    hookenv.action_set({'node': node})
    run_handlers()


def upgrade() -> None:
    """Install what the options and resources ask for now."""
    packages.learn_resources()
    if packages.step(requested=True) is Step.NOTHING:
        hookenv.action_set({'result': f'nothing to upgrade: {packages.described()} is installed'})
        return
    set_flag('kubernetes-worker.upgrade.requested')
    run_handlers()
    if journal.failures:
        raise Refused(journal.failures[0])
    hookenv.action_set({'result': f'installed {packages.described()}'})


def not_yet() -> None:
    raise Refused('this action is not implemented in this revision of the charm; nothing was done')


def is_paused() -> bool:
    return records.get(PAUSED) is True


def _take_back(client: api.Client, node: str, was_cordoned: bool, error: Exception) -> None:
    """Make the node schedulable again if it was.

    Raises:
        Refused: the API did not let it be done; the unit goes on as paused.
    """
    try:
        if not was_cordoned:
            cluster_node.set_unschedulable(client, node, False)
    except api.Error as second:
        raise Refused(f'{error}; and node {node} may be left cordoned ({second}): run action resume') from error
    records.drop(PAUSED)


def _client() -> api.Client:
    return api.Client.from_kubeconfig(paths.ROOT_KUBECONFIG, timeout_s=TIMEOUT_S)


def _flag(name: str) -> bool:
    return options.boolean({name: hookenv.action_get(name)}, name)


ACTIONS = {'pause': pause, 'resume': resume, 'upgrade': upgrade, **dict.fromkeys(('microbot', 'registry'), not_yet)}
