"""The client's side of http. The state `NAME.available` is set while some server has told its port."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TypedDict

from charms.reactive import Endpoint, toggle_flag

Host = TypedDict('Host', {'hostname': str, 'private-address': str, 'port': str})


class Service(TypedDict):
    service_name: str
    hosts: list[Host]


class HttpRequirer(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.available'), any(s['hosts'] for s in self.services()))

    def services(self) -> list[Service]:
        """Return the related applications and their hosts, in natural order of units, each host once."""
        found: dict[str, Service] = {}
        for unit in sorted(self.all_joined_units, key=lambda unit: _natural(unit.relation.relation_id, unit.unit_name)):
            service = found.setdefault(unit.application_name, {'service_name': unit.application_name, 'hosts': []})
            service['hosts'] += [host for host in hosts(dict(unit.received_raw)) if host not in service['hosts']]
        return [service for service in found.values() if service['hosts']]


def hosts(bag: Mapping[str, str]) -> list[Host]:
    """Return the hosts of one unit's bag; what has no port, or neither name nor address, is no host."""
    return [host for entry in [bag, *_extended(bag.get('extended_data', ''))] if (host := _host(entry))]


def _extended(text: str) -> list[Mapping[str, object]]:
    try:
        entries = json.loads(text or '[]')
    except ValueError:
        return []
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _host(entry: Mapping[str, object]) -> Host | None:
    address, name, port = (str(entry.get(key) or '') for key in ('private-address', 'hostname', 'port'))
    if not (address or name) or not port.isdigit():
        return None
    return {'hostname': name or address, 'private-address': address or name, 'port': port}


def _natural(*names: str) -> list[tuple[int, str]]:
    return [(int(part or -1), text) for name in names for text, part in re.findall(r'(\D+)(\d*)', name)]
