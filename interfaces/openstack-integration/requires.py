"""The client's side of the integrator of an OpenStack cloud. It asks for nothing and reads, as JSON, what it is told.

Flags: `endpoint.NAME.joined` while a unit is related, `endpoint.NAME.ready` when it told all that is needed.
"""

from __future__ import annotations

import json

from charms.reactive import Endpoint, toggle_flag

REQUIRED = ('auth_url', 'username', 'password', 'user_domain_name', 'project_domain_name', 'project_name')
KEYS = (
    *REQUIRED,
    'region',
    'endpoint_tls_ca',
    'subnet_id',
    'floating_network_id',
    'lb_method',
    'manage_security_groups',
)


class OpenStackRequirer(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        told = self.told()
        toggle_flag(self.expand_name('endpoint.{endpoint_name}.joined'), self.is_joined)
        toggle_flag(self.expand_name('endpoint.{endpoint_name}.ready'), all(told.get(key) for key in REQUIRED))

    def told(self) -> dict[str, object]:
        """Return what the integrator told, by key; what it left out, or is no JSON, is not in it."""
        for unit in self.all_joined_units:
            raw = unit.received_raw
            found = {key: _decoded(raw[key]) for key in KEYS if raw.get(key)}
            if found:
                return {key: value for key, value in found.items() if value is not None}
        return {}


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
