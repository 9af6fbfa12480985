"""The model's log: append, filter, tail, follow, format."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local import _logs
from juju_local._logs import Filter, Log, Record, formatted


def record(message='hello', entity='unit-u-0', level='INFO', module='unit.u/0.juju-log', moment=0.0, labels=()):
    return Record(moment, entity, level, module, message, labels)


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


def test_what_is_appended_is_replayed_in_order(log):
    records = [record(f'line {number}', moment=float(number)) for number in range(5)]
    log.append(records[:2])
    log.append(records[2:])
    assert list(log.replay()) == records


def test_a_log_that_does_not_exist_is_empty(log):
    assert (list(log.replay()), log.tail(10), log.position()) == ([], [], 0)


def test_only_the_owner_may_read_the_log(log):
    log.append([record()])
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_a_line_cut_off_by_a_kill_is_passed_over(log):
    log.append([record('one')])
    with log.path.open('ab') as stream:
        stream.write(b'[1.0,"unit-u')
    assert [each.message for each in log.replay()] == ['one']
    assert [each.message for each in log.tail(10)] == ['one']


@given(messages=st.lists(st.text(), max_size=30), count=st.integers(1, 40), block=st.integers(1, 200))
def test_tail_is_the_end_of_replay(tmp_path_factory, messages, count, block):
    log = Log(tmp_path_factory.mktemp('log'))
    log.append(record(message) for message in messages)
    before, _logs.BLOCK = _logs.BLOCK, block
    try:
        assert log.tail(count) == list(log.replay())[-count:]
    finally:
        _logs.BLOCK = before


def test_tail_counts_only_what_matches(log):
    log.append(record(str(number), level='ERROR' if number % 2 else 'INFO') for number in range(10))
    assert [each.message for each in log.tail(2, Filter(level='ERROR'))] == ['7', '9']


def test_follow_yields_what_comes_after_the_position(log):
    log.append([record('old')])
    follower = log.follow(log.position(), pause_s=0.0)
    assert next(follower) is None
    log.append([record('new')])
    assert next(follower).message == 'new'


@pytest.mark.parametrize(
    ('wanted', 'messages'),
    [
        (Filter(include=('u/0',)), ['u0']),
        (Filter(include=('unit-u-0',)), ['u0']),
        (Filter(include=('u',)), ['u0', 'u1']),
        (Filter(include=('u-*',)), ['u0', 'u1', 'uv0']),
        (Filter(include=('machine 3',)), ['m3']),
        (Filter(include=('3',)), ['m3']),
        (Filter(include=('u/0', 'machine-3')), ['u0', 'm3']),
        (Filter(exclude=('u',)), ['uv0', 'm3']),
        (Filter(include=('u',), exclude=('u/1',)), ['u0']),
        (Filter(level='warning'), ['m3']),
        (Filter(include_module=('unit.u/0',)), ['u0']),
        (Filter(include_module=('uni',)), []),
        (Filter(exclude_module=('unit',)), ['m3']),
        (Filter(include_module=('unit',), level='ERROR'), []),
    ],
    ids=str,
)
def test_filters_are_ored_inside_and_anded_between(log, wanted, messages):
    log.append([
        record('u0', 'unit-u-0', 'INFO', 'unit.u/0.install'),
        record('u1', 'unit-u-1', 'DEBUG', 'unit.u/1.install'),
        record('uv0', 'unit-u-v-0', 'INFO', 'unit.u-v/0.install'),
        record('m3', 'machine-3', 'WARNING', 'juju.provisioner'),
    ])  # fmt: skip
    assert [each.message for each in log.replay(wanted)] == messages


def test_lines_look_like_jujus(monkeypatch):
    monkeypatch.setenv('TZ', 'UTC')
    time.tzset()
    line = record('text', moment=1795258411.25)
    assert formatted(line) == 'unit-u-0: 10:53:31 INFO unit.u/0.juju-log text'
    assert formatted(line, date=True, ms=True) == 'unit-u-0: 2026-11-21 10:53:31.250 INFO unit.u/0.juju-log text'
    assert formatted(record('text', labels=('a', 'b')), utc=True).endswith('unit.u/0.juju-log a,b text')


def test_two_processes_may_append_at_once(log):
    children = []
    for name in 'ab':
        child = os.fork()
        if not child:
            for number in range(200):
                log.append([record(f'{name}{number}')])
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    messages = [each.message for each in log.replay()]
    assert sorted(messages) == sorted(f'{name}{number}' for name in 'ab' for number in range(200))
