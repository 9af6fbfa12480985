"""Stateful sets of Kubernetes."""

from __future__ import annotations

from typing import Any

from .._objects import items
from ..statefulset_list import StatefulSetList
from ._listed import Listed
from .statefulset import K8SStatefulSet


class K8SStatefulSetList(Listed, StatefulSetList):  # type: ignore[misc]  # there `values` is a property, and was in 0.3.44
    """Stateful sets."""

    def __init__(self, data: Any = None, **kw: Any) -> None:
        super().__init__(data, **kw)
        self._statefulsets = [K8SStatefulSet(data=item) for item in items(data)]

    def _items(self) -> list[K8SStatefulSet]:
        return self._statefulsets
