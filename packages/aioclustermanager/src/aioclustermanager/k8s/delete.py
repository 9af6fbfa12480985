"""How something is deleted."""

from __future__ import annotations

from typing import Any

K8S_DELETE: dict[str, Any] = {'kind': 'DeleteOptions', 'propagationPolicy': 'Background'}


class K8SDelete:
    """DeleteOptions. `purge` has a meaning with Nomad only: Kubernetes keeps nothing of what was deleted, and without
    Background a job's pods would stay behind."""

    def __init__(self, purge: bool = True) -> None:  # noqa: ARG002
        self._raw = dict(K8S_DELETE)

    def payload(self) -> Any:
        return self._raw
