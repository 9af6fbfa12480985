"""The Kubernetes charm's side of kubernetes-cni, towards its network subordinate.

States: `NAME.connected` while a subordinate is related, `NAME.configured` once it was told what kind of unit this is,
`NAME.available` while it tells the pods' network. The subordinate answers only after `set_config`.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from charms.reactive import Endpoint, toggle_flag


class CniProvider(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.connected'), self.is_joined)
        toggle_flag(self.expand_name('{endpoint_name}.available'), bool(self.get_config().get('cidr')))
        self._toggle_configured()

    def set_config(self, is_master: bool, kubeconfig_path: str = '') -> None:
        """Tell the subordinate on what kind of unit it is, and on a worker which kubeconfig to use."""
        self._publish('is_master', 'True' if is_master else 'False')
        self._publish('kubeconfig_path', kubeconfig_path)
        self._toggle_configured()

    def set_kubeconfig_hash_from_file(self, kubeconfig_path: str) -> None:
        """Let the subordinate see that the kubeconfig's content changed."""
        self._publish('kubeconfig-hash', hashlib.sha256(Path(kubeconfig_path).read_bytes()).hexdigest())

    def set_service_cidr(self, service_cidr: str) -> None:
        self._publish('service-cidr', service_cidr)

    def set_image_registry(self, image_registry: str) -> None:
        self._publish('image-registry', image_registry)

    def get_config(self, default: str | None = None) -> dict[str, str]:
        """Return what a subordinate told: `cidr` and, from 2020 on, `cni-conf-file`; {} until there is a network.

        With several subordinates the application `default` is taken if it is related, else the first.
        """
        units = sorted(
            self.all_joined_units,
            key=lambda unit: (unit.application_name != default, _natural(unit.relation.relation_id, unit.unit_name)),
        )
        return next((bag for unit in units if (bag := dict(unit.received_raw)).get('cidr')), {})

    def _toggle_configured(self) -> None:
        told = self.is_joined and all(relation.to_publish_raw.get('is_master') for relation in self.relations)
        toggle_flag(self.expand_name('{endpoint_name}.configured'), told)

    def _publish(self, key: str, value: str) -> None:
        for relation in self.relations:
            if (relation.to_publish_raw.get(key) or '') != value:
                relation.to_publish_raw[key] = value or None


def _natural(*names: str) -> list[tuple[int, str]]:
    return [(int(part or -1), text) for name in names for text, part in re.findall(r'(\D+)(\d*)', name)]
