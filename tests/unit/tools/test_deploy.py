"""Which store `make deploy` takes."""

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from juju_local import _real_store
from juju_local._cli._session import Session

TOOL = Path(__file__).parents[3] / 'tools/deploy'


class Started(Exception):
    """In place of the program that would be run."""


@pytest.fixture
def deploy(tmp_path, monkeypatch):
    """Return what `tools/deploy` runs, given its arguments."""
    loader = importlib.machinery.SourceFileLoader('deploy', str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    loader.exec_module(module)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('JUJU_LOCAL_DATA', str(tmp_path / 'data'))
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    monkeypatch.setattr(os, 'chdir', lambda path: None)

    def execute(program, words):
        raise Started(words[1:])

    monkeypatch.setattr(os, 'execv', execute)

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['tools/deploy', *arguments])
        with pytest.raises(Started) as started:
            module.main()
        return started.value.args[0]

    return run


def build(cache, of):
    (cache / f'juju-local/stores/real-{of}').mkdir(parents=True)
    (cache / f'juju-local/stores/real-{of}/store.yaml').touch()
    (cache / 'juju-local/stores/real').symlink_to(f'real-{of}')


@pytest.fixture
def built(tmp_path):
    build(tmp_path / 'cache', _real_store.fingerprint())


STAND_INS = ['deploy', './bundle.yaml', '--store', 'stand-ins']
REAL = ['deploy', './bundle.yaml', '--store', 'real', '--overlay', 'overlays/real.yaml']


def test_without_a_built_store_it_takes_the_stand_ins_and_says_how_to_get_more(deploy, capsys):
    assert deploy() == STAND_INS
    assert '`make store`' in capsys.readouterr().err


def test_root_who_has_built_the_store_gets_real_software(deploy, built, capsys):
    assert deploy() == REAL
    assert capsys.readouterr().err == ''


def test_a_store_of_older_sources_is_taken_and_said_to_be_old(deploy, tmp_path, capsys):
    build(tmp_path / 'cache', 'older')
    assert deploy() == REAL
    assert '`make store` brings it up to date' in capsys.readouterr().err


def test_others_than_root_get_the_stand_ins(deploy, built, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    assert deploy() == STAND_INS


def test_what_is_asked_for_is_taken_in_silence(deploy, built, capsys):
    assert deploy('stand-ins') == STAND_INS
    assert deploy('/srv/store') == ['deploy', './bundle.yaml', '--store', '/srv/store']
    assert capsys.readouterr().err == ''


def test_a_model_that_is_there_keeps_its_store(deploy, built):
    with Session(store='/srv/store').make():
        pass
    assert deploy() == ['deploy', './bundle.yaml', '--store', '/srv/store']
