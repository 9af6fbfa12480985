"""Services of Kubernetes."""

from __future__ import annotations

from typing import Any

from ..service import Service
from . import _views

K8S_SERVICE: dict[str, Any] = {
    'kind': 'Service',
    'metadata': {'name': '', 'namespace': '', 'labels': {}},
    'spec': {'ports': [], 'selector': {}, 'type': 'ClusterIP'},
}


class K8SService(Service):
    """A Service."""

    @property
    def id(self) -> str | None:
        return _views.name(self._raw)

    def create(
        self,
        namespace: str | None,
        name: str | None,
        ports: list[Any] | None,
        selector: dict[str, str] | None,
        type: str | None,
        **kw: Any,
    ) -> Any:
        return {
            'kind': 'Service',
            'metadata': {'name': name, 'namespace': namespace, 'labels': dict(kw.get('labels') or {})},
            'spec': {'ports': ports, 'selector': selector, 'type': type},
        }
