"""The door to what the leader keeps of the membership for whoever leads next. No secret is in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from charms import leadership

KEY = 'hub_registration'  # of leader data
NONE, ASKING, JOINED, LEAVING, LEFT = '', 'asking', 'joined', 'leaving', 'left'
_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'  # those of Go's agent


@dataclass(frozen=True)
class Membership:
    state: str = NONE
    cluster: str = ''
    agent: str = ''
    bootstrap: str = ''  # digest of the bootstrap kubeconfig in force
    source: str = ''  # action or relation: who brought it


def read() -> Membership:
    """Return the membership; state '' where there is none."""
    return parsed(leadership.leader_get(KEY))


def parsed(text: str | None) -> Membership:
    """Return what leader data says."""
    try:
        return Membership(**json.loads(text or '{}'))
    except (ValueError, TypeError):  # of another revision: nothing that this one can go on with
        return Membership()


def write(membership: Membership | None) -> None:
    """Keep it; None forgets it. Only the leader may."""
    leadership.leader_set({KEY: None if membership is None else json.dumps(asdict(membership), sort_keys=True)})


def begun(before: Membership, state: str, name: str, source: str, bootstrap: str = '') -> Membership:
    """Return the membership that goes on from `before`: names that were made once stay."""
    import uuid

    return Membership(
        state, name or before.cluster or str(uuid.uuid4()), before.agent or _new_agent(), bootstrap, source
    )


def renamed(before: Membership, name: str) -> Membership:
    """Return it under the name that the operator wants, '' for any."""
    return replace(before, cluster=name) if name else before


def digest(kubeconfig: str) -> str:
    return hashlib.sha256(kubeconfig.encode()).hexdigest()


def _new_agent() -> str:
    import random

    return ''.join(random.SystemRandom().choice(_LETTERS) for _ in range(5))
