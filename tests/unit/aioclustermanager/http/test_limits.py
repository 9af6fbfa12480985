"""Rate limit and deadlines."""

from __future__ import annotations

import asyncio

import pytest
from aioclustermanager import _http
from aioclustermanager._http import _limits
from hypothesis import given
from hypothesis import strategies as st


@given(
    st.floats(0.5, 100), st.integers(1, 20), st.lists(st.floats(0, 3), min_size=1, max_size=60)
)  # fmt: skip
def test_in_no_span_of_time_go_out_more_than_burst_and_qps_allow(qps: float, burst: int, gaps: list[float]) -> None:
    bucket, now, sent = _limits.Bucket(qps, burst), 1000.0, []
    for gap in gaps:
        now += gap
        sent.append(now + bucket.take(now))
    assert sent == sorted(sent)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + (sent[last] - sent[first]) * qps + 1e-6


def test_a_burst_goes_out_at_once_and_the_next_waits() -> None:
    bucket = _limits.Bucket(qps=2, burst=3)
    assert [bucket.take(50.0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]


@pytest.mark.asyncio
async def test_of_deadlines_within_each_other_the_earliest_counts() -> None:
    now = asyncio.get_running_loop().time()
    assert _limits.until(now, None) == float('inf')
    with _http.deadline(50):
        outer = _limits.until(now, None)
        with _http.deadline(5000):
            assert _limits.until(now, None) == outer
            assert _limits.until(now, 1.0) == now + 1.0
        with _http.deadline(1):
            assert _limits.until(now, 100.0) < outer
        assert _limits.until(now, None) == outer
    assert _limits.until(now, None) == float('inf')


@pytest.mark.asyncio
async def test_a_cancellation_counts_even_when_what_is_awaited_has_just_ended() -> None:
    """asyncio.wait_for, before Python 3.12, went on as if nobody had cancelled."""
    ended = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(_limits.within(5, ended))
    await asyncio.sleep(0)
    ended.set_result('there')
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.asyncio
async def test_what_does_not_come_in_time_is_cancelled_and_told() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    late = asyncio.create_task(forever())
    with pytest.raises(asyncio.TimeoutError):
        await _limits.within(0.01, late)
    assert late.cancelled()
    assert await _limits.within(None, asyncio.sleep(0, 'in time')) == 'in time'
