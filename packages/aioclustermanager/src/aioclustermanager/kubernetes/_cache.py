"""What an informer knows: objects by name, and by any index. Computes only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ._resources import Object
from ._watch import Event

Key = tuple[str, str]
Index = Callable[[Object], Iterable[str]]


class Change(NamedTuple):
    """What happened to an object: old None, it is new; new None, it is gone; both the same object, a resync."""

    old: Object | None
    new: Object | None


class Cache:
    """Objects as last seen. They are shared: whoever changes one changes it for all."""

    def __init__(self, indexes: Mapping[str, Index] | None = None) -> None:
        self._indexes = dict(indexes or {})
        self._objects: dict[Key, Object] = {}
        self._places: dict[str, dict[str, set[Key]]] = {name: {} for name in self._indexes}
        self._values: dict[Key, dict[str, set[str]]] = {}  # under which values each object stands, by index

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, name: str, namespace: str = '') -> Object | None:
        return self._objects.get((namespace, name))

    def all(self) -> list[Object]:
        return list(self._objects.values())

    def by(self, index: str, value: str) -> list[Object]:
        """Return the objects for which the index gave that value. Raises KeyError for an index that was not given."""
        return [self._objects[key] for key in sorted(self._places[index].get(value, ()))]

    def apply(self, event: Event) -> Change | None:
        """Take an event in; returns the change, None if it tells nothing new."""
        meta = event.object['metadata']
        key = (meta.get('namespace', ''), meta['name'])
        old = self._objects.get(key)
        if event.type == 'DELETED':
            if old is None:
                return None
            self._remove(key)
            return Change(old, None)
        if old and old['metadata'].get('resourceVersion') == meta.get('resourceVersion') != '':
            return None
        values = {name: set(index(event.object)) for name, index in self._indexes.items()}
        if old:
            self._remove(key)
        self._objects[key], self._values[key] = event.object, values
        for name, those in values.items():
            for value in those:
                self._places[name].setdefault(value, set()).add(key)
        return Change(old, event.object)

    def _remove(self, key: Key) -> None:
        del self._objects[key]
        for name, those in self._values.pop(key).items():
            places = self._places[name]
            for value in those:
                places[value].discard(key)
                if not places[value]:
                    del places[value]
