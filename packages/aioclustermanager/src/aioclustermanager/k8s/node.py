"""Nodes of Kubernetes."""

from __future__ import annotations

from ..node import Node
from . import _views

_HOSTNAME = 'kubernetes.io/hostname'


class K8SNode(Node):
    """A Node."""

    @property
    def id(self) -> str | None:
        return _views.name(self._raw)

    @property
    def hostname(self) -> str | None:
        """The label kubernetes.io/hostname; without one the address of type Hostname, and then the node's name."""
        labels: dict[str, str] = self._raw['metadata'].get('labels') or {}
        addresses = _views.status(self._raw).get('addresses') or []
        told = [address['address'] for address in addresses if address.get('type') == 'Hostname']
        return labels.get(_HOSTNAME) or (told[0] if told else self.id)
