"""The client's side of etcd.

States: `NAME.connected` while a unit is related, `NAME.available` when it told where it listens, `NAME.tls.available`
when it also gave the client's certificate, key and CA. All go with the last unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from charms.reactive import Endpoint, toggle_flag

PEM = ('client_cert', 'client_key', 'client_ca')


class EtcdRequirer(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        bag = self._bag()
        toggle_flag(self.expand_name('{endpoint_name}.connected'), self.is_joined)
        toggle_flag(self.expand_name('{endpoint_name}.available'), bool(bag.get('connection_string')))
        toggle_flag(self.expand_name('{endpoint_name}.tls.available'), _is_complete(bag))

    def get_connection_string(self) -> str:
        """Return `https://ADDRESS:PORT` of all members, comma separated; '' until known."""
        return self._bag().get('connection_string', '')

    def get_client_credentials(self) -> dict[str, str]:
        """Return PEM texts by `client_cert`, `client_key` and `client_ca`; '' for what is not known."""
        bag = self._bag()
        return {key: bag.get(key, '') for key in PEM}

    def version(self) -> str:
        """Return etcd's version, e.g. 3.2.10; '' means 2.x."""
        return self._bag().get('version', '')

    def _bag(self) -> Mapping[str, str]:
        """Return the bag of one unit, whole: the first that is complete, else the first that tells where it listens.

        The newest certificate of one member and the older address list of another would not be a set.
        """
        units = sorted(self.all_joined_units, key=lambda unit: _natural(unit.relation.relation_id, unit.unit_name))
        bags = [dict(unit.received_raw) for unit in units]
        ranked = [b for b in bags if _is_complete(b)] + [b for b in bags if b.get('connection_string')]
        return next(iter(ranked), {})


def _is_complete(bag: Mapping[str, str]) -> bool:
    return all(bag.get(key) for key in ('connection_string', *PEM))


def _natural(*names: str) -> list[tuple[int, str]]:
    return [(int(part or -1), text) for name in names for text, part in re.findall(r'(\D+)(\d*)', name)]
