"""A door: takes the ingress of an application of workers out of the cluster.

The worker's charm makes it, and removes it when its option says so or its last unit goes. Its token may be revoked by
then: so the control plane removes it too, once no unit of the application is left.
"""

from __future__ import annotations

from . import api, cluster_objects, things

# Where a server may have what is needed, the best first.
WORKLOADS = ('apps/v1', 'apps/v1beta2', 'extensions/v1beta1')
CLASSES = ('networking.k8s.io/v1', 'networking.k8s.io/v1beta1')
ROLES = 'rbac.authorization.k8s.io/v1'


def mark(app: str) -> str:
    """Return the label, with value true, of all objects that an application's ingress consists of."""
    return f'cdk-{app}-ingress'


def namespace(app: str) -> str:
    return f'ingress-nginx-{app}'


def groups(client: api.Client) -> tuple[str, str]:
    """Return where the server has workloads and classes of ingresses; '' for what it does not have."""
    return (
        cluster_objects.first_group(client, 'daemonsets', WORKLOADS),
        cluster_objects.first_group(client, 'ingressclasses', CLASSES),
    )


def kinds(workloads: str, classes: str) -> list[tuple[str, str]]:
    """Return resource and group of everything that may bear the mark, in the order in which to remove it."""
    return [
        *([('ingressclasses', classes)] if classes else []),
        *([('daemonsets', workloads), ('deployments', workloads)] if workloads else []),
        ('replicationcontrollers', 'v1'),
        ('services', 'v1'),
        ('configmaps', 'v1'),
        ('secrets', 'v1'),
        ('clusterrolebindings', ROLES),
        ('clusterroles', ROLES),
        ('rolebindings', ROLES),
        ('roles', ROLES),
        ('serviceaccounts', 'v1'),
    ]


def are_there(client: api.Client, app: str) -> bool:
    """Tell whether the application has an ingress, or what is left of one."""
    try:
        return things.bears(client.get('namespaces', namespace(app)), mark(app))
    except api.NotFound:
        return False


def remove(client: api.Client, app: str, workloads: str, classes: str) -> list[str]:
    """Remove all that bears the application's mark; return what was done, in words.

    The namespace stays while others have something in it.
    """
    done = [f'removed {name}' for name in cluster_objects.remove(client, kinds(workloads, classes), mark(app))]
    if are_there(client, app):
        others = _others(client, workloads, namespace(app))
        if others:
            done.append(f'namespace {namespace(app)} stays, there are other objects in it: {", ".join(others[:5])}')
        elif cluster_objects.delete(client, 'namespaces', 'v1', '', namespace(app)):
            done.append(f'removed namespaces {namespace(app)}')
    return done


def _others(client: api.Client, workloads: str, place: str) -> list[str]:
    """Return what people have put into our namespace."""
    found = []
    of_pods = [('deployments', workloads), ('daemonsets', workloads)] if workloads else []
    for resource, group in [('configmaps', 'v1'), ('secrets', 'v1'), ('services', 'v1'), *of_pods]:
        for item in client.list(resource, namespace=place, group=group):
            name, gone = item['metadata']['name'], item['metadata'].get('deletionTimestamp')
            own = name == 'kube-root-ca.crt' or item.get('type') == 'kubernetes.io/service-account-token'
            # the controller's own, for its elections
            if not gone and not own and not name.startswith('ingress-controller-leader'):
                found.append(f'{resource} {name}')
    return found
