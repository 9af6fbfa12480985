"""The server's side of http. The state `NAME.available` is set while somebody is related."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from charmhelpers.core import hookenv
from charms.reactive import Endpoint, toggle_flag


class HttpProvider(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.available'), self.is_joined)

    def configure(
        self,
        port: int | str,
        private_address: str | Sequence[str] | None = None,
        hostname: str | Sequence[str] | None = None,
    ) -> None:
        """Send where the server listens; by default at this unit's address on each relation.

        With lists of addresses the first goes into the plain keys, the others into `extended_data`, which clients from
        2019 on read.
        """
        for relation in self.relations:
            own = _own_address(self.endpoint_name, relation.relation_id)
            addresses = _listed(private_address) or [own]
            names = _listed(hostname) or addresses
            first, *others = [
                {'hostname': name, 'private-address': address, 'port': str(port)}
                for name, address in zip(names, addresses, strict=False)
            ]
            extended = json.dumps(others, sort_keys=True) if others else None
            _put(relation.to_publish_raw, {**first, 'extended_data': extended})

    def set_remote(self, **settings: object) -> None:
        """Send any further keys, e.g. `services` for haproxy."""
        for relation in self.relations:
            _put(relation.to_publish_raw, {key: None if v is None else str(v) for key, v in settings.items()})


def _listed(value: str | Sequence[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _own_address(endpoint: str, relation_id: str) -> str:
    """Return the address at which related units reach this unit."""
    try:
        return str(hookenv.network_get(endpoint, relation_id)['ingress-addresses'][0])
    except (NotImplementedError, KeyError, IndexError):  # an old Juju, or one without addresses for the binding
        return str(hookenv.unit_get('private-address'))


def _put(raw: dict[str, str | None], bag: Mapping[str, str | None]) -> None:
    for key, value in bag.items():
        if (raw.get(key) or None) != (value or None):
            raw[key] = value or None
