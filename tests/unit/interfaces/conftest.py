"""Fixtures: a Juju in memory, and pure modules of interfaces by path (a folder name with a dash is no package)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
INTERFACES = HERE.parents[2] / 'interfaces'


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def harness() -> Iterator[ModuleType]:
    module = load('juju_in_memory', HERE / 'juju.py')
    with module.framework():
        yield module
    del sys.modules['juju_in_memory']


@pytest.fixture(scope='session')
def wire() -> Iterator[ModuleType]:
    yield load('kube_control_wire', INTERFACES / 'kube-control' / 'wire.py')
    del sys.modules['kube_control_wire']


@pytest.fixture
def juju(harness: ModuleType, tmp_path: Path) -> Any:
    return harness.Juju(tmp_path)


@pytest.fixture
def new_juju(harness: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """Return a maker of models, for property tests that need one an example."""
    return lambda: harness.Juju(tmp_path_factory.mktemp('juju'))
