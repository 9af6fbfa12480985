"""Turns at a server, client by client."""

from __future__ import annotations

import asyncio

import pytest
from aioclustermanager import _http
from aioclustermanager._http import _turns
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures('no_leaks')]
FOR_EVER = float('inf')


async def order(turns: _turns.Turns, askers: list[str]) -> list[str]:
    """Return in which order requests are let in that all wait while one is inside."""
    guests = {name: _turns.Guest() for name in askers}
    await turns.enter(_turns.Guest(), FOR_EVER)
    let_in: list[str] = []

    async def ask(name: str) -> None:
        await turns.enter(guests[name], FOR_EVER)
        let_in.append(name)
        turns.leave()

    asking = [asyncio.ensure_future(ask(name)) for name in askers]
    await asyncio.sleep(0)
    turns.leave()
    await asyncio.gather(*asking)
    return let_in


async def test_who_asks_little_does_not_wait_behind_who_asks_much() -> None:
    turns = _turns.Turns(_turns.Pace(at_once=1))
    assert await order(turns, ['loud'] * 5 + ['quiet']) == ['loud', 'quiet', 'loud', 'loud', 'loud', 'loud']


@settings(max_examples=60)
@given(askers=st.lists(st.sampled_from('abcd'), min_size=1, max_size=25))
async def test_everybody_gets_in_and_nobody_is_a_round_behind(askers: list[str]) -> None:
    let_in = await order(_turns.Turns(_turns.Pace(at_once=1)), askers)
    assert sorted(let_in) == sorted(askers)
    for name in set(askers):
        places = [place for place, each in enumerate(let_in) if each == name]
        for turn, place in enumerate(places):
            assert place < (turn + 1) * len(set(askers)), 'the others have had more turns'


async def test_the_pace_counts_for_all_together() -> None:
    loop, turns = asyncio.get_running_loop(), _turns.Turns(_turns.Pace(qps=100, burst=2))
    began = loop.time()
    for guest in [_turns.Guest() for _ in range(6)]:
        await turns.enter(guest, FOR_EVER)
        turns.leave()
    assert loop.time() - began >= 0.04 - 0.001, 'two at once, then one each 10 ms'


async def test_a_turn_that_does_not_come_in_time_is_a_deadline_and_one_given_up_is_anothers() -> None:
    turns = _turns.Turns(_turns.Pace(at_once=1))
    await turns.enter(_turns.Guest(), FOR_EVER)
    with pytest.raises(_http.DeadlineExceeded, match='turn') as caught:
        await turns.enter(_turns.Guest(), asyncio.get_running_loop().time() + 0.01)
    assert not caught.value.sent
    given_up = asyncio.ensure_future(turns.enter(_turns.Guest(), FOR_EVER))
    waiting = asyncio.ensure_future(turns.enter(_turns.Guest(), FOR_EVER))
    await asyncio.sleep(0)
    turns.leave()  # the turn is now the first one's, who is cancelled before it can take it
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    await waiting
    turns.leave()


async def test_another_pace_counts_at_once_for_those_who_wait() -> None:
    turns = _turns.Turns(_turns.Pace(at_once=1))
    await turns.enter(_turns.Guest(), FOR_EVER)
    waiting = asyncio.ensure_future(turns.enter(_turns.Guest(), FOR_EVER))
    await asyncio.sleep(0)
    assert not waiting.done()
    turns.set(_turns.Pace(at_once=2))
    await waiting


async def test_what_is_urgent_goes_ahead_of_all_that_wait() -> None:
    turns, let_in = _turns.Turns(_turns.Pace(at_once=1)), list[str]()
    await turns.enter(_turns.Guest(), FOR_EVER)

    async def ask(name: str) -> None:
        await turns.enter(_turns.Guest(), FOR_EVER)
        let_in.append(name)
        turns.leave()

    asking = [asyncio.ensure_future(ask(name)) for name in 'abc']
    await asyncio.sleep(0)
    with _http.urgent():
        asking.append(asyncio.ensure_future(ask('lease')))
    await asyncio.sleep(0)
    turns.leave()
    await asyncio.gather(*asking)
    assert let_in == ['lease', 'a', 'b', 'c']
