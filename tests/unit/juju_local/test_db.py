"""The database: transactions, other processes, kills."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local._db import Database, Run
from juju_local._state import Application, Bag, Relation, RelationEnd, Unit


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path)
    yield database
    database.close()


def add(database, name='u/0', **fields):
    with database.transaction() as model:
        model.units[name] = Unit(name, 'u', '0', **fields)
        model.touch('unit', name)


def test_what_was_committed_is_there_when_it_is_opened_again(tmp_path, database):
    add(database)
    with database.transaction() as model:
        model.settings.name = 'mine'
        model.touch('settings')
        model.applications['u'] = Application('u', 'local:u-0')
        model.touch('application', 'u')
        model.relations[12] = Relation(12, [RelationEnd('u', 'club', 'peer', 'club')])
        model.touch('relation', 12)
        model.bags[12, 'u/0'] = Bag({'a': 'b'}, 3)
        model.touch('bag', '12/u/0')
    again = Database(tmp_path)
    model = again.read()
    assert (model.settings.name, list(model.units), list(model.relations)) == ('mine', ['u/0'], [12])
    assert model.bags == {(12, 'u/0'): Bag({'a': 'b'}, 3)}
    again.close()


def test_an_error_inside_a_transaction_leaves_the_model_as_it_was(database):
    add(database)

    def spoil():
        with database.transaction() as model:
            model.units['u/0'].workload.current = 'active'
            model.touch('unit', 'u/0')
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spoil()
    assert database.read().units['u/0'].workload.current == 'waiting'


def test_only_what_was_touched_is_stored(tmp_path, database):
    add(database)
    with database.transaction() as model:
        model.units['u/0'].workload.current = 'active'
    other = Database(tmp_path)
    assert other.read().units['u/0'].workload.current == 'waiting'
    other.close()


def test_what_is_gone_from_the_model_is_deleted(tmp_path, database):
    add(database)
    with database.transaction() as model:
        del model.units['u/0']
        model.touch('unit', 'u/0')
    other = Database(tmp_path)
    assert other.read().units == {}
    other.close()


def test_what_another_process_wrote_is_seen(tmp_path, database):
    add(database)
    assert not database.changed()
    other = Database(tmp_path)
    add(other, 'u/1')
    assert database.changed()
    assert list(database.read().units) == ['u/0', 'u/1']
    assert not database.changed()
    other.close()


def test_own_writes_are_no_change_of_another(database):
    add(database)
    kept = database.read()
    add(database, 'u/1')
    assert not database.changed()
    assert database.read() is kept


def test_units_are_in_natural_order(tmp_path, database):
    for number in (10, 9, 2):
        add(database, f'u/{number}')
    other = Database(tmp_path)
    assert list(other.read().units) == ['u/2', 'u/9', 'u/10']
    other.close()


def test_a_transaction_inside_a_transaction_is_refused(database):
    with database.transaction(), pytest.raises(RuntimeError, match='open already'), database.transaction():
        pass


def test_runs_are_recorded_with_the_transaction_or_not_at_all(database):
    run = Run('u/0', 'install', 1.0, 0.5, 7, '')
    with database.transaction():
        database.record(run)
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.record(run)
        raise ZeroDivisionError
    assert database.runs() == [(1, run)]
    assert database.runs(after=1) == []


def count_up(directory, commit_seen):
    database = Database(Path(directory))
    while True:
        with database.transaction() as model:
            model.settings.next_machine += 1
            model.touch('settings')
            number = model.settings.next_machine
        commit_seen.value = number


def test_a_process_killed_at_any_moment_loses_no_commit(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))  # the child imports this module by its name
    context = multiprocessing.get_context('spawn')
    seen = context.Value('i', 0)
    for _ in range(3):
        process = context.Process(target=count_up, args=(str(tmp_path), seen))
        process.start()
        begun, end = seen.value, time.monotonic() + 60
        while seen.value < begun + 20 and time.monotonic() < end:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        database = Database(tmp_path)
        assert seen.value > begun
        assert database.read().settings.next_machine in (seen.value, seen.value + 1)
        database.close()


@settings(max_examples=25)
@given(values=st.lists(st.dictionaries(st.text(min_size=1), st.text()), min_size=1, max_size=4))
def test_bags_come_back_as_they_were(tmp_path_factory, values):
    directory = tmp_path_factory.mktemp('db')
    database = Database(directory)
    for version, data in enumerate(values):
        with database.transaction() as model:
            model.bags[1, 'u/0'] = Bag(data, version)
            model.touch('bag', '1/u/0')
    other = Database(directory)
    assert other.read().bags[1, 'u/0'] == Bag(values[-1], len(values) - 1)
    other.close()
    database.close()
