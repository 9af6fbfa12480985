"""Where stores lie and what their store.yaml says."""

from __future__ import annotations

from pathlib import Path

import pytest
from juju_local import _store


def written(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / 'store.yaml').write_text(text)
    return folder


@pytest.fixture
def below(tmp_path):
    text = 'name: below\ninit: bin/init\nprograms: {/usr/bin/snap: bin/x, /usr/sbin/iptables: bin/x}\nhide: [/snap]\n'
    return written(tmp_path / 'below', text)


def test_a_store_that_builds_on_another_has_its_programs_where_machines_see_them(tmp_path, below):
    store = _store.read(written(tmp_path / 'above', f'name: above\nbase: {below}\nprograms: {{/usr/bin/x: bin/y}}\n'))
    assert store.init == 'base/bin/init'
    assert store.programs == {
        '/usr/bin/snap': 'base/bin/x',
        '/usr/sbin/iptables': 'base/bin/x',
        '/usr/bin/x': 'bin/y',
    }
    assert store.base is not None
    assert store.base.directory == below
    assert store.hide == ('/snap',)


def test_a_store_leaves_out_programs_of_the_one_it_builds_on(tmp_path, below):
    text = f'name: above\nbase: {below}\nprograms: {{/usr/sbin/iptables: null}}\nhide: [/opt/cni]\n'
    store = _store.read(written(tmp_path / 'above', text))
    assert list(store.programs) == ['/usr/bin/snap']
    assert store.hide == ('/snap', '/opt/cni')


def test_a_store_says_who_answers_under_which_names(tmp_path, below):
    text = f'name: a\nbase: {below}\nhosts: [a.b, c]\nservices: {{registry: [bin/registry, serve, 5000]}}\n'
    store = _store.read(written(tmp_path / 'above', text))
    assert store.hosts == ('a.b', 'c')
    assert store.services == {'registry': ('bin/registry', 'serve', '5000')}


def test_a_broken_store_is_told_by_its_path(tmp_path):
    with pytest.raises(_store.StoreError, match=r'cannot read the store .*/broken/store.yaml: KeyError'):
        _store.read(written(tmp_path / 'broken', 'init: x\n'))


def test_the_real_store_is_found_once_it_is_built(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    with pytest.raises(_store.StoreError, match='there is no store of real software') as refusal:
        _store.find('real')
    assert 'juju-local store build' in refusal.value.remedy
    (tmp_path / 'juju-local/stores').mkdir(parents=True)
    built = written(tmp_path / 'juju-local/stores/real-1', 'name: real\n')
    (tmp_path / 'juju-local/stores/real').symlink_to('real-1')
    assert _store.find('real') == built
    assert _store.find('stand-ins').name == 'stand_ins'
    assert _store.find('/srv/store') == Path('/srv/store')


def test_a_model_keeps_the_real_store_it_was_made_with_while_that_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    stores, model = tmp_path / 'juju-local/stores', tmp_path / 'model'
    for folder in (stores, model):
        folder.mkdir(parents=True)
    one, other = (written(stores / f'real-{number}', 'name: real\n') for number in (1, 2))
    (stores / 'real').symlink_to('real-1')
    assert _store.of_model(model, 'real') == one
    (stores / 'real').unlink()
    (stores / 'real').symlink_to('real-2')
    assert _store.find('real') == other
    assert _store.of_model(model, 'real') == one
    (one / 'store.yaml').unlink()
    assert _store.of_model(model, 'real') == other
    assert _store.of_model(model, 'stand-ins') == _store.find('stand-ins')
