"""Waiting until an object is as it should be: on a watch, never by asking again and again.

await waits.until(client, resources.PODS, 'web-0', 'default', waits.condition('Ready'), timeout_s=60)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, aclosing

from .. import _http
from . import _watch
from ._client import Client
from ._resources import Object, Resource

Test = Callable[['Object | None'], bool]
"""Whether the object is as it should be; None: there is none."""


async def until(
    client: Client, resource: Resource, name: str, namespace: str, test: Test, *, timeout_s: float | None = None
) -> Object | None:
    """Return the object, as soon as the test holds for it (None if it holds for its absence).

    Raises DeadlineExceeded, saying how the object was last seen, after timeout_s; None: only `deadline()` counts.
    """
    seen: Object | None = None
    listed = False
    events = _watch.Watcher(client, resource, namespace, fields={'metadata.name': name}, bookmarks=True)
    with ExitStack() as stack:
        if timeout_s is not None:
            stack.enter_context(_http.deadline(timeout_s))
        try:
            async with aclosing(events.__aiter__()) as told:
                async for event in told:
                    if event.type != 'BOOKMARK':
                        seen = None if event.type == 'DELETED' else event.object
                    listed = listed or event.type == 'BOOKMARK'
                    if listed and test(seen):
                        return seen
        except _http.DeadlineExceeded as error:
            raise _http.DeadlineExceeded(_too_late(resource, name, namespace, seen, listed=listed)) from error
    raise RuntimeError('a watch ended by itself')


def exists(there: Object | None) -> bool:
    """Whether there is one."""
    return there is not None


def is_gone(there: Object | None) -> bool:
    """Whether there is none (any more)."""
    return there is None


def condition(kind: str, status: str = 'True') -> Test:
    """Return the test for a condition in the object's status, such as Available, Ready, Complete."""

    def test(there: Object | None) -> bool:
        found = ((there or {}).get('status') or {}).get('conditions') or []
        return any(each.get('type') == kind and each.get('status') == status for each in found)

    return test


def is_rolled_out(there: Object | None) -> bool:
    """Whether a deployment, stateful set or daemon set runs what its specification says, all of it, and is available.

    The observed generation counts: a status from before the last change says nothing about it.
    """
    if there is None:
        return False
    status, spec = there.get('status') or {}, there.get('spec') or {}
    if status.get('observedGeneration', 0) < there['metadata'].get('generation', 0):
        return False
    if there.get('kind') == 'DaemonSet':
        wanted = status.get('desiredNumberScheduled', 0)
        return bool(status.get('updatedNumberScheduled', 0) >= wanted <= status.get('numberAvailable', 0))
    wanted = spec.get('replicas', 1)
    ready = status.get('availableReplicas', status.get('readyReplicas', 0))
    return bool(status.get('updatedReplicas', 0) >= wanted <= ready and status.get('replicas', 0) == wanted)


def is_finished(there: Object | None) -> bool:
    """Whether a job has ended, well or not."""
    return condition('Complete')(there) or condition('Failed')(there)


def _too_late(resource: Resource, name: str, namespace: str, seen: Object | None, *, listed: bool) -> str:
    what = f'{resource} {namespace}/{name}' if namespace else f'{resource} {name}'
    if not listed:
        return f'waiting for {what}: the server did not say in time whether there is one'
    if seen is None:
        return f'waiting for {what}: the time is over, and there is none'
    return f'waiting for {what}: the time is over, and its status is {str(seen.get("status", "not set"))[:256]}'
