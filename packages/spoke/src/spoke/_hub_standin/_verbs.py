"""What an administrator of a hub does: accept, deny, approve; and how a test makes the stand-in fail."""

from __future__ import annotations

from datetime import datetime

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, resources

from .. import _wire
from .._certificates import utc_now
from .._names import CLUSTER_LABEL
from ._faults import Faults, shown

FAULTS, NAMESPACE = 'hub-standin', 'kube-system'  # the ConfigMap that says how the stand-in is to fail


async def accept(client: Client, cluster: str, *, yes: bool = True) -> Object:
    """Accept a cluster, or no longer (`yes` False). Raises NotFound."""
    return await client.patch(_wire.MANAGED_CLUSTERS, cluster, {'spec': {'hubAcceptsClient': yes}})


async def approve(client: Client, cluster: str, now: datetime | None = None) -> list[str]:
    """Approve all open requests of a cluster; returns their names."""
    return await _answer(client, cluster, 'Approved', 'ApprovedByAdministrator', now)


async def deny(client: Client, cluster: str, now: datetime | None = None) -> list[str]:
    """Deny all open requests of a cluster; returns their names."""
    return await _answer(client, cluster, 'Denied', 'DeniedByAdministrator', now)


async def _answer(client: Client, cluster: str, kind: str, reason: str, now: datetime | None) -> list[str]:
    names = []
    async for request in client.items(_wire.CSRS, labels={CLUSTER_LABEL: cluster}):
        if _wire.request_state(request) == 'pending':
            await answer(client, request, kind, reason, now)
            names.append(str(request['metadata']['name']))
    return names


async def answer(client: Client, request: Object, kind: str, reason: str, now: datetime | None = None) -> None:
    """Write a condition into a request, at the place where only those may who approve."""
    stamp = f'{now or utc_now():%Y-%m-%dT%H:%M:%SZ}'
    condition = {
        'type': kind,
        'status': 'True',
        'reason': reason,
        'message': 'by spoke hub-standin',
        'lastUpdateTime': stamp,
    }
    status = request.get('status') or {}
    body = {**request, 'status': {**status, 'conditions': [*(status.get('conditions') or []), condition]}}
    await client.replace(_wire.CSRS, body, subresource='approval')


async def fault(client: Client, faults: Faults) -> None:
    """Make the stand-in that serves this hub fail like that, and in no other way."""
    body: Object = {'metadata': {'name': FAULTS, 'namespace': NAMESPACE}, 'data': {'faults': shown(faults)}}
    try:
        await client.replace(resources.CONFIG_MAPS, body, NAMESPACE)
    except kubernetes.NotFound:
        await client.create(resources.CONFIG_MAPS, body, NAMESPACE)
