"""What is repeated, and when."""

from __future__ import annotations

import pytest
from aioclustermanager._http import ConnectionFailed, Error, InvalidConfiguration, Repeat, Retries, _errors, _retry
from hypothesis import given
from hypothesis import strategies as st


def failed(status: int, retry_after_s: float | None = None) -> Error:
    return _errors.kind(status)('m', status=status, retry_after_s=retry_after_s)


SENT, UNSENT = ConnectionFailed('m', sent=True), ConnectionFailed('m', sent=False)


@pytest.mark.parametrize(
    ('error', 'safe', 'unsent'),
    [
        (UNSENT, True, True),
        (SENT, True, False),
        (failed(429), True, True),
        (failed(429, 3), True, True),
        (failed(503, 1), True, True),
        (failed(503), True, False),
        (failed(500), True, False),
        (failed(502), True, False),
        (failed(504), True, False),
        (failed(501), False, False),
        (failed(400), False, False),
        (failed(401), False, False),
        (failed(404), False, False),
        (failed(409), False, False),
        (failed(422), False, False),
        (InvalidConfiguration('m'), False, False),
    ],
)
def test_a_request_is_repeated_only_where_that_can_do_no_harm(error: Error, safe: bool, unsent: bool) -> None:
    assert _retry.is_allowed(Repeat.SAFE, error) is safe
    assert _retry.is_allowed(Repeat.UNSENT, error) is unsent
    assert not _retry.is_allowed(Repeat.NEVER, error)


@pytest.mark.parametrize(
    ('error', 'acted'),
    [(UNSENT, False), (SENT, True), (failed(429), False), (failed(503, 1), False), (failed(500), True)],
)
def test_it_is_known_whether_the_server_may_have_acted(error: Error, acted: bool) -> None:
    assert _retry.may_have_acted(error) is acted


@given(st.integers(0, 10_000), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1000)))
def test_a_pause_is_at_least_what_the_server_asks_and_bounded_otherwise(
    attempt: int, chance: float, asked: float | None
) -> None:
    pause = _retry.pause_s(Retries(first_s=0.1, longest_s=10), attempt, asked, lambda: chance)
    assert 0.05 <= pause <= max(10.0, (asked or 0) * 1.1)
    assert pause >= (asked or 0)


def test_pauses_grow() -> None:
    pauses = [_retry.pause_s(Retries(), attempt, None, lambda: 1.0) for attempt in range(4)]
    assert pauses == [0.1, 0.2, 0.4, 0.8]


@pytest.mark.parametrize(
    ('text', 'seconds'), [('3', 3.0), (' 0 ', 0.0), ('', None), ('Wed, 21 Oct 2026 07:28:00 GMT', None), ('-1', None)]
)
def test_retry_after_is_read_as_seconds(text: str, seconds: float | None) -> None:
    assert _retry.retry_after_s(text) == seconds
