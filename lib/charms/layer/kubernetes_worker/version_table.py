"""Which flag, field and feature gate exist from which minor version of Kubernetes to which.

The data are `flags.tsv`, `fields.tsv` and `proxy_fields.tsv` beside this module, which reads nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from charms.layer.kubernetes_common.versions import ALWAYS, Span, Version


@dataclass(frozen=True)
class Flag:
    """A flag of a program."""

    span: Span = ALWAYS  # the minor versions that have it
    hidden: bool = False  # while it is deprecated, the program's help does not list it
    is_list: bool = False  # given twice, it holds both values


@dataclass(frozen=True)
class Field:
    """A field of KubeletConfiguration."""

    kind: str  # as Go declares it
    span: Span


@functools.cache
def flags(program: str) -> Mapping[str, Flag]:
    """Return what is to be known about the flags of `kubelet` or `kube-proxy`; one that is missing is like `Flag()`."""
    return {
        name: Flag(_span(first, last), hidden == 'yes', is_list == 'yes')
        for owner, name, first, last, hidden, is_list in _rows('flags.tsv')
        if owner in (program, 'any')
    }


@functools.cache
def lists(program: str) -> frozenset[str]:
    """Return the flags that hold a list."""
    return frozenset(name for name, flag in flags(program).items() if flag.is_list)


@functools.cache
def gates() -> Mapping[str, Span]:
    """Return the feature gates that a kubelet without them refuses; of others nothing is known."""
    return {row[1]: _span(row[2], row[3]) for row in _rows('flags.tsv') if row[0] == 'gate'}


@functools.cache
def fields() -> Mapping[str, Field]:
    """Return the fields of KubeletConfiguration by their dotted path, `list[].field` for those of a list's items."""
    return {path: Field(kind, _span(first, '-')) for path, kind, first in _rows('fields.tsv')}


@functools.cache
def proxy_fields() -> Mapping[str, tuple[str, str]]:
    """Return where the file of kube-proxy says what a flag says: the field's dotted path, and its type in Go."""
    return {flag: (path, kind) for flag, path, kind in _rows('proxy_fields.tsv')}


def _rows(file: str) -> Iterator[list[str]]:
    for line in Path(__file__).with_name(file).read_text(encoding='utf-8').splitlines():
        if not line.startswith('#'):
            yield line.split('\t')


def _span(first: str, last: str) -> Span:
    return Span(_minor(first), _minor(last))


def _minor(text: str) -> Version | None:
    return None if text == '-' else tuple(int(number) for number in text.split('.'))
