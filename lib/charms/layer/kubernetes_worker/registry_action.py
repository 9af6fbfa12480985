"""A door: the action registry: a private image registry in the cluster, made, changed and removed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, cluster_objects, files, ingress_objects

from . import bcrypt, ingress, inputs, machine, paths, registry, x509
from .cluster_node import Refused
from .registry import Parameters

OWNER = 'kubernetes-worker.charm/registry'  # annotation: the size of a body that the action asked for
ATTEMPTS = 5

Results = dict[str, str]


def create(client: api.Client, given: Mapping[str, Any], *, with_ingress: bool) -> Results:
    """Make the registry, or change it to these parameters. Nothing is made unless all of them are right.

    Raises:
        Refused: a parameter is wrong, or an object of somebody else's is in the way.
        api.Error: run the action again.
    """
    parameters = _checked(given)
    workloads, ingresses = groups(client)
    facts = inputs.collect()
    wanted = registry.things(
        parameters,
        architecture=_architecture(),
        registry=facts.cluster.registry,
        workloads=workloads,
        ingresses=ingresses if with_ingress else '',
    )
    if with_ingress:
        _require_ingress(client, ingresses)
    _remove_legacy(client)
    try:
        cluster_objects.check(client, wanted, registry.MARK)
        written = cluster_objects.apply(client, wanted, registry.MARK)
    except cluster_objects.Foreign as error:
        raise Refused(f'{error}: remove it, then run the action again') from error
    note = ''
    if with_ingress:
        note = _allow_large_bodies(client)
    else:
        cluster_objects.remove(client, [('ingresses', ingresses)] if ingresses else [], registry.MARK)
        _forbid_large_bodies(client)
    _change_pull_secrets(client, registry.with_pull_secret)
    address = parameters.domain if with_ingress else f'{parameters.domain}:{registry.PORT}'
    return {'registry': address, 'written': ', '.join(written) or 'nothing changed', **({'note': note} if note else {})}


def delete(client: api.Client) -> Results:
    """Remove what `create` made, whichever parameters it had; fine when there is nothing."""
    _remove_legacy(client)
    _change_pull_secrets(client, registry.without_pull_secret)
    _forbid_large_bodies(client)
    gone = cluster_objects.remove(client, registry.kinds(*groups(client)), registry.MARK)
    return {'removed': ', '.join(gone) or 'nothing, there was no registry'}


def _checked(given: Mapping[str, Any]) -> Parameters:
    parameters, faults = registry.parse(given)
    if parameters:
        hashed = parameters.users[parameters.user]
        if not bcrypt.matches(parameters.password, hashed):
            faults.append(f'htpasswd-plain: the password of {parameters.user} is not the one in htpasswd')
        faults += x509.faults(parameters.certificate, parameters.key, parameters.domain, time.time())
    if parameters is None or faults:
        raise Refused(f'nothing was made: {"; ".join(faults)}')
    return parameters


def _architecture() -> str:
    found = machine.architecture()
    if found not in registry.ARCHITECTURES:
        raise Refused(f'there is no image of the registry for {found}, only for {", ".join(registry.ARCHITECTURES)}')
    return found


def groups(client: api.Client) -> tuple[str, str]:
    """Return the groups of Deployments and Ingresses."""
    return (
        cluster_objects.first_group(client, 'deployments', ingress_objects.WORKLOADS),
        cluster_objects.first_group(client, 'ingresses', ingress.INGRESSES),
    )


def _require_ingress(client: api.Client, ingresses: str) -> None:
    try:
        client.get('configmaps', ingress.configuration(inputs.app()), namespace=ingress_objects.namespace(inputs.app()))
    except api.NotFound as error:
        raise Refused('there is no ingress controller: set option ingress=true first') from error
    if not ingresses:
        raise Refused(f'the API server offers no Ingress in {", ".join(ingress.INGRESSES)}')


def _remove_legacy(client: api.Client) -> None:
    """Remove what a public revision of the charm made from this machine, as its manifest says that lies there."""
    if not files.read(paths.LEGACY_REGISTRY):
        return
    names = (registry.TLS_SECRET, registry.AUTH_SECRET, registry.PULL_SECRET)
    _, ingresses = groups(client)
    for resource, group, name in (
        ('replicationcontrollers', 'v1', 'kube-registry-v0'),
        ('services', 'v1', registry.NAME),
        *(('secrets', 'v1', name) for name in names),
        *([('ingresses', ingresses, registry.INGRESS)] if ingresses else []),
    ):
        cluster_objects.delete(client, resource, group, registry.NAMESPACE, name)
    for pod in client.list('pods', namespace=registry.NAMESPACE, labels='k8s-app=kube-registry,version=v0'):
        cluster_objects.delete(client, 'pods', 'v1', registry.NAMESPACE, pod['metadata']['name'])
    files.remove(paths.LEGACY_REGISTRY)


# -- what others have a say in, too


def _allow_large_bodies(client: api.Client) -> str:
    """Let the controller take the layers of images; return what an operator should know of it."""
    found = _configuration(client)
    data = found.get('data') or {}
    present = data.get(registry.BODY_SIZE_KEY)
    if present is not None and OWNER not in (found['metadata'].get('annotations') or {}):
        return f'{registry.BODY_SIZE_KEY}={present} was set by somebody and stays: layers beyond it are refused'
    _patch_configuration(client, registry.BODY_SIZE)
    return ''


def _forbid_large_bodies(client: api.Client) -> None:
    """Take back what the action set; a value that somebody set since stays."""
    try:
        found = _configuration(client)
    except api.NotFound:
        return
    set_by_us = (found['metadata'].get('annotations') or {}).get(OWNER)
    if set_by_us is not None:
        same = (found.get('data') or {}).get(registry.BODY_SIZE_KEY) == set_by_us
        _patch_configuration(client, None, touch_data=same)


def _configuration(client: api.Client) -> api.Object:
    return client.get(
        'configmaps', ingress.configuration(inputs.app()), namespace=ingress_objects.namespace(inputs.app())
    )


def _patch_configuration(client: api.Client, size: str | None, *, touch_data: bool = True) -> None:
    body: api.Object = {'metadata': {'annotations': {OWNER: size}}}
    if touch_data:
        body['data'] = {registry.BODY_SIZE_KEY: size}  # null takes it away
    name, namespace = ingress.configuration(inputs.app()), ingress_objects.namespace(inputs.app())
    client.patch('configmaps', name, body, namespace=namespace)


def _change_pull_secrets(client: api.Client, change: Any) -> None:
    """Change the default service account's pull secrets; what others write meanwhile is not lost.

    Raises:
        api.Conflict: others wrote each time.
    """
    for attempt in range(ATTEMPTS):
        account = client.get('serviceaccounts', 'default', namespace=registry.NAMESPACE)
        before = account.get('imagePullSecrets') or []
        after = change(before)
        if after == before:
            return
        account['imagePullSecrets'] = after
        try:
            client.replace('serviceaccounts', 'default', account, namespace=registry.NAMESPACE)
            return
        except api.Conflict:
            if attempt == ATTEMPTS - 1:
                raise
            hookenv.log('the default service account was changed by somebody else meanwhile; once more')
