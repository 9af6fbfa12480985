"""The runs of a job or the copies of a service."""

from __future__ import annotations

from typing import Any

from ._objects import List


class ExecutionList(List[Any]):
    """Pods or allocations; `process` makes them from the server's answer."""

    def __init__(self, data: Any = None, **kw: Any) -> None:
        super().__init__(data, **kw)
        self._executions: list[Any] = []
        self.process()

    def process(self) -> None:
        raise NotImplementedError

    def _items(self) -> list[Any]:
        return self._executions

    def values(self) -> list[Any]:
        return self._executions

    def __setitem__(self, key: int, value: Any) -> None:
        self._executions[key] = value

    def __getitem__(self, key: int) -> Any:
        return self._executions[key]
