"""What stands in arguments, where names lead, and what progress says."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local._cli import _arguments, _charms, _files, _progress
from juju_local._errors import Refused
from juju_local._events import Following, MachineFailed, Retrying, RunEnded, RunStarted, Waiting


@pytest.mark.parametrize(
    'text, seconds', [('90s', 90), ('5m', 300), ('1h30m', 5400), ('500ms', 0.5), ('7', 7), ('0', 0), ('1.5m', 90)]
)
def test_a_duration_is_read_as_go_does(text: str, seconds: float) -> None:
    assert _arguments.duration(text) == seconds


@given(st.text(max_size=8))
def test_any_duration_is_a_number_or_a_usage_error(text: str) -> None:
    try:
        assert isinstance(_arguments.duration(text), float)
    except click.UsageError as error:
        assert 'invalid duration' in error.message


KEYS = st.from_regex(r'[a-z0-9]([a-z0-9-]{0,4}[a-z0-9])?', fullmatch=True)


@given(st.dictionaries(KEYS, st.text(max_size=6).filter(lambda text: not text.startswith('@'))))
def test_pairs_keep_every_value_as_it_is_written(values: dict[str, str]) -> None:
    assert _arguments.pairs([f'{key}={value}' for key, value in values.items()], str) == values


@given(st.lists(st.tuples(st.lists(KEYS, min_size=1, max_size=3), st.text(max_size=5)), max_size=5))
def test_nested_parameters_hold_the_last_value_of_each_key(words: list[tuple[list[str], str]]) -> None:
    found = _arguments.parameters([f'{".".join(keys)}={value}' for keys, value in words], {}, as_text=True)
    if words:
        tree: object = found
        for key in words[-1][0]:
            assert isinstance(tree, dict)
            tree = tree[key]
        assert tree == words[-1][1]


def test_parameters_are_yaml_unless_they_are_to_be_text() -> None:
    words = ['a.b=3', 'a.c=yes', 'd=[1, 2]', 'e=']
    assert _arguments.parameters(words, {'a': {'z': 0}}, as_text=False) == {
        'a': {'z': 0, 'b': 3, 'c': True},
        'd': [1, 2],
        'e': '',
    }
    assert _arguments.parameters(['a=3'], {}, as_text=True) == {'a': '3'}


def test_a_name_leads_to_a_built_charm_before_a_companion_and_to_a_bundle_by_its_name(place: Path) -> None:
    for folder in ('build/thing', 'companions/thing', 'companions/renamed'):
        (place / folder).mkdir(parents=True)
        (place / folder / 'metadata.yaml').write_text('name: ' + ('other' if 'renamed' in folder else 'thing'))
    places = _charms.repositories(())
    assert _charms.locate('thing', places) == Path('build/thing')
    assert _charms.locate('other', places) == Path('companions/renamed')
    assert _charms.locate('pair', places) == Path('bundle.yaml')
    assert _charms.locate('./companions/thing', places) == Path('companions/thing')


def test_where_names_are_looked_up_can_be_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('JUJU_LOCAL_REPOSITORY', f'{place}/none:{place}')
    monkeypatch.chdir('/')
    assert _charms.locate('alpha', _charms.repositories(())) == place / 'alpha'
    with pytest.raises(Refused, match='"alpha" not found'):
        _charms.locate('alpha', _charms.repositories(['/nowhere']))


def test_a_layer_is_not_taken_for_a_charm_until_it_is_built(place: Path) -> None:
    (place / 'alpha/layer.yaml').touch()
    with pytest.raises(Refused, match='is a charm layer, not a built charm'):
        _charms.locate('./alpha', [])
    (place / 'alpha/.build.manifest').touch()
    assert _charms.locate('./alpha', []) == Path('alpha')


def test_a_digest_tells_every_change_of_a_charm(place: Path) -> None:
    seen = {_files.digest(place / 'alpha')}
    changes = (
        lambda: (place / 'alpha/config.yaml').write_text('options: {}'),
        lambda: (place / 'alpha/config.yaml').chmod(0o755),
        lambda: (place / 'alpha/config.yaml').rename(place / 'alpha/other.yaml'),
        lambda: (place / 'alpha/link').symlink_to('actions.yaml'),
    )
    for change in changes:
        change()
        seen.add(_files.digest(place / 'alpha'))
    assert len(seen) == 5
    _files.store_charm(place / 'alpha', place / 'copy')
    assert _files.digest(place / 'copy') in seen


def test_a_stored_resource_is_for_its_owner_only(place: Path) -> None:
    stored = _files.store_resource(place, 'app', 'blob', place / 'blob', 2)
    assert (stored.path, stored.revision, stored.size) == ('resources/app/blob-2/file', 2, 11)
    assert (place / stored.path).stat().st_mode & 0o777 == 0o600


def test_without_a_terminal_only_failures_and_what_is_waited_for_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    progress = _progress.Progress(quiet=False, verbose=False)
    with progress.shown():
        progress(RunStarted('u/0', 'hook', 'install'))
        progress(RunEnded('u/0', 'hook', 'install', 1.0, 3, ''))
        progress(RunEnded('u/0', 'hook', 'start', 1.0, 3, 'exit status 1'))
        progress(MachineFailed('3', 'no space left'))
        for seconds in (1.0, 2.0):
            progress(RunStarted('u/0', 'hook', 'start'))
            progress(RunEnded('u/0', 'hook', 'start', 1.0, 3, 'exit status 1'))
            progress(Retrying(('u/0',), seconds))
            progress(Waiting(('u/1',), seconds))
        progress(Following())
    assert progress.hooks == 4 and progress.failed == 4
    assert capsys.readouterr().err.splitlines() == [
        'u/0: start failed: exit status 1',
        'machine 3: start failed: no space left',
        'failed hooks run again in 1s: u/0',
        'update-status runs in 1s, these still wait: u/1',
        'another juju-local is at work on this model: following it',
    ]


def test_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = _progress.Progress(quiet=True, verbose=False)
    progress(RunEnded('u/0', 'hook', 'start', 1.0, 3, 'exit status 1'))
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize('seconds, text', [(0.4, '0s'), (59, '59s'), (65, '1m05s'), (3720, '1h02m')])
def test_elapsed_time_is_short(seconds: float, text: str) -> None:
    assert _progress.elapsed(seconds) == text


def test_progress_tells_how_many_units_have_started() -> None:
    progress = _progress.Progress(quiet=True, verbose=False, units={'u/0': True, 'u/1': False})
    for unit, hook in (('u/1', 'install'), ('u/1', 'start'), ('sub/0', 'install'), ('u/0', 'remove')):
        progress(RunEnded(unit, 'hook', hook, 1.0, 0, ''))
    assert progress.units == {'u/1': True, 'sub/0': False}
