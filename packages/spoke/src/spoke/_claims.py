"""Which claims of a cluster the hub is told. Computes only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

SPOKE_ONLY = 'open-cluster-management.io/spoke-only'
RESERVED = (
    'id.k8s.io',
    'kubeversion.open-cluster-management.io',
    'platform.open-cluster-management.io',
    'product.open-cluster-management.io',
)


class Exposed(NamedTuple):
    claims: list[dict[str, str]]
    cut: int  # how many custom ones are left out because there are too many


def exposed(objects: Iterable[Mapping[str, Any]], limit: int) -> Exposed:
    """Return the reserved claims and then at most `limit` custom ones, each group in the byte order of names."""
    claims = {
        claim['metadata']['name']: str((claim.get('spec') or {}).get('value', ''))
        for claim in objects
        if SPOKE_ONLY not in (claim['metadata'].get('labels') or {})
    }
    names = sorted(claims, key=str.encode)
    reserved = [name for name in names if name in RESERVED]
    custom = [name for name in names if name not in RESERVED]
    shown = [*reserved, *custom[:limit]]
    return Exposed([{'name': name, 'value': claims[name]} for name in shown], max(0, len(custom) - limit))
