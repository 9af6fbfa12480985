"""Every public name of 0.3.44 is there, and takes what it took. The table is of names and signatures, no more."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TABLE = Path(__file__).parent / 'surface.tsv'
_MISSING = object()


@dataclass(frozen=True)
class Row:
    module: str
    name: str
    member: str
    kind: str
    told: str

    def __str__(self) -> str:
        return '.'.join(filter(None, (self.module.removeprefix('aioclustermanager.'), self.name, self.member)))

    def find(self) -> Any:
        found = getattr(importlib.import_module(self.module), self.name, _MISSING)
        return inspect.getattr_static(found, self.member, _MISSING) if self.member and found is not _MISSING else found


def rows(*kinds: str) -> list[Row]:
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith('#')]
    return [row for row in (Row(*line.split('\t')) for line in lines) if row.kind in kinds]


def parameters(told: str) -> Iterator[tuple[str, str]]:
    """Yield (name, default) of a signature as text; '' for none."""
    inner = re.sub(r'[\[{].*?[\]}]', '{}', told[1:-1])
    for part in inner.split(', '):
        name, _, default = part.partition('=')
        yield name, default


@pytest.mark.parametrize('row', rows('class'), ids=str)
def test_each_class_is_where_it_was_and_of_its_kind(row: Row) -> None:
    found = row.find()
    assert inspect.isclass(found)
    for base in filter(None, row.told.split(',')):
        module, _, name = base.rpartition('.')
        assert issubclass(found, getattr(importlib.import_module(module or 'builtins'), name))


@pytest.mark.parametrize('row', rows('property'), ids=str)
def test_each_property_is_a_property(row: Row) -> None:
    assert isinstance(row.find(), property)


@pytest.mark.parametrize('row', rows('function', 'coroutine', 'generator', 'async generator'), ids=str)
def test_each_call_takes_the_arguments_that_it_took_and_is_awaited_or_iterated_as_it_was(row: Row) -> None:
    found = row.find()
    assert found is not _MISSING
    assert inspect.iscoroutinefunction(found) is (row.kind == 'coroutine')
    assert inspect.isasyncgenfunction(found) is (row.kind == 'async generator')
    ours = list(inspect.signature(found).parameters.values())
    named = [each for each in ours if each.kind is each.POSITIONAL_OR_KEYWORD]
    theirs = list(parameters(row.told))
    wanted = [(name, default) for name, default in theirs if not name.startswith('*')]
    assert [each.name for each in named[: len(wanted)]] == [name for name, _ in wanted]
    for each, (name, default) in zip(named, wanted, strict=False):
        if default == '{}':
            assert each.default is None, f'{name}: a mutable default is shared by all calls'
        elif default:
            assert repr(each.default) == default, name
        else:
            assert each.default is each.empty, name
    assert all(each.default is not each.empty for each in named[len(wanted) :]), 'a further argument needs a default'
    if ('**kw', '') in theirs:
        assert any(each.kind is each.VAR_KEYWORD for each in ours)


@pytest.mark.parametrize('row', rows('constant', 'attribute'), ids=str)
def test_each_constant_is_there_and_of_its_value(row: Row) -> None:
    found = row.find()
    assert found is not _MISSING
    if row.name.endswith('_OPS'):
        assert set(row.told.split(',')) <= set(found)
    elif row.name == '__all__':
        assert sorted(found) == ['job', 'job_list', 'manager']
    elif row.told:
        assert repr(found) == row.told
