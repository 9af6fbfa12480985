"""How unit files are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local.stand_ins.lib.stand_in import units


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        ('a b', ['a', 'b']),
        ('  a\t b ', ['a', 'b']),
        ('"a b" c', ['a b', 'c']),
        ("X='a b'c", ['X=a bc']),
        ('""', ['']),
        (r'a\ b \x', ['a\\ b', '\\x']),
        (r'"a\"b" c\nd', ['a"b', 'c\nd']),
        ('', []),
    ],
)
def test_words_are_split_as_systemd_splits_them(line, words):
    assert units.split(line) == words


def test_an_open_quotation_is_refused():
    with pytest.raises(units.Bad, match='unbalanced quoting'):
        units.split('a "b')


@given(
    st.lists(st.text(st.characters(codec='ascii', exclude_characters='"\\\n', exclude_categories=('Cc',)), min_size=1))
)
def test_quoted_words_come_out_as_they_went_in(words):
    assert units.split(' '.join(f'"{word}"' for word in words)) == words


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [('5', 5), ('1min 30s', 90), ('500ms', 0.5), ('2h', 7200), ('infinity', float('inf')), ('0', 0), ('1m30', 90)],
)
def test_time_spans_are_read(text, seconds):
    assert units.seconds(text) == seconds


@pytest.mark.parametrize('text', ['soon', '5 parsecs', '-1', ''])
def test_what_is_no_time_span_is_refused(text):
    with pytest.raises(units.Bad):
        units.seconds(text)


def test_lines_are_joined_comments_skipped_and_an_empty_value_clears():
    text = '[Service]\n# no\nExecStart=/a \\\n  b\n; no\nExecStart=\nExecStart=/c\nnonsense\n[X]\nA = b\n'
    unit = units.Unit('a.service', units.parse(text))
    assert unit.all('Service', 'ExecStart') == ['/c']
    assert unit.last('X', 'A') == 'b'


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        unit = units.Unit('a.service', units.parse(text))
        units.environment(unit.all('Service', 'Environment'), 'a.service')
    except units.Bad:
        return


@pytest.mark.parametrize(
    ('name', 'full'),
    [('docker', 'docker.service'), ('snap.kubelet.daemon', 'snap.kubelet.daemon.service'), ('a.path', 'a.path')],
)
def test_names_are_completed(name, full):
    assert units.full_name(name) == full
