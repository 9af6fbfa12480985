"""Stateful sets of Kubernetes."""

from __future__ import annotations

from typing import Any

from ..statefulset import StatefulSet
from . import _replicated
from ._workload import K8SReplicated

K8S_STATEFULSET: dict[str, Any] = {
    'kind': 'StatefulSet',
    'metadata': {'name': '', 'namespace': ''},
    'spec': {
        'replicas': 1,
        'revisionHistoryLimit': 2,
        'podManagementPolicy': 'OrderedReady',
        'updateStrategy': {'type': 'RollingUpdate'},
        'selector': {'matchLabels': {}},
        'serviceName': '',
        'template': _replicated.TEMPLATE,
    },
}
_OWN = ('serviceName', 'volumeClaimTemplates', 'podManagementPolicy', 'updateStrategy')


class K8SStatefulSet(K8SReplicated, StatefulSet):
    """A StatefulSet."""

    def create(self, namespace: str | None, name: str | None, image: str | None, **kw: Any) -> Any:
        return _replicated.made(K8S_STATEFULSET, namespace, name, image, kw, _OWN)
