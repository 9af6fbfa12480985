"""What all objects and lists of both orchestrators have in common: the JSON they stand for, in `_raw`. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

Json = dict[str, Any]  # as an API gives it: its specification is the server's
Item = TypeVar('Item')


class Object:
    """An object: made from the server's answer (`data`), or by `create` from what it should be."""

    _raw: Any

    def payload(self) -> Any:
        """Return the JSON itself, not a copy."""
        return self._raw


class Workload(Object):
    """An object that runs an image."""

    def __init__(
        self,
        namespace: str | None = None,
        name: str | None = None,
        image: str | None = None,
        data: Any = None,
        **kw: Any,
    ) -> None:
        if data is None:
            self._raw = self.create(namespace, name, image, **kw)
        else:
            self._raw = data

    def create(self, namespace: str | None, name: str | None, image: str | None, **kw: Any) -> Any:
        """Return what the server should make; a subclass may change what it gets from here."""
        raise NotImplementedError

    @property
    def active(self) -> Any:
        """How many pods run; False for none."""
        raise NotImplementedError

    @property
    def id(self) -> Any:
        """Its name."""
        raise NotImplementedError

    def get_payload(self) -> Any:
        """Return what the environment variable PAYLOAD of the first container says (JSON); None without one."""
        raise NotImplementedError


class List(Generic[Item]):
    """A list of objects, in the server's order."""

    _raw: Any

    def __init__(self, data: Any = None, **kw: Any) -> None:  # noqa: ARG002  (taken by 0.3.44, and ignored)
        self._raw = data

    def _items(self) -> list[Item]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Item]:
        yield from self._items()


def items(data: Any) -> list[Any]:
    """Return the items of a list as the server gives it; of none, no items."""
    return list((data or {}).get('items') or [])
