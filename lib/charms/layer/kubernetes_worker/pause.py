"""A door: the actions pause and resume, and whether this unit is paused."""

from __future__ import annotations

import subprocess

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, records

from . import cluster_node, eviction
from .cluster_node import Refused
from .eviction import Drained

PAUSED = 'paused'
SHOWN = 50  # of pods in a result: Juju keeps results, and a node has up to some hundred pods


def is_on() -> bool:
    return records.get(PAUSED) is True


def begin(client: api.Client, node: str, *, delete_local_data: bool, force: bool, timeout_s: float) -> None:
    """Cordon, then drain. A pause that fails leaves the node as schedulable as it was, or says that it did not.

    Raises:
        Refused: the node is not drained; the text says why and what to do.
        api.Error: the API does not let it be done.
    """
    was_on, was_cordoned = is_on(), cluster_node.is_cordoned(client, node)
    records.put(PAUSED, True)  # first: a pause cut off in the middle is one that resume can undo
    try:
        cluster_node.set_unschedulable(client, node, True)
        drained = eviction.evict_all(
            client, node, delete_local_data=delete_local_data, force=force, timeout_s=timeout_s, tell=_tell
        )
        _set_results(node, drained)
        if drained.left:
            raise Refused(f'not drained after {timeout_s:.0f} s: {_listed(drained.left)}; run pause again')
    except (Refused, api.Error) as error:
        if not was_on:
            _take_back(client, node, was_cordoned, error)
        raise


def end(client: api.Client, node: str) -> None:
    """Uncordon; fine for a node that is not paused."""
    cluster_node.set_unschedulable(client, node, False)
    records.drop(PAUSED)
    hookenv.action_set({'node': node})


def _take_back(client: api.Client, node: str, was_cordoned: bool, error: Exception) -> None:
    """Make the node schedulable again if it was.

    Raises:
        Refused: the API did not let it be done; the unit goes on as paused.
    """
    try:
        if not was_cordoned:
            cluster_node.set_unschedulable(client, node, False)
    except api.Error as second:
        raise Refused(f'{error}; and node {node} may be left cordoned ({second}): run action resume') from error
    records.drop(PAUSED)


def _set_results(node: str, drained: Drained) -> None:
    results = {
        'node': node,
        'count': str(len(drained.evicted)),
        'evicted': _listed(drained.evicted) or 'none',
        'not-evicted': _listed([*drained.left, *drained.stayed]) or 'none',
    }
    hookenv.action_set(results)


def _listed(pods: tuple[str, ...] | list[str]) -> str:
    more = f' and {len(pods) - SHOWN} more' if len(pods) > SHOWN else ''
    return ', '.join(pods[:SHOWN]) + more


def _tell(text: str) -> None:
    """Write a line into the action's log, which whoever waits for it sees at once."""
    try:
        subprocess.run(['action-log', text], check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        hookenv.log(text)
