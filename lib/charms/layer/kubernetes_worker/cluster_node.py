"""A door: this unit's node in the API: labels and cordon."""

from __future__ import annotations

from collections.abc import Mapping

from charms.layer.kubernetes_common import api


class Refused(Exception):
    """What the operator asked for cannot be done; the text says why and what to do."""


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


def _patch_labels(client: api.Client, name: str, changes: Mapping[str, str | None]) -> None:
    if changes:
        client.patch('nodes', name, {'metadata': {'labels': dict(changes)}}, kind='strategic')
