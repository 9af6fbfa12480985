"""How hub-registration data is laid out in a unit's bag. Computing only.

A spoke's unit asks with `cluster-name` and `public-key`. A hub's unit answers with `answers`: a JSON mapping of the
units that asked to `{cluster, key, sealed, approved}`; `key` is the public key that `sealed` is sealed to. What cannot
be read counts as not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

Bag = Mapping[str, str]
CLUSTER, KEY, ANSWERS = 'cluster-name', 'public-key', 'answers'
_NAME = re.compile(r'[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?', re.ASCII)
_PUBLIC_KEY = re.compile(r'[A-Za-z0-9+/]{43}=', re.ASCII)  # 32 bytes


@dataclass(frozen=True)
class Request:
    """A unit asks for its cluster to be taken in, with a key to seal the answer to."""

    unit: str
    cluster: str
    key: str


@dataclass(frozen=True)
class Answer:
    cluster: str
    key: str
    sealed: str
    approved: bool = False


def request(unit: str, bag: Bag) -> Request | None:
    """Return what a spoke's unit asks, None while it asks nothing that can be answered."""
    cluster, key = str(bag.get(CLUSTER) or ''), str(bag.get(KEY) or '')
    return Request(unit, cluster, key) if _NAME.fullmatch(cluster) and _PUBLIC_KEY.fullmatch(key) else None


def answers(bag: Mapping[str, str | None]) -> dict[str, Answer]:
    """Return a hub's answers by unit."""
    try:
        document = json.loads(bag.get(ANSWERS) or '{}')
    except (ValueError, RecursionError):
        return {}
    found = {}
    for unit, entry in document.items() if isinstance(document, dict) else ():
        try:
            answer = Answer(**entry)
        except TypeError:
            continue
        if all(isinstance(text, str) for text in (answer.cluster, answer.key, answer.sealed)):
            found[unit] = Answer(answer.cluster, answer.key, answer.sealed, answer.approved is True)
    return found


def answers_text(found: Mapping[str, Answer]) -> str:
    return json.dumps({unit: asdict(answer) for unit, answer in found.items()}, sort_keys=True) if found else ''
