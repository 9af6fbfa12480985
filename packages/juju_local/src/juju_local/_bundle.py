"""Reads a bundle: YAML documents in, a checked `Bundle` out, all mistakes at once. Pure but for `read` (files).

A later document (of the same file, or an --overlay) is laid over the earlier ones as Juju does: its applications' keys
win, options are merged, relations are added, an application without a body is taken out with its relations.
"""

from __future__ import annotations

import base64
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from juju_local._errors import Refused
from juju_local._state import Charm

# fmt: off
TOP_KEYS = frozenset((
    'applications', 'services', 'relations', 'machines', 'series', 'name', 'description', 'type', 'tags',
    'variables', 'docs', 'website', 'source', 'issues', 'saas', 'overrides', 'default-base',
))
APPLICATION_KEYS = frozenset((
    'charm', 'channel', 'revision', 'series', 'base', 'resources', 'num_units', 'scale', 'to', 'placement',
    'expose', 'exposed-endpoints', 'options', 'annotations', 'constraints', 'storage', 'devices', 'bindings',
    'offers', 'plan', 'trust', 'requires_trust',
))
# fmt: on
IGNORED_KEYS = {'machines': 'every principal unit gets a machine of its own', 'saas': 'there is one model only'}


@dataclass(frozen=True)
class Document:
    """The text of one file; relative paths in it are looked up in `folder`."""

    name: str
    text: str
    folder: Path


@dataclass(frozen=True)
class Wanted:
    """One application as the bundle wants it. `charm` is a name, or an absolute path."""

    name: str
    charm: str
    units: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)  # name -> absolute path
    constraints: Mapping[str, str] = field(default_factory=dict)
    expose: bool = False
    trust: bool = False
    series: str = ''


@dataclass(frozen=True)
class Bundle:
    name: str
    applications: Mapping[str, Wanted]
    relations: Sequence[tuple[str, str]]  # `app:endpoint` or `app`
    notes: Sequence[str] = ()  # what the bundle says and we leave out


class Mistakes(Refused):
    """Everything that is wrong with a bundle, a line each: where, what, what to do."""

    def __init__(self, found: Sequence[str]) -> None:
        self.found = list(found)
        super().__init__('\n  '.join(['the bundle has the following errors:', *self.found]))


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping: YAML would keep the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            name = self.construct_object(key)  # type: ignore[no-untyped-call]
            if isinstance(name, str) and name in seen:
                raise yaml.MarkedYAMLError(problem=f'key {name!r} stands twice', problem_mark=key.start_mark)
            seen.add(name if isinstance(name, str) else id(key))
        return super().construct_mapping(node, deep)


def parse(documents: Iterable[Document]) -> Bundle:
    """Return the bundle of these documents, the first one the base; raise `Mistakes` for all that is wrong in them."""
    reader = _Reader()
    for document in documents:
        reader.lay(document)
    bundle = reader.bundle()
    if reader.mistakes:
        raise Mistakes(reader.mistakes)
    return bundle


class _Reader:
    """Collects what the documents say, and every mistake on the way."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.notes: list[str] = []
        self.name = ''
        self.series = ''
        self.applications: dict[str, dict[str, Any]] = {}
        self.relations: list[tuple[str, str]] = []
        self.removed: set[str] = set()

    def wrong(self, place: str, what: str, remedy: str = '') -> None:
        self.mistakes.append(f'{place}: {what}' + (f'; {remedy}' if remedy else ''))

    def lay(self, document: Document) -> None:
        """Lay one file over what was read before."""
        try:
            parts = list(yaml.load_all(document.text, Loader=_Loader))
        except yaml.YAMLError as error:
            self.wrong(document.name, f'not valid YAML: {" ".join(str(error).split())}')
            return
        for part in parts:
            if part is None:
                continue
            if isinstance(part, dict):
                self._part(part, document)
            else:
                self.wrong(document.name, f'expected a mapping, got {_kind(part)}')

    def _part(self, part: dict[Any, Any], document: Document) -> None:
        self._unknown('', part, TOP_KEYS)
        self.notes += [f'{key} is not used here: {why}' for key, why in IGNORED_KEYS.items() if part.get(key)]
        self.name = self.name or str(part.get('name') or '')
        self.series = str(part.get('series') or self.series)
        key = 'applications' if 'applications' in part else 'services'
        for name, body in self._mapping(key, part.get(key)).items():
            self._application(str(name), body, document)
        for number, pair in enumerate(self._list('relations', part.get('relations'))):
            self._relation(f'relations[{number}]', pair)

    def _application(self, name: str, body: object, document: Document) -> None:
        place = f'applications.{name}'
        if body is None:
            if self.applications.pop(name, None) is None:
                self.wrong(place, 'is empty', 'say at least `charm: ./path/to/charm`')
            self.relations = [pair for pair in self.relations if name not in {_app(end) for end in pair}]
            return
        given = self._mapping(place, body)
        self._unknown(f'{place}.', given, APPLICATION_KEYS)
        before = self.applications.setdefault(name, {})
        merged = {**before, **{key: value for key, value in given.items() if value is not None}}
        merged['options'] = {**before.get('options', {}), **self._options(place, given.get('options'), document.folder)}
        paths = self._resources(place, given.get('resources'), document.folder)
        merged['resources'] = {**before.get('resources', {}), **paths}
        if isinstance(given.get('charm'), str):
            merged['charm'] = _located(given['charm'], document.folder)
        self.applications[name] = merged

    def _options(self, place: str, body: object, folder: Path) -> dict[str, object]:
        return {
            str(key): self._option(f'{place}.options.{key}', value, folder)
            for key, value in self._mapping(f'{place}.options', body).items()
            if value is not None
        }

    def _option(self, place: str, value: object, folder: Path) -> object:
        """Return the value, read from its file where it says include-file:// or include-base64://."""
        if isinstance(value, (dict, list)):
            self.wrong(place, f'expected text, a number or true/false, got {_kind(value)}', 'quote it as one text')
        for prefix, encode in _INCLUDES.items():
            if isinstance(value, str) and value.startswith(prefix):
                path = folder / value[len(prefix) :]
                try:
                    return encode(path.read_bytes())
                except (OSError, UnicodeDecodeError) as error:
                    self.wrong(place, f'cannot read {path}: {error}')
        return value

    def _resources(self, place: str, body: object, folder: Path) -> dict[str, str]:
        found = {}
        for key, value in self._mapping(f'{place}.resources', body).items():
            if isinstance(value, str) and value:
                found[str(key)] = str((folder / value).resolve())
            else:
                self.wrong(f'{place}.resources.{key}', 'there is no charm store here', 'give the path of a file')
        return found

    def _relation(self, place: str, pair: object) -> None:
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(end, str) and end for end in pair):
            ends = (pair[0], pair[1])
            if ends not in self.relations and ends[::-1] not in self.relations:
                self.relations.append(ends)
        else:
            self.wrong(place, f'expected two endpoints, got {pair!r}', "write e.g. ['app:endpoint', 'other:endpoint']")

    def bundle(self) -> Bundle:
        if not self.applications and not self.mistakes:
            self.wrong('applications', 'the bundle has none', 'say which applications to deploy')
        wanted = {name: self._wanted(name, body) for name, body in self.applications.items()}
        for ends in self.relations:
            for end in ends:
                if _app(end) not in wanted:
                    self.wrong('relations', f'{end} names no application of this bundle', _meant(_app(end), wanted))
        return Bundle(self.name, wanted, tuple(self.relations), tuple(self.notes))

    def _wanted(self, name: str, body: dict[str, Any]) -> Wanted:
        place = f'applications.{name}'
        charm = body.get('charm')
        if not isinstance(charm, str) or not charm:
            self.wrong(f'{place}.charm', 'no charm is named', 'write e.g. `charm: ./build/kubernetes-worker`')
        return Wanted(
            name,
            str(charm or ''),
            self._units(place, body),
            body['options'],
            body['resources'],
            self._constraints(f'{place}.constraints', body.get('constraints')),
            self._flag(f'{place}.expose', body.get('expose', bool(body.get('exposed-endpoints')))),
            self._flag(f'{place}.trust', body.get('trust', body.get('requires_trust', False))),
            str(body.get('series') or self.series),
        )

    def _units(self, place: str, body: dict[str, Any]) -> int:
        key = 'scale' if 'scale' in body else 'num_units'
        units = body.get(key, 0)
        if isinstance(units, bool) or not isinstance(units, int) or units < 0:
            self.wrong(f'{place}.{key}', f'expected how many units, got {units!r}', 'write a number, e.g. 2')
            return 0
        return units

    def _flag(self, place: str, value: object) -> bool:
        if not isinstance(value, bool):
            self.wrong(place, f'expected true or false, got {value!r}')
        return bool(value)

    def _constraints(self, place: str, value: object) -> dict[str, str]:
        try:
            return constraints(str(value or ''))
        except Refused as error:
            self.wrong(place, error.message, error.remedy)
            return {}

    def _mapping(self, place: str, value: object) -> dict[Any, Any]:
        if value is None or isinstance(value, dict):
            return value or {}
        self.wrong(place, f'expected a mapping, got {_kind(value)}')
        return {}

    def _list(self, place: str, value: object) -> list[Any]:
        if value is None or isinstance(value, list):
            return value or []
        self.wrong(place, f'expected a list, got {_kind(value)}')
        return []

    def _unknown(self, place: str, given: Mapping[Any, Any], known: Iterable[str]) -> None:
        for key in given:
            if key not in known:
                self.wrong(f'{place}{key}', 'is no key of a bundle', _meant(str(key), known) or 'take it out')


_INCLUDES: dict[str, Callable[[bytes], str]] = {
    'include-file://': bytes.decode,
    'include-base64://': lambda data: base64.b64encode(data).decode(),
}


def constraints(text: str) -> dict[str, str]:
    """Return `gpus=nvidia mem=4G` as a mapping; what a machine here cannot promise (mem, cores) is shown only."""
    found = {}
    for word in text.split():
        key, equals, value = word.partition('=')
        if not equals or not key:
            raise Refused(f'malformed constraint {word!r}', 'write key=value, e.g. gpus=nvidia')
        found[key] = value
    return found


def check(bundle: Bundle, charms: Mapping[str, Charm]) -> list[str]:
    """Return what does not fit between a bundle and its charms (application name -> charm)."""
    found = []
    for name, wanted in bundle.applications.items():
        if name in charms:
            found += _unfit(wanted, charms[name])
    for pair in bundle.relations:
        for end in pair:
            app, colon, endpoint = end.partition(':')
            if colon and app in charms and endpoint not in charms[app].endpoints:
                what = f'relations: {app} has no endpoint {endpoint!r}'
                found.append(_with(what, _meant(endpoint, charms[app].endpoints)))
    return found


def _unfit(wanted: Wanted, charm: Charm) -> list[str]:
    place = f'applications.{wanted.name}'
    found = []
    if charm.subordinate and wanted.units:
        found.append(f'{place}.num_units: {charm.name} is a subordinate; take num_units out, its relations make units')
    for kind, given, known in (
        ('options', wanted.options, charm.options),
        ('resources', wanted.resources, charm.resources),
    ):
        found += [
            _with(f'{place}.{kind}.{key}: {charm.name} has no such {kind[:-1]}', _meant(key, known))
            for key in given
            if key not in known
        ]
    for key, path in wanted.resources.items():
        if key in charm.resources and not Path(path).is_file():
            found.append(f'{place}.resources.{key}: there is no file {path}; build it, or mend the path')
    return found


def _with(what: str, remedy: str) -> str:
    return f'{what}; {remedy}' if remedy else what


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f'did you mean {close[0]!r}?' if close else ''


def _kind(value: object) -> str:
    names = {str: 'text', int: 'a number', float: 'a number', bool: 'true/false', list: 'a list', dict: 'a mapping'}
    return names.get(type(value), 'nothing' if value is None else type(value).__name__)


def _app(end: str) -> str:
    return end.partition(':')[0]


def _located(charm: str, folder: Path) -> str:
    """Return a path made absolute, and a name as it is."""
    charm = charm.removeprefix('local:') if charm.startswith(('local:.', 'local:/')) else charm
    return str((folder / charm).resolve()) if charm.startswith(('.', '/')) else charm


def read(paths: Sequence[Path]) -> Bundle:
    """Read a bundle file and its overlays."""
    documents = []
    for path in paths:
        try:
            documents.append(Document(str(path), path.read_text(encoding='utf-8'), path.resolve().parent))
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f'cannot read bundle {path}: {error}', 'check the path') from error
    return parse(documents)
