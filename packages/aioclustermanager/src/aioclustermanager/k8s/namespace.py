"""Namespaces of Kubernetes."""

from __future__ import annotations

from typing import Any

K8S_NAMESPACE: dict[str, Any] = {'kind': 'Namespace', 'metadata': {'name': ''}}


class K8SNamespace:
    """A Namespace."""

    def __init__(self, name: str | None = None, data: Any = None) -> None:
        self._raw: Any = data
        if data is None:
            self._raw = self.create(name)

    def create(self, name: str | None) -> Any:
        return {**K8S_NAMESPACE, 'metadata': {'name': name}}

    def payload(self) -> Any:
        return self._raw
