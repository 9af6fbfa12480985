"""What pods can do that other objects cannot: tell their log, run a command, be evicted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from .. import _http
from ._client import Client
from ._resources import PODS, Object, query

_ANYTHING = '*/*'


def _log_path(name: str, namespace: str, options: dict[str, str | int | bool]) -> str:
    return PODS.one(name, namespace, 'log') + query(options)


async def logs(
    client: Client,
    name: str,
    namespace: str,
    *,
    container: str = '',
    previous: bool = False,
    tail: int = 0,
    since_s: int = 0,
    timestamps: bool = False,
    limit_bytes: int = 0,
    timeout_s: float | None = None,
) -> str:
    """Return the log of a container; `container` may be left out where there is one. tail, limit_bytes: 0 for all."""
    path = _log_path(
        name, namespace,
        {'container': container, 'previous': previous, 'tailLines': tail, 'sinceSeconds': since_s,
         'timestamps': timestamps, 'limitBytes': limit_bytes},
    )  # fmt: skip
    response = await client.transport.request('GET', path, accept=_ANYTHING, timeout_s=timeout_s)
    return response.body.decode('utf-8', 'replace')


async def follow(
    client: Client, name: str, namespace: str, *, container: str = '', tail: int = 0, timestamps: bool = False
) -> AsyncIterator[bytes]:
    """Yield the log's lines, without their ends, as they are written, until the container has ended.

    Raises ConnectionFailed where the connection breaks: the lines carry no number, so nobody can tell where to go on
    (with timestamps the caller may).
    """
    path = _log_path(
        name, namespace, {'follow': True, 'container': container, 'tailLines': tail, 'timestamps': timestamps}
    )  # fmt: skip
    async with client.transport.stream('GET', path, accept=_ANYTHING) as stream:
        async for lines in stream.lines():
            for line in lines:
                yield line


async def evict(
    client: Client, name: str, namespace: str, *, grace_s: int | None = None, uid: str = '', dry_run: bool = False
) -> None:
    """Ask a pod to leave. Raises TooManyRequests while its disruption budget does not allow it; try again later."""
    options: dict[str, Any] = {}
    if grace_s is not None:
        options['gracePeriodSeconds'] = grace_s
    if uid:
        options['preconditions'] = {'uid': uid}
    if dry_run:
        options['dryRun'] = ['All']
    try:
        await _evict(client, name, namespace, 'policy/v1', options)
    except _http.BadRequest:  # servers before 1.22 do not know that version
        await _evict(client, name, namespace, 'policy/v1beta1', options)


async def _evict(client: Client, name: str, namespace: str, version: str, options: Object) -> None:
    body = {'kind': 'Eviction', 'apiVersion': version, 'metadata': {'name': name, 'namespace': namespace}}
    if options:
        body['deleteOptions'] = options  # type: ignore[assignment]  # a Mapping beside texts
    await client.transport.request(
        'POST', PODS.one(name, namespace, 'eviction'), _http.dumps(body), repeat=_http.Repeat.NEVER
    )
