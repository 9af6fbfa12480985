"""Deployments of Kubernetes."""

from __future__ import annotations

from typing import Any

from .._objects import items
from ..deploy_list import DeployList
from ._listed import Listed
from .deploy import K8SDeploy


class K8SDeployList(Listed, DeployList):  # type: ignore[misc]  # there `values` is a property, and was in 0.3.44
    """Deployments."""

    def __init__(self, data: Any = None, **kw: Any) -> None:
        super().__init__(data, **kw)
        self._deploys = [K8SDeploy(data=item) for item in items(data)]

    def _items(self) -> list[K8SDeploy]:
        return self._deploys
