"""A door: drains a node through the eviction API, so that disruption budgets are heeded."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from charms.layer.kubernetes_common import api

from . import drain
from .cluster_node import Refused

EVICTION_V1 = (1, 22)
POLL_S = 1.0
Pod = tuple[str, str]  # namespace and name


@dataclass(frozen=True)
class Clock:
    """Time, as an argument: tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Drained:
    """What became of a node's pods."""

    evicted: tuple[str, ...]
    stayed: tuple[str, ...]  # left on purpose, each with the reason
    left: tuple[str, ...] = ()  # still there when time was up, each with the reason


def evict_all(
    client: api.Client,
    node: str,
    *,
    delete_local_data: bool,
    force: bool,
    timeout_s: float,
    tell: Callable[[str], None],
    clock: Clock = Clock(),
) -> Drained:
    """Evict the node's pods and wait until they are gone. Nothing is evicted when one must not be.

    Args:
        client: of the API.
        node: its name.
        delete_local_data: also pods whose data is lost with them.
        force: also pods that nobody makes anew.
        timeout_s: how long to wait for budgets and for pods to end.
        tell: called with a line of progress.
        clock: time.

    Raises:
        Refused: a pod needs a parameter that was not given.
        api.Error: the API did not answer or refused.
    """
    plan = drain.plan(
        client.list('pods', fields=f'spec.nodeName={node}'), delete_local_data=delete_local_data, force=force
    )
    if plan.refusals:
        raise Refused('; '.join(plan.refusals))
    tell(f'{len(plan.evict)} pods to evict from node {node}, {len(plan.stay)} stay')
    group = 'policy/v1' if client.version()[:2] >= EVICTION_V1 else 'policy/v1beta1'
    deadline = clock.now() + timeout_s
    reasons: dict[Pod, str] = {}
    gone: list[Pod] = []
    left = list(plan.evict)
    while left:
        for pod in [pod for pod in left if _is_evicted(client, pod, group, reasons, tell)]:
            left.remove(pod)
            gone.append(pod)
            tell(f'{_named(pod)} is gone, {len(left)} to go')
        if left and clock.now() >= deadline:
            break
        if left:
            clock.sleep(POLL_S)
    why = {pod: reasons.get(pod, f'asked to end, not gone after {timeout_s:.0f} s') for pod in left}
    remaining = tuple(f'{_named(pod)} ({reason})' for pod, reason in why.items())
    return Drained(tuple(map(_named, gone)), plan.stay, remaining)


def _is_evicted(client: api.Client, pod: Pod, group: str, reasons: dict[Pod, str], tell: Callable[[str], None]) -> bool:
    """Ask for a pod's eviction unless it is on its way; tell whether it is gone."""
    namespace, name = pod
    try:
        found = client.get('pods', name, namespace=namespace)
        if not found['metadata'].get('deletionTimestamp'):
            client.evict(namespace, name, group)
        reasons.pop(pod, None)
    except api.NotFound:
        return True
    except (api.TooManyRequests, api.Unavailable) as error:  # 500: it has several budgets
        if not error.status:
            raise
        if reasons.get(pod) != error.reason:
            tell(f'{_named(pod)} cannot be evicted yet: {error.reason}')
        reasons[pod] = error.reason
    return False


def _named(pod: Pod) -> str:
    return '/'.join(pod)
