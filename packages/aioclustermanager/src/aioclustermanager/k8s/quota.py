"""Quotas of Kubernetes."""

from __future__ import annotations

from typing import Any

from ..utils import generate_word
from . import _views

K8S_LIMITS: dict[str, Any] = {
    'kind': 'ResourceQuota',
    'metadata': {'name': '', 'namespace': ''},
    'spec': {'hard': {'requests.cpu': '', 'requests.memory': '', 'limits.cpu': '', 'limits.memory': ''}},
}
_NAME_LENGTH = 10


class K8SQuota:
    """A ResourceQuota over requests and limits; a limit that is None is no limit."""

    def __init__(
        self,
        namespace: str | None = None,
        name: str | None = None,
        max_cpu: str | None = None,
        max_memory: str | None = None,
        data: Any = None,
    ) -> None:
        self._raw: Any = data
        if data is None:
            self._raw = self.create(namespace, name, max_memory, max_cpu)

    @property
    def id(self) -> str | None:
        return _views.name(self._raw)

    def create(self, namespace: str | None, name: str | None, max_memory: str | None, max_cpu: str | None) -> Any:
        hard = {
            'requests.cpu': max_cpu,
            'requests.memory': max_memory,
            'limits.cpu': max_cpu,
            'limits.memory': max_memory,
        }
        return {
            'kind': 'ResourceQuota',
            'metadata': {'name': name or generate_word(_NAME_LENGTH, namespace), 'namespace': namespace},
            'spec': {'hard': {resource: limit for resource, limit in hard.items() if limit is not None}},
        }

    def payload(self) -> Any:
        return self._raw
