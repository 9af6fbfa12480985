"""A door: keeps this unit's kubelet at rest while its container runtime is changed, and gives it back as it was.

Nothing is drained: containers stop with their runtime, and the kubelet starts them again when it is back.
"""

from __future__ import annotations

from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, records, services, snaps

from . import cluster_node, paths

RECORD = 'at-rest'
TIMEOUT_S = 10.0
KUBELET = snaps.daemon('kubelet')


def is_on() -> bool:
    """Tell whether a rest was begun and not ended, in this hook or in one that was cut off."""
    return records.get(RECORD) is not None


def begin(node: str, purpose: str) -> None:
    """Cordon this unit's node, then stop the kubelet. Nothing to do where no kubelet was started yet.

    Raises:
        api.Error: the API does not answer; nothing was done.
    """
    if not services.was_started(KUBELET):
        return
    client = _client()
    known: Any = records.get(RECORD)
    if known is None:
        hookenv.log(
            f'{purpose}: node {node} takes no new pods and its kubelet stops; its containers stop too and start again '
            'afterwards, no pod moves to another node (run action pause first if they should)'
        )
        known = {'node': node, 'cordoned': not cluster_node.is_cordoned(client, node)}
        records.put(RECORD, known)  # first: a hook cut off here is ended by the next one
    if known['cordoned']:
        cluster_node.set_unschedulable(client, node, True)
    services.halt(KUBELET)


def end() -> None:
    """Start the kubelet, then uncordon the node if `begin` cordoned it.

    Raises:
        api.Error: the API does not answer; the node stays cordoned and the rest goes on until `end` succeeds.
    """
    known: Any = records.get(RECORD)
    if known is None:
        return
    services.start(KUBELET)
    if known.get('cordoned'):
        cluster_node.set_unschedulable(_client(), known['node'], False)
    records.drop(RECORD)


def _client() -> api.Client:
    return api.Client.from_kubeconfig(paths.ROOT_KUBECONFIG, timeout_s=TIMEOUT_S)
