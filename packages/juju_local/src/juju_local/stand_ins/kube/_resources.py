"""Which resources an API server of a version serves, and the discovery documents that say so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import _version

TABLE = Path(__file__).parent / 'resources.tsv'
VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
Document = dict[str, object]


@dataclass(frozen=True)
class Resource:
    """One resource in one group and version. Resources with the same `storage` are views of the same objects."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...]
    subresources: tuple[str, ...]
    categories: tuple[str, ...]
    storage: str

    @property
    def api_version(self) -> str:
        return f'{self.group}/{self.version}' if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name as error messages spell it: deployments.apps."""
        return f'{self.plural}.{self.group}' if self.group else self.plural

    @property
    def list_kind(self) -> str:
        return f'{self.kind}List'


@dataclass
class Catalogue:
    """The resources of one server, by group, version and plural, in order of preference."""

    resources: dict[tuple[str, str, str], Resource] = field(default_factory=dict)

    def with_(self, more: Iterable[Resource]) -> Catalogue:
        """Return the catalogue with more resources in it."""
        added = {(resource.group, resource.version, resource.plural): resource for resource in more}
        return Catalogue({**self.resources, **added}) if added else self

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self.resources.get((group, version, plural))

    def storages(self) -> dict[str, Resource]:
        """Return one view for each kind of stored object: the preferred one."""
        found: dict[str, Resource] = {}
        for resource in self.resources.values():
            if resource.group != 'extensions' or resource.storage not in found:
                known = found.get(resource.storage)
                if known is None or known.group == 'extensions':
                    found[resource.storage] = resource
        return found

    def groups(self) -> dict[str, list[str]]:
        """Return the versions of each group, the preferred one first."""
        groups: dict[str, list[str]] = {}
        for group, version, _ in self.resources:
            versions = groups.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        return {group: sorted(versions, key=_preference) for group, versions in groups.items()}


def _preference(version: str) -> tuple[int, str]:
    return (0 if version.isalnum() and 'beta' not in version and 'alpha' not in version else 1, version)


def catalogue(version: _version.Version) -> Catalogue:
    """Return what an API server of this version serves."""
    found = Catalogue()
    for row in TABLE.read_text(encoding='utf-8').splitlines():
        if row and not row.startswith('#'):
            for resource in _views(row, version):
                found.resources[resource.group, resource.version, resource.plural] = resource
    return found


def _views(row: str, version: _version.Version) -> Iterator[Resource]:
    group, versions, plural, kind, scope, short, subresources, categories, storage = (
        '' if cell == '-' else cell for cell in row.split('\t')
    )
    base = Resource(
        group, '', plural, kind, scope == 'namespaced', _words(short), _words(subresources), _words(categories),
        storage or plural,
    )  # fmt: skip
    for span in versions.split():
        name, _, limits = span.partition(':')
        first, _, last = limits.partition('-')
        if _version.is_within(version, first, last):
            yield replace(base, version=name)


def _words(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split(',')))


def group_list(found: Catalogue) -> Document:
    """Return the body of /apis."""
    groups = [group_document(group, versions) for group, versions in found.groups().items() if group]
    return {'kind': 'APIGroupList', 'apiVersion': 'v1', 'groups': groups}


def group_document(group: str, versions: list[str]) -> Document:
    entries = [{'groupVersion': f'{group}/{version}', 'version': version} for version in versions]
    return {'name': group, 'versions': entries, 'preferredVersion': entries[0]}


def resource_list(found: Catalogue, group: str, version: str) -> Document:
    """Return the body of /apis/GROUP/VERSION or /api/v1."""
    entries: list[Document] = []
    for resource in found.resources.values():
        if (resource.group, resource.version) == (group, version):
            entries.append(_entry(resource))
            entries += [_subresource(resource, name) for name in resource.subresources]
    api_version = f'{group}/{version}' if group else version
    return {'kind': 'APIResourceList', 'apiVersion': 'v1', 'groupVersion': api_version, 'resources': entries}


def _entry(resource: Resource) -> Document:
    entry: Document = {
        'name': resource.plural,
        'singularName': '',
        'namespaced': resource.namespaced,
        'kind': resource.kind,
        'verbs': ['create'] if resource.storage.startswith('review:') else VERBS,
    }
    if resource.short_names:
        entry['shortNames'] = list(resource.short_names)
    if resource.categories:
        entry['categories'] = list(resource.categories)
    return entry


_SUBRESOURCES: dict[str, Document] = {
    'binding': {'kind': 'Binding', 'verbs': ['create']},
    'eviction': {'kind': 'Eviction', 'group': 'policy', 'version': 'v1beta1', 'verbs': ['create']},
    'log': {'kind': 'Pod', 'verbs': ['get']},
    'scale': {'kind': 'Scale', 'group': 'autoscaling', 'version': 'v1', 'verbs': ['get', 'patch', 'update']},
    'token': {'kind': 'TokenRequest', 'group': 'authentication.k8s.io', 'version': 'v1', 'verbs': ['create']},
}


def _subresource(resource: Resource, name: str) -> Document:
    entry: Document = {'name': f'{resource.plural}/{name}', 'singularName': '', 'namespaced': resource.namespaced}
    default: Document = {'kind': resource.kind, 'verbs': ['get', 'patch', 'update']}
    return {**entry, **_SUBRESOURCES.get(name, default)}
