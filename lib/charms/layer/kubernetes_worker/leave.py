"""A door: takes this unit out of the cluster. Never fails a hook: a unit must be removable whatever is down."""

from __future__ import annotations

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, records, services, snaps

from . import cluster_ingress, inputs, packages, paths

TIMEOUT_S = 10.0
DAEMONS = ('kubelet', 'kube-proxy')


def cluster() -> None:
    """Stop the daemons for good, then delete the node: a running kubelet would register it again.

    With the last unit the application's ingress goes, too.
    """
    cluster_ingress.withdraw()
    for name in DAEMONS:
        if snaps.revision(name):
            services.stop(snaps.daemon(name))
    _delete_node(inputs.node_name())
    for name in packages.SNAPS:
        snaps.forget(name)
    for record in ('labels', 'paused', 'cpu-policy'):
        records.drop(record)


def _delete_node(node: str) -> None:
    try:
        api.Client.from_kubeconfig(paths.ROOT_KUBECONFIG, timeout_s=TIMEOUT_S).delete('nodes', node)
    except FileNotFoundError:
        hookenv.log(f'node {node} was never registered by this unit')
    except (api.Error, OSError, ValueError) as error:
        hookenv.log(f'node {node} stays in the API: {error}', hookenv.WARNING)
