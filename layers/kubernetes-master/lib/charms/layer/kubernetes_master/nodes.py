"""Nodes whose units have left, and applications of which no unit is left: pure.

A leaving worker cannot be relied on to delete its node, nor the last one the ingress: its token is revoked by a hook of
the leader that Juju runs at the same time as the worker's own last ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

LEFT = 'left_nodes'  # key of leader data: a new leader finishes what an old one began
LEFT_APPLICATIONS = 'left_applications'  # likewise
PREFIX = 'system:node:'


def left(known: str | None, before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Return the nodes to delete as JSON, None if there are none.

    Args:
        known: what was to be deleted already.
        before: user to unit, who held credentials so far.
        now: who holds them from now on; a node that came back is not deleted.
    """
    held = {user.removeprefix(PREFIX) for user in now}
    gone = {user.removeprefix(PREFIX) for user in before if user.startswith(PREFIX)}
    names = sorted((set(json.loads(known or '[]')) | gone) - held)
    return json.dumps(names) if names else None


def applications_left(known: str | None, before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Return the applications that have no worker any more as JSON, None if there are none; arguments as for `left`."""
    here = {unit.partition('/')[0] for unit in now.values()}
    gone = {unit.partition('/')[0] for unit in before.values()}
    names = sorted((set(json.loads(known or '[]')) | gone) - here)
    return json.dumps(names) if names else None
