"""Frames of a streamed file, however they are cut."""

from __future__ import annotations

import base64
import json

import pytest
from aioclustermanager.nomad._frames import LONGEST, Frame, Frames
from hypothesis import given
from hypothesis import strategies as st

frames = st.builds(Frame, file=st.text(max_size=20), data=st.binary(max_size=60), event=st.text(max_size=8))


def encoded(frame: Frame) -> bytes:
    fields = {'File': frame.file, 'Data': base64.b64encode(frame.data).decode(), 'FileEvent': frame.event}
    return json.dumps({name: value for name, value in fields.items() if value}, ensure_ascii=False).encode()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({place % (len(data) + 1) for place in places})
    return [data[begin:end] for begin, end in zip([0, *marks], [*marks, len(data)], strict=True)]


@given(
    st.lists(frames, max_size=6), st.lists(st.integers(min_value=0), max_size=12), st.sampled_from([b'', b'\n', b' '])
)
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(
    sent: list[Frame], places: list[int], between: bytes
) -> None:
    parser = Frames()
    found = [frame for piece in cut(between.join(map(encoded, sent)), places) for frame in parser.feed(piece)]
    assert found == sent
    assert not parser.pending


@given(frames.filter(lambda frame: frame.data != b''), st.integers(min_value=1))
def test_half_a_frame_is_pending_and_gives_nothing(frame: Frame, place: int) -> None:
    data = encoded(frame)
    parser = Frames()
    assert list(parser.feed(data[: 1 + place % (len(data) - 1)])) == []
    assert parser.pending


def test_a_heartbeat_is_a_frame_of_nothing() -> None:
    assert list(Frames().feed(b'{}{}')) == [Frame(), Frame()]


@pytest.mark.parametrize(
    'data', [b'rpc error: no path to node', b'}', b'[1]', b'{"Data": "%%%"}', b'{"Data": }', b'\xff\xfe'], ids=repr
)
def test_what_is_no_frame_is_an_error_at_once(data: bytes) -> None:
    with pytest.raises(ValueError):
        list(Frames().feed(data))


def test_a_frame_that_never_ends_does_not_fill_the_memory() -> None:
    parser = Frames()
    with pytest.raises(ValueError, match='no frame ends within'):
        for _ in range(20):
            list(parser.feed(b'{"Data": "' if not parser.pending else b'A' * (LONGEST // 16)))
