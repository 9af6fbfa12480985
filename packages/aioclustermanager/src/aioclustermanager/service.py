"""A name and an address for pods, on whichever orchestrator."""

from __future__ import annotations

from typing import Any

from ._objects import Object


class Service(Object):
    """A name and an address for pods."""

    def __init__(
        self,
        namespace: str | None = None,
        name: str | None = None,
        ports: list[Any] | None = None,
        selector: dict[str, str] | None = None,
        type: str | None = None,
        data: Any = None,
        **kw: Any,
    ) -> None:
        if data is None:
            self._raw = self.create(namespace, name, ports, selector, type, **kw)
        else:
            self._raw = data

    def create(
        self,
        namespace: str | None,
        name: str | None,
        ports: list[Any] | None,
        selector: dict[str, str] | None,
        type: str | None,
        **kw: Any,
    ) -> Any:
        """Return what the server should make."""
        raise NotImplementedError

    @property
    def id(self) -> Any:
        """Its name."""
        raise NotImplementedError

    def get_payload(self) -> Any:
        """A service runs nothing, so it has no PAYLOAD."""
        raise NotImplementedError
