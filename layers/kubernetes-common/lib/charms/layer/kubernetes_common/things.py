"""Objects of the cluster as they should be, whoever makes them. Computing only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DIGEST = 'kubernetes-worker.charm/digest'  # annotation: what of an object was written last
Body = dict[str, Any]  # JSON as the API takes it


@dataclass(frozen=True)
class Thing:
    """An object of the cluster as it should be."""

    resource: str  # plural
    group: str  # with its version: apps/v1
    body: Body

    @property
    def name(self) -> str:
        return str(self.body['metadata']['name'])

    @property
    def namespace(self) -> str:
        return str(self.body['metadata'].get('namespace', ''))

    def signed(self) -> Body:
        """Return the body with the digest of itself among its annotations."""
        metadata = self.body['metadata']
        annotations = {**(metadata.get('annotations') or {}), DIGEST: digest(self.body)}
        return {**self.body, 'metadata': {**metadata, 'annotations': annotations}}


def make(resource: str, group: str, kind: str, name: str, **content: object) -> Thing:
    return Thing(resource, group, {'apiVersion': group, 'kind': kind, 'metadata': {'name': name}, **content})


def digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def is_signed(found: Mapping[str, Any], thing: Thing) -> bool:
    """Tell whether an object that was found is what was last written of this thing."""
    return (found['metadata'].get('annotations') or {}).get(DIGEST) == digest(thing.body)


def bears(found: Mapping[str, Any], mark: str) -> bool:
    """Tell whether an object has the label that says whose it is."""
    return (found['metadata'].get('labels') or {}).get(mark) == 'true'
