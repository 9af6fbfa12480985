"""Tests of one agent, alone and with stand-ins around it, to be run again where something of that is different."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from types import FunctionType, ModuleType


def tests(modules: Collection[ModuleType], without: Collection[str] = ()) -> dict[str, FunctionType]:
    """Return the tests of modules that have a loop, by name."""
    found = [(name, each) for module in modules for name, each in vars(module).items() if name.startswith('test_')]
    coroutines = [(name, each) for name, each in found if inspect.iscoroutinefunction(each)]
    by_name = dict(coroutines)
    assert len(by_name) == len(coroutines), 'two tests have one name'
    assert set(without) <= set(by_name), 'a test that is left out is not there'
    return {name: each for name, each in by_name.items() if name not in without}
