"""The scale of whatever can be scaled."""

from __future__ import annotations

from typing import Any

from . import _views

K8S_SCALE: dict[str, Any] = {'kind': 'Scale', 'metadata': {'name': '', 'namespace': ''}, 'spec': {'replicas': 0}}


class K8SScale:
    """A Scale."""

    def __init__(self, namespace: str, name: str, scale: int) -> None:
        self._raw: dict[str, Any] = {}
        self._raw = self.create(namespace, name, scale)

    @property
    def id(self) -> str | None:
        return _views.name(self._raw)

    def create(self, namespace: str, name: str, scale: int) -> Any:
        return {**K8S_SCALE, 'metadata': {'name': name, 'namespace': namespace}, 'spec': {'replicas': scale}}

    def payload(self) -> Any:
        return self._raw
