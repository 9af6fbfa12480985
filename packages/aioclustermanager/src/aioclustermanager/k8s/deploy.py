"""Deployments of Kubernetes."""

from __future__ import annotations

from typing import Any

from ..deploy import Deploy
from . import _replicated
from ._workload import K8SReplicated

K8S_DEPLOY: dict[str, Any] = {
    'kind': 'Deployment',
    'metadata': {'name': '', 'namespace': ''},
    'spec': {
        'replicas': 1,
        'revisionHistoryLimit': 2,
        'selector': {'matchLabels': {}},
        'template': _replicated.TEMPLATE,
    },
}


class K8SDeploy(K8SReplicated, Deploy):
    """A Deployment."""

    def create(self, namespace: str | None, name: str | None, image: str | None, **kw: Any) -> Any:
        return _replicated.made(K8S_DEPLOY, namespace, name, image, kw, ())
