"""The token file survives operators, transports and leaders."""

import csv
import io

import pytest
from charms.layer.kubernetes_master import tokens
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text('abcdefghijklmnopqrstuvwxyz0123456789:-./', min_size=1, max_size=20)
ROWS = st.builds(tokens.Row, WORDS, WORDS, WORDS, st.lists(WORDS, max_size=3).map(tuple))
# whatever an operator's editor may leave behind, without line breaks
LINES = st.text(st.characters(blacklist_categories=('Cs', 'Cc', 'Zl', 'Zp')), max_size=40)
FILES = st.lists(st.one_of(LINES, ROWS.map(tokens.line_of)), max_size=8).map('\n'.join)


@given(ROWS)
def test_a_row_reads_back_as_it_was_written(row):
    assert tokens.row_of(tokens.line_of(row)) == row


@given(ROWS)
def test_the_api_server_reads_groups_as_one_quoted_column(row):
    fields = next(csv.reader(io.StringIO(tokens.line_of(row))))
    assert len(fields) == (4 if row.groups else 3)


@given(FILES, ROWS)
def test_putting_a_row_keeps_every_other_line_in_its_place(text, row):
    before = [line for line in text.splitlines() if (found := tokens.row_of(line)) is None or found.uid != row.uid]
    after = [
        line
        for line in tokens.put(text, row).splitlines()
        if (found := tokens.row_of(line)) is None or found.uid != row.uid
    ]
    assert [line for line in after if line.strip()] == [line for line in before if line.strip()]
    assert tokens.find(tokens.put(text, row), row.uid) == row


@given(FILES, ROWS)
def test_putting_a_row_twice_changes_nothing_more(text, row):
    once = tokens.put(text, row)
    assert tokens.put(once, row) == once


@given(FILES)
def test_the_api_server_is_given_all_rows_and_nothing_it_would_refuse(text):
    served = tokens.served(text)
    assert all(len(fields) >= 3 for fields in csv.reader(io.StringIO(served), strict=True))
    assert tokens.rows(served) == tokens.rows(text)


@given(FILES)
def test_fm_66_leader_data_shape_is_the_same_after_twenty_rounds_through_a_trimming_transport(text):
    first = tokens.normal(text)
    copy = first
    for _ in range(20):
        copy = tokens.normal(copy.strip('\n'))
    assert tokens.normal(copy) == copy
    assert [line for line in copy.splitlines() if line.strip()] == [line for line in first.splitlines() if line.strip()]


def test_fm_66_leader_data_shape_keeps_comments_blank_lines_and_own_users():
    text = '# mine\nsecret,me,1,"a,b"\n\nodd,line\nT,admin,admin,"system:masters"\n'
    after = tokens.put(text, tokens.Row('N', 'admin', 'admin', ('system:masters',)))
    assert after == '# mine\nsecret,me,1,"a,b"\n\nodd,line\nN,admin,admin,"system:masters"\n'


@pytest.mark.parametrize('line', ['', '# a comment', 'two,fields', ',no,token', '"open,quote'])
def test_a_line_that_is_no_row_is_left_out_without_an_error(line):
    assert tokens.row_of(line) is None


def test_a_token_that_is_there_is_kept():
    text = tokens.put('', tokens.Row('T', 'admin', 'admin'))
    assert tokens.ensure(text, 'admin', 'admin', (), lambda: 'other') == text


def test_a_token_does_not_show_when_a_row_is_printed():
    assert 'secret' not in repr(tokens.Row('secret', 'user', 'uid'))
