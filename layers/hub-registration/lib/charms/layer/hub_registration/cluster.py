"""The door to what joining a hub makes in this cluster, and takes away again. Errors are those of `api`."""

from __future__ import annotations

import base64
import contextlib
import time
from typing import Any

from charms.layer.kubernetes_common import api

from . import ACCOUNT, NAMESPACE, agent, objects
from .objects import Placed
from .settings import Settings

_SERVED_S = 20.0  # until the API server serves what was just defined
PATIENCE_S = 45.0  # until the controller manager, once it is elected, has ended a namespace or made a token
_PAUSE_S = 0.2


class NotYet(Exception):
    """The controller manager has something to do first; a later hook goes on."""


def converge(client: api.Client, app: str, settings: Settings, patience_s: float = PATIENCE_S) -> str:
    """Make the agent's namespace, account and rights, and the claims; only what is not as it should be is written.

    Returns why the claims cannot be made, '' if they can. Raises NotYet.
    """
    _make_namespace(client, app, patience_s)
    _create(client, objects.account(app))
    for placed in objects.rights(app, settings):
        _put(client, placed)
    wanted = settings.claims or {}
    if not settings.is_on('ClusterClaim'):
        return 'hub-claims: hub-feature-gates switches claims off' if wanted else ''
    if not _define(client, app):
        return 'hub-claims: this version of Kubernetes has no definitions of resources' if wanted else ''
    _put_claims(client, app, wanted)
    return ''


def token(client: api.Client, app: str, patience_s: float = PATIENCE_S) -> str:
    """Return the token of the agent's account, which has to be there. Raises NotYet."""
    deadline = time.monotonic() + patience_s
    _create(client, objects.token(app, agent.TOKEN_SECRET))
    while not (found := _secret_text(client, agent.TOKEN_SECRET, 'token')):
        if time.monotonic() > deadline:
            raise NotYet('kube-controller-manager has put no token into the secret of the registration agent yet')
        time.sleep(_PAUSE_S)
    return found


def keep_bootstrap(client: api.Client, app: str, kubeconfig: str) -> None:
    """Keep the bootstrap kubeconfig where the unit that leads next finds it, and the agent looks for a change."""
    data = {'kubeconfig': base64.b64encode(kubeconfig.encode()).decode()}
    _put(client, objects.secret(app, agent.BOOTSTRAP_SECRET, data))


def kept_bootstrap(client: api.Client) -> str:
    """Return the bootstrap kubeconfig that another leader kept, '' if there is none."""
    return _secret_text(client, agent.BOOTSTRAP_SECRET, 'kubeconfig')


def take_certificate(client: api.Client) -> dict[str, Any] | None:
    """Have the agent ask for another: it goes on with its files meanwhile. Returns what `give_back` takes."""
    try:
        found = dict(client.get('secrets', agent.HUB_SECRET, namespace=NAMESPACE))
    except api.NotFound:
        return None
    _delete(client, 'secrets', agent.HUB_SECRET, NAMESPACE)
    return found


def give_back(client: api.Client, taken: dict[str, Any] | None) -> None:
    """Keep the old certificate for the unit that leads next, unless there is a new one by now."""
    if taken is not None:
        meta = {key: value for key, value in taken['metadata'].items() if key in ('name', 'labels', 'annotations')}
        _create(client, Placed('secrets', {**taken, 'metadata': meta}, namespace=NAMESPACE))


def leave(client: api.Client, app: str, cluster: str) -> None:
    """Take away all of it; the namespace and the definition only if they are ours. May be done again."""
    for placed in reversed(objects.rights(app, Settings())):
        _delete(client, placed.collection, placed.name, placed.namespace, placed.group)
    _delete(client, 'serviceaccounts', ACCOUNT, NAMESPACE)  # before its token: there is no other one then
    for name in agent.SECRETS:
        _delete(client, 'secrets', name, NAMESPACE)
    labels = f'{objects.CLUSTER_LABEL}={cluster}'
    for secret in client.list('secrets', labels=labels) if cluster else ():  # of add-ons
        _delete(client, 'secrets', secret['metadata']['name'], secret['metadata']['namespace'])
    _drop_claims(client, app)
    if _is_ours(client, app, 'namespaces', NAMESPACE):
        _delete(client, 'namespaces', NAMESPACE)


def _make_namespace(client: api.Client, app: str, patience_s: float) -> None:
    """Make the agent's namespace, after the end of one that is being deleted. Raises NotYet."""
    deadline = time.monotonic() + patience_s
    while True:
        _create(client, wanted := objects.namespace(app))
        found = _find(client, wanted)
        if found and not found['metadata'].get('deletionTimestamp'):
            return
        if time.monotonic() > deadline:
            raise NotYet(f'the namespace {NAMESPACE} that was left is still being deleted')
        time.sleep(_PAUSE_S)


def _define(client: api.Client, app: str) -> bool:
    """Make the definition of claims, unless somebody has; returns whether this cluster knows it now."""
    for group in objects.DEFINITIONS:
        try:
            _create(client, objects.definition(app, group))
        except api.NotFound:  # the API server is older, or newer
            continue
        return _is_served(client)
    return False


def _is_served(client: api.Client) -> bool:
    deadline = time.monotonic() + _SERVED_S
    while time.monotonic() < deadline:
        try:
            client.list('clusterclaims', group=objects.CLAIMS)
            return True
        except api.NotFound:
            time.sleep(_PAUSE_S)
    return False


def _put_claims(client: api.Client, app: str, wanted: dict[str, str] | object) -> None:
    claims = objects.claims(app, wanted) if isinstance(wanted, dict) else []
    names = {claim.name for claim in claims}
    for found in client.list('clusterclaims', group=objects.CLAIMS, labels=f'{objects.OWNER}={objects.owner(app)}'):
        if found['metadata']['name'] not in names:
            _delete(client, 'clusterclaims', found['metadata']['name'], group=objects.CLAIMS)
    for claim in claims:
        _put(client, claim)


def _drop_claims(client: api.Client, app: str) -> None:
    for group in objects.DEFINITIONS:
        try:
            found = client.get('customresourcedefinitions', objects.DEFINITION, group=group)
        except api.NotFound:
            continue
        _put_claims(client, app, {})
        if objects.is_ours(found, app):
            _delete(client, 'customresourcedefinitions', objects.DEFINITION, group=group)
        return


def _secret_text(client: api.Client, name: str, key: str) -> str:
    try:
        data = client.get('secrets', name, namespace=NAMESPACE).get('data') or {}
    except api.NotFound:
        return ''
    return base64.b64decode(data.get(key, '')).decode()


def _is_ours(client: api.Client, app: str, collection: str, name: str) -> bool:
    try:
        return objects.is_ours(client.get(collection, name), app)
    except api.NotFound:
        return False


def _find(client: api.Client, placed: Placed) -> objects.Object | None:
    try:
        return client.get(placed.collection, placed.name, namespace=placed.namespace, group=placed.group)
    except api.NotFound:
        return None


def _create(client: api.Client, placed: Placed) -> None:
    """Create an object; one that is there is as good."""
    if _find(client, placed) is None:
        with contextlib.suppress(api.Conflict):
            client.create(placed.collection, placed.body, namespace=placed.namespace, group=placed.group)


def _put(client: api.Client, placed: Placed) -> None:
    """Have an object be as it is wanted."""
    _create(client, placed)
    found = client.get(placed.collection, placed.name, namespace=placed.namespace, group=placed.group)
    if not objects.holds(found, placed.body):
        meta = {**placed.body['metadata'], 'resourceVersion': found['metadata']['resourceVersion']}
        body = {**placed.body, 'metadata': meta}
        client.replace(placed.collection, placed.name, body, namespace=placed.namespace, group=placed.group)


def _delete(client: api.Client, collection: str, name: str, namespace: str = '', group: str = 'v1') -> None:
    try:
        client.delete(collection, name, namespace=namespace, group=group)
    except api.NotFound:
        return
