"""What the controllers of the stand-in decide from what they see. Computes only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .. import _certificates, _conditions, _wire
from .._names import ALL_CLUSTERS, CLIENT_SIGNER, CLUSTER_LABEL, PREFIX

_GROUP = 'cluster.open-cluster-management.io'
UNAVAILABLE, UNREACHABLE = f'{_GROUP}/unavailable', f'{_GROUP}/unreachable'
_FEATURE = 'feature.open-cluster-management.io/addon-'
_APART_S = 60.0  # clocks that are further apart are out of sync


def taints(cluster: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    """Return the taints that the conditions ask for, beside those of others."""
    found = list((cluster.get('spec') or {}).get('taints') or [])
    status = (_conditions.find(cluster, _conditions.AVAILABLE) or {}).get('status')
    wanted = {'True': '', 'False': UNAVAILABLE}.get(str(status), UNREACHABLE)
    kept = [each for each in found if each['key'] == wanted or each['key'] not in (UNAVAILABLE, UNREACHABLE)]
    if wanted and all(each['key'] != wanted for each in kept):
        kept.append({'key': wanted, 'effect': 'NoSelect', 'timeAdded': f'{now:%Y-%m-%dT%H:%M:%SZ}'})
    return kept


def features(cluster: Mapping[str, Any], addons: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return the labels that tell of add-ons, None for one that has to go; {} if they are right."""
    labels = cluster['metadata'].get('labels') or {}
    words = {'True': 'available', 'False': 'unhealthy'}
    wanted: dict[str, str | None] = {key: None for key in labels if key.startswith(_FEATURE)}
    for addon in addons:
        status = (_conditions.find(addon, _conditions.ADDON_AVAILABLE) or {}).get('status')
        wanted[f'{_FEATURE}{addon["metadata"]["name"]}'] = words.get(str(status), 'unreachable')
    return {key: value for key, value in wanted.items() if labels.get(key) != value}


def clock(renewed: datetime, now: datetime) -> dict[str, Any]:
    """Return the condition of an agent's clock, whose lease was just seen renewed."""
    if abs((now - renewed).total_seconds()) > _APART_S:
        text = 'the clock of the cluster is more than a minute from that of the hub'
        return _conditions.condition(_conditions.CLOCK_SYNCED, False, 'ManagedClusterClockOutOfSync', text)
    return _conditions.condition(_conditions.CLOCK_SYNCED, True, 'ManagedClusterClockSynced', 'the clocks agree')


def cluster_of_request(request: Mapping[str, Any]) -> tuple[str, str]:
    """Return cluster and user name that a request for a hub certificate is for; '' and '' if it is no such request."""
    spec, labels = request['spec'], request['metadata'].get('labels') or {}
    cluster = labels.get(CLUSTER_LABEL, '')
    if not cluster or spec.get('signerName') != CLIENT_SIGNER:
        return '', ''
    pem = _wire.decoded(spec['request'])
    try:
        common_name, groups = _certificates.name_in_request(pem), set(_certificates.organizations_in_request(pem))
    except _certificates.Unusable:
        return '', ''
    group = f'{PREFIX}{cluster}'
    fits = common_name.startswith(f'{group}:') and groups in ({group}, {group, ALL_CLUSTERS})
    return (cluster, common_name) if fits else ('', '')
