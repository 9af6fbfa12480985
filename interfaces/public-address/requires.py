"""The side of public-address that wants to know where a load balancer can be reached.

States: `NAME.connected` while one is related, `NAME.available` while one told both address and port.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from charms.reactive import Endpoint, toggle_flag


class PublicAddressRequirer(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.connected'), self.is_joined)
        toggle_flag(self.expand_name('{endpoint_name}.available'), bool(self.get_addresses_ports()))

    def get_addresses_ports(self) -> list[dict[str, str]]:
        """Return mappings with `public-address` and `port`, in natural order of units, each once."""
        units = sorted(self.all_joined_units, key=lambda unit: _natural(unit.relation.relation_id, unit.unit_name))
        found: list[dict[str, str]] = []
        for unit in units:
            found += [pair for pair in addresses(dict(unit.received_raw)) if pair not in found]
        return found

    def set_backend_port(self, port: int | str) -> None:
        """Tell the balancer (from 2019 on) at which port this unit serves."""
        for relation in self.relations:
            if relation.to_publish_raw.get('port') != str(port):
                relation.to_publish_raw['port'] = str(port)


def addresses(bag: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the pairs of one unit's bag; incomplete ones do not count."""
    try:
        extended = json.loads(bag.get('extended_data') or '[]')
    except ValueError:
        extended = []
    entries = [bag, *(entry for entry in extended if isinstance(entry, dict))] if isinstance(extended, list) else [bag]
    pairs = [{key: str(entry.get(key) or '') for key in ('public-address', 'port')} for entry in entries]
    return [pair for pair in pairs if pair['public-address'] and pair['port'].isdigit()]


def _natural(*names: str) -> list[tuple[int, str]]:
    return [(int(part or -1), text) for name in names for text, part in re.findall(r'(\D+)(\d*)', name)]
