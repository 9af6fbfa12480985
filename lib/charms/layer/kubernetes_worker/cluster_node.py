"""A door: this unit's node in the API: labels, cordon, drain, deletion."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from charms.layer.kubernetes_common import api

from . import drain

EVICTION_V1 = (1, 22)
POLL_S = 1.0
DRAIN_TIMEOUT_S = 300.0


class Refused(Exception):
    """What the operator asked for cannot be done; the text says why and what to do."""


@dataclass(frozen=True)
class Clock:
    """Time, as an argument: tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def set_labels(client: api.Client, name: str, changes: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """Change a node's labels; return each that the API refused with the reason (the others are changed)."""
    try:
        _patch_labels(client, name, changes)
    except (api.Forbidden, api.Invalid) as error:
        if len(changes) == 1:
            key = next(iter(changes))
            return [(key, f'the API refuses {key}: {error.reason[:120]}')]
        return [refusal for key, value in changes.items() for refusal in set_labels(client, name, {key: value})]
    return []


def labels(client: api.Client, name: str) -> dict[str, str]:
    return dict(client.get('nodes', name)['metadata'].get('labels') or {})


def is_cordoned(client: api.Client, name: str) -> bool:
    return bool((client.get('nodes', name).get('spec') or {}).get('unschedulable'))


def set_unschedulable(client: api.Client, name: str, wanted: bool) -> None:
    """Cordon or uncordon a node; nothing is sent when it is so already."""
    if is_cordoned(client, name) != wanted:
        # null takes the field away, as `kubectl uncordon` does
        client.patch('nodes', name, {'spec': {'unschedulable': True if wanted else None}}, kind='strategic')


def evict_all(
    client: api.Client,
    name: str,
    *,
    delete_local_data: bool,
    force: bool,
    clock: Clock = Clock(),
) -> int:
    """Evict the node's pods and wait until they are gone; return how many. Nothing is evicted when one must not be.

    Raises:
        Refused: a pod needs a parameter that was not given, or pods are still there after DRAIN_TIMEOUT_S.
        api.Error: the API did not answer or refused.
    """
    plan = drain.plan(_pods(client, name), delete_local_data=delete_local_data, force=force)
    if plan.refusals:
        raise Refused('; '.join(plan.refusals))
    group = 'policy/v1' if client.version()[:2] >= EVICTION_V1 else 'policy/v1beta1'
    deadline = clock.now() + DRAIN_TIMEOUT_S
    reasons: dict[tuple[str, str], str] = {}
    left = list(plan.evict)
    while left:
        left = [pod for pod in left if not _is_evicted(client, pod, group, reasons)]
        if left and clock.now() >= deadline:
            raise Refused(f'after {DRAIN_TIMEOUT_S:.0f} s still there: {_listed(left, reasons)}; run pause again')
        if left:
            clock.sleep(POLL_S)
    return len(plan.evict)


def _is_evicted(client: api.Client, pod: tuple[str, str], group: str, reasons: dict[tuple[str, str], str]) -> bool:
    """Ask for a pod's eviction unless it is on its way; tell whether it is gone."""
    namespace, name = pod
    try:
        found = client.get('pods', name, namespace=namespace)
        if not found['metadata'].get('deletionTimestamp'):
            client.evict(namespace, name, group)
    except api.NotFound:
        return True
    except api.TooManyRequests as error:
        reasons[pod] = error.reason
    return False


def _pods(client: api.Client, name: str) -> list[api.Object]:
    return client.list('pods', fields=f'spec.nodeName={name}')


def _listed(pods: list[tuple[str, str]], reasons: Mapping[tuple[str, str], str]) -> str:
    return ', '.join(f'{pod[0]}/{pod[1]}' + (f' ({reasons[pod]})' if pod in reasons else '') for pod in pods)


def _patch_labels(client: api.Client, name: str, changes: Mapping[str, str | None]) -> None:
    if changes:
        client.patch('nodes', name, {'metadata': {'labels': dict(changes)}}, kind='strategic')
