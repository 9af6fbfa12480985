"""Where readers of events and logs go on after a broken connection; a simulated server tells whether it is right."""

from __future__ import annotations

import pytest
from aioclustermanager.nomad._errors import EventsLost
from aioclustermanager.nomad._events import Event, Position, message
from aioclustermanager.nomad._frames import Frame
from aioclustermanager.nomad._logs import Place, file_number, is_over, is_pending, sizes
from hypothesis import given
from hypothesis import strategies as st

# events


def served(kept: list[int], asked: int) -> list[int]:
    """Return what a server sends: from the message asked for, else from the next one it keeps, else its last one."""
    if not asked:
        return kept
    begin = next((one for one in kept if one >= asked), kept[-1] if kept else asked)
    return [one for one in kept if one >= begin]


@given(
    st.lists(st.integers(1, 40), unique=True, min_size=1).map(sorted),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8),
)
def test_no_event_is_lost_in_silence_and_none_comes_twice(all_: list[int], breaks: list[tuple[int, int]]) -> None:
    """Each break: how far the server has come, and how many messages it still keeps."""
    position, got, reached = Position(), [], 0
    for until, kept in [*breaks, (40, 40)]:
        reached = max(reached, until)
        happened = [one for one in all_ if one <= reached]
        buffer = happened[max(len(happened) - kept, 0) :] if kept else []
        try:
            got += [one for one in served(buffer, position.connect()) if position.accept(one)]
        except EventsLost as error:
            assert error.after == got[-1]
            return
    assert got == sorted(set(got))
    first = got[0] if got else 0
    assert got == [one for one in all_ if one >= first], 'a gap that nobody was told of'


def test_a_server_that_counts_anew_has_lost_events() -> None:
    position = Position()
    assert [position.accept(index) for index in (50, 51)] == [True, True]
    position.connect()
    assert not position.accept(3)
    with pytest.raises(EventsLost, match='after index 51'):
        position.accept(4)


def test_a_server_that_is_behind_sends_its_last_message_first() -> None:
    position = Position()
    position.accept(50)
    assert position.connect() == 50
    assert [position.accept(index) for index in (49, 50, 51)] == [False, False, True]


def test_a_reader_of_what_comes_after_a_list_asks_for_the_next_index_and_skips_what_is_older() -> None:
    position = Position(after=7)
    assert position.connect() == 8
    assert [position.accept(index) for index in (6, 7, 9)] == [False, False, True]


def test_a_message_is_read_as_the_documents_show_it() -> None:
    line = b'{"Index":7,"Events":[{"Topic":"Node","Type":"NodeRegistration","Key":"n","Namespace":"","FilterKeys":null,'
    line += b'"Index":7,"Payload":{"Node":{"ID":"n"}}}]}'
    assert message(line) == (7, [Event(7, 'Node', 'NodeRegistration', 'n', '', (), {'Node': {'ID': 'n'}})])
    assert message(b'{}') == (0, [])


@pytest.mark.parametrize('line', [b'[]', b'nonsense', b'{"Error": "subscription closed by server"}'])
def test_a_line_that_is_no_message_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError):
        message(line)


# logs


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(0, 60),
    st.integers(0, 5),
    st.booleans(),
)
def test_a_log_goes_on_at_the_byte_where_it_broke_off_even_when_files_were_rotated_away(
    lengths: list[int], read: int, dropped: int, may_look: bool
) -> None:
    text = [(number, byte) for number, length in enumerate(lengths) for byte in range(length)]
    place = Place()
    for number, _ in text[:read]:
        place.take(Frame(f'alloc/logs/t.stdout.{number}', b'x'))
    dropped = min(dropped, len(lengths) - 1) if may_look else 0
    kept = [one for one in text if one[0] >= dropped]
    sizes_now = {number: lengths[number] for number in range(dropped, len(lengths))}
    rest = kept[place.resume(sizes_now if may_look else None) :]
    assert rest == [one for one in text[read:] if one[0] >= dropped]


def test_a_truncated_file_is_read_from_its_beginning() -> None:
    place = Place()
    place.take(Frame('a.stdout.0', b'12345'))
    place.take(Frame('a.stdout.0', b'ab', event='file truncated'))
    assert (place.number, place.offset) == (0, 2)


@given(st.dictionaries(st.integers(0, 9), st.integers(0, 9), min_size=1), st.integers(0, 40))
def test_the_tail_of_a_log_begins_so_many_bytes_before_its_end(found: dict[int, int], tail: int) -> None:
    place = Place.at(found, tail)
    assert sum(found.values()) - place.resume(found) == min(tail, sum(found.values()))


def test_files_of_a_log_are_those_of_the_task_and_the_stream() -> None:
    names = ['web.stdout.0', 'web.stdout.11', 'web.stderr.0', 'web.stdout.fifo', '.web.stdout.0', 'we.stdout.1']
    assert sizes([{'Name': name, 'Size': 5} for name in names], 'web', 'stdout') == {0: 5, 11: 5}
    assert file_number('alloc/logs/web.stdout.11') == 11


@pytest.mark.parametrize(
    ('allocation', 'pending', 'over'),
    [
        (None, False, True),
        ({'ClientStatus': 'pending', 'TaskStates': None}, True, False),
        ({'ClientStatus': 'pending', 'TaskStates': {'t': {'State': 'pending'}}}, True, False),
        ({'ClientStatus': 'running', 'TaskStates': {'t': {'State': 'running'}}}, False, False),
        ({'ClientStatus': 'running', 'TaskStates': {'t': {'State': 'dead'}}}, False, True),
        ({'ClientStatus': 'running', 'TaskStates': {'other': {'State': 'dead'}}}, True, False),
        ({'ClientStatus': 'lost', 'TaskStates': {'t': {'State': 'running'}}}, False, True),
        ({'ClientStatus': 'failed', 'TaskStates': None}, False, True),
    ],
)
def test_a_task_writes_until_it_is_dead_or_its_allocation_ends(allocation, pending, over) -> None:
    assert (is_pending(allocation, 't'), is_over(allocation, 't')) == (pending, over)
