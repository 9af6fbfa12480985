"""The monitored charm's side of nrpe-external-master. The state `NAME.available` is set while nrpe is related."""

from __future__ import annotations

import json
from collections.abc import Iterable

from charms.reactive import Endpoint, toggle_flag


class NrpeProvider(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.available'), self.is_joined)

    def nagios_hostname(self) -> str | None:
        """Return the name under which Nagios knows this unit, None until nrpe has told it."""
        return self._first('nagios_hostname')

    def nagios_host_context(self) -> str | None:
        return self._first('nagios_host_context')

    def set_checks(self, names: Iterable[str], primary: bool = True) -> None:
        """Tell which checks (names without `check_`) nrpe offers on this unit."""
        checks = {name: {'command': f'check_{name}'} for name in sorted(set(names))}
        monitors = json.dumps({'monitors': {'remote': {'nrpe': checks}}}) if checks else None  # JSON is YAML
        for relation in self.relations:
            raw = relation.to_publish_raw
            for key, value in (('primary', 'True' if primary else 'False'), ('monitors', monitors)):
                if (raw.get(key) or None) != value:
                    raw[key] = value

    def _first(self, key: str) -> str | None:
        return next((value for unit in self.all_joined_units if (value := unit.received_raw.get(key))), None)
