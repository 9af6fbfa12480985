"""HTTP/1.1 answers out of bytes."""

from __future__ import annotations

import itertools

import pytest
from aioclustermanager._http import _parser
from hypothesis import given
from hypothesis import strategies as st

BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


def with_length(pieces: list[bytes]) -> bytes:
    body = b''.join(pieces)
    return b'HTTP/1.1 200 OK\r\nX-A: b\r\ncontent-LENGTH: %d\r\n\r\n%b' % (len(body), body)


def chunked(pieces: list[bytes]) -> bytes:
    chunks = b''.join(b'%X;note=1\r\n%b\r\n' % (len(piece), piece) for piece in pieces)
    return b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunks + b'0\r\nTrailer: t\r\n\r\n'


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def parsed(pieces: list[bytes]) -> _parser.Parser:
    parser = _parser.Parser()
    for piece in pieces:
        parser.feed(piece)
    return parser


@given(BODIES, st.lists(st.integers(0, 1000), max_size=12), st.sampled_from([with_length, chunked]))
def test_an_answer_is_the_same_however_its_bytes_are_cut(pieces: list[bytes], places: list[int], form: object) -> None:
    data = form(pieces)  # type: ignore[operator]
    parser = parsed(cut(data, places))
    assert parser.complete and parser.keep and parser.status == 200
    assert b''.join(parser.pieces) == b''.join(pieces) and parser.rest == b''


@given(BODIES, st.sampled_from([with_length, chunked]), st.integers(1, 1000))
def test_an_answer_that_ends_early_is_never_taken_for_whole(pieces: list[bytes], form: object, place: int) -> None:
    data = form(pieces)  # type: ignore[operator]
    parser = parsed([data[: place % len(data)]])
    assert not parser.complete
    with pytest.raises(_parser.Malformed, match=r'cut off'):
        parser.end()


@given(st.lists(st.integers(0, 1000), max_size=8))
def test_answers_on_one_connection_do_not_run_into_each_other(places: list[int]) -> None:
    parser = _parser.Parser()
    for body in (b'one', b'', b'three'):
        parser.expect()
        for piece in cut(chunked([body] if body else []), places):
            parser.feed(piece)
        assert parser.complete and b''.join(parser.pieces) == body


def test_an_answer_without_a_length_lasts_until_the_connection_ends_which_carries_no_other() -> None:
    parser = parsed([b'HTTP/1.1 200 OK\r\n\r\nabc', b'def'])
    assert not parser.complete
    parser.end()
    assert parser.complete and not parser.keep and b''.join(parser.pieces) == b'abcdef'


def test_interim_answers_are_passed_over() -> None:
    parser = parsed([b'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n' + with_length([b'x'])])
    assert (parser.status, parser.pieces) == (200, [b'x'])


@pytest.mark.parametrize('status', [b'204 No Content', b'304 Not Modified'])
def test_statuses_without_a_body_wait_for_none(status: bytes) -> None:
    assert parsed([b'HTTP/1.1 ' + status + b'\r\n\r\n']).complete


def test_the_answer_to_a_head_request_has_a_length_and_no_body() -> None:
    parser = _parser.Parser()
    parser.expect(bodiless=True)
    parser.feed(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
    assert parser.complete


@pytest.mark.parametrize(
    ('head', 'keep'),
    [
        (b'HTTP/1.1 200 OK\r\n', True),
        (b'HTTP/1.1 200 OK\r\nConnection: Close\r\n', False),
        (b'HTTP/1.0 200 OK\r\n', False),
        (b'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n', True),
    ],
)
def test_a_connection_is_kept_as_the_server_says(head: bytes, keep: bool) -> None:
    assert parsed([head.lower().replace(b'http', b'HTTP') + b'Content-Length: 0\r\n\r\n']).keep is keep


@pytest.mark.parametrize(
    'data',
    [
        b'SSH-2.0-OpenSSH_9.2\r\n\r\n',
        b'HTTP/1.1 abc\r\n\r\n',
        b'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
        b'HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + b'1' * 5000,
        b'H' * 300_000,
    ],
)
def test_what_is_no_http_is_refused(data: bytes) -> None:
    with pytest.raises(_parser.Malformed):
        parsed([data])


def test_headers_are_found_whatever_their_case_and_not_inside_values() -> None:
    head = b'HTTP/1.1 200 OK\r\nX-Note: content-length: 9\r\nRetry-AFTER:  7 \r\nset-cookie: a\r\nSet-Cookie: b'
    assert (_parser.value(head, b'retry-after'), _parser.value(head, b'content-length')) == ('7', '')
    assert _parser.headers(head)['set-cookie'] == 'a, b'
