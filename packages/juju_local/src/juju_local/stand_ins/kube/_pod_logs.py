"""pods/log: asks the kubelet of the pod's node, over TLS with a client certificate, as the real server does."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from . import _statuses

Json = dict[str, Any]


def address(node: Json, preferred: str) -> str:
    """Return the node's address of the type that comes first in --kubelet-preferred-address-types. Pure."""
    known = {item['type']: item['address'] for item in (node.get('status') or {}).get('addresses') or []}
    for kind in preferred.split(','):
        if kind in known:
            return str(known[kind])
    raise _statuses.StatusError(500, f'no preferred addresses found; known addresses: {sorted(known)}')


def context(values: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS settings towards kubelets: without an authority their certificate is not looked at."""
    authority = values.get('kubelet-certificate-authority') or None
    found = ssl.create_default_context(cafile=authority)
    if authority is None:
        found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    if values.get('kubelet-client-certificate'):
        found.load_cert_chain(values['kubelet-client-certificate'], values['kubelet-client-key'])
    return found


async def read(pod: Json, node: Json | None, container: str, values: Mapping[str, str]) -> str:
    """Return a container's log; raises 400 for one that has not begun, 500 with the reason when the kubelet refuses."""
    meta, names = pod['metadata'], [item['name'] for item in pod['spec']['containers']]
    container = container or names[0]
    if container not in names:
        raise _statuses.StatusError(400, f'container {container} is not valid for pod {meta["name"]}')
    if (pod.get('status') or {}).get('phase') == 'Pending' or node is None:
        why = f'container "{container}" in pod "{meta["name"]}" is waiting to start: ContainerCreating'
        raise _statuses.StatusError(400, why)
    port = node['status'].get('daemonEndpoints', {}).get('kubeletEndpoint', {}).get('Port', 10250)
    host = address(node, values['kubelet-preferred-address-types'].strip('[]'))
    url = f'https://{host}:{port}/containerLogs/{meta["namespace"]}/{meta["name"]}/{container}'
    try:
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, ssl=context(values)) as answer:
            text = await answer.text()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _statuses.StatusError(500, f'Get {url}: {error}') from error
    if answer.status != 200:
        raise _statuses.StatusError(500, f'Get {url}: {answer.status} {text}')
    return text
