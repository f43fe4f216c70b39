"""Is a stream of server-sent events cut into frames without losing, changing or reading anything differently?"""

from __future__ import annotations

from itertools import pairwise, product
from time import thread_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.bytes.sse import MAX_FRAME_BYTES, FrameSplitter, data_of, frame_of, names_error, without_data
from providers.errors import InvalidResponse
from tests.fuzz.targets import events_of

CORPUS = {
    "lf": b"data: a\n\ndata: b\n\n",
    "crlf": b"data: a\r\n\r\ndata: b\r\n\r\n",
    "cr": b"data: a\r\rdata: b\r\r",
    "mixed": b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\rdata: e\r\n\r",
    "bom": b"\xef\xbb\xbfdata: a\n\ndata: b\n\n",
    "bom alone": b"\xef\xbb\xbf",
    "bom, then another": b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
    "bom in the middle": b"data: a\n\n\xef\xbb\xbfdata: b\n\n\xef\xbb\xbfdata: c\r\n\r\n",
    "comments": b": ping\n\n:\n\ndata: a\n: inside\n\n:x\r\n\r\n",
    "several lines": b"event: x\nid: 1\ndata: a\ndata: b\nretry: 5\n\ndata: c\r\ndata:\r\ndata: d\r\n\r\n",
    "no space": b"data:a\n\ndata:  two\n\n",
    "data without colon": b"data\ndata: a\ndata\n\ndatabase: no\n\n",
    "blank lines": b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n",
    "no end": b"data: a\n\ndata: b",
    "half an end": b"data: a\n\ndata: b\n",
    "utf-8": 'data: {"c":"é模😀👩‍👩‍👧ö"}\n\ndata: 😀\r\n\r\n'.encode(),
    "not utf-8": b"data: \xff\xfe\x80\n\ndata: \xed\xa0\x80\n\n",
    "empty": b"",
}

PIECES = (b"data: a", "data:é".encode(), b": c", b"\n", b"\r", b"\r\n")


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    return [stream[a:b] for a, b in pairwise([0, *sorted(places), len(stream)])]


def split(chunks: list[bytes]) -> tuple[list[bytes], bytes]:
    splitter = FrameSplitter()
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    return frames, splitter.rest()


def check(stream: bytes, chunks: list[bytes]) -> None:
    frames, rest = split(chunks)
    assert b"".join(frames) + rest == stream
    assert [data for frame in frames if (data := data_of(frame)) is not None] == events_of(stream)


@pytest.mark.parametrize("stream", CORPUS.values(), ids=CORPUS)
def test_frames_when_cut_at_any_two_places_then_joined_they_are_the_stream_with_the_same_events(stream: bytes) -> None:
    check(stream, [stream])
    check(stream, [stream[i : i + 1] for i in range(len(stream))])
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            check(stream, cut(stream, [first, second]))


def test_frames_when_any_five_pieces_are_cut_at_every_place_then_joined_they_are_the_stream_with_the_same_events() -> None:
    cases = 0
    for length in range(6):
        for pieces in product(PIECES, repeat=length):
            stream = b"".join(pieces)
            check(stream, [stream[i : i + 1] for i in range(len(stream))])
            for place in range(len(stream) + 1):
                check(stream, [stream[:place], stream[place:]])
            cases += len(stream) + 2
    assert cases > 100_000


@settings(max_examples=3_000, deadline=None)
@given(
    st.data(), st.lists(st.sampled_from([b"data", b":", b" ", b"x", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"data: y\n\n"]))
)
def test_frames_when_the_stream_is_anything_then_joined_they_are_the_stream_with_the_same_events(
    data: st.DataObject, pieces: list[bytes]
) -> None:
    stream = b"".join(pieces)
    check(stream, cut(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=6))))
    for place in range(len(stream) + 1):
        check(stream, [stream[:place], stream[place:]])


@given(st.lists(st.sampled_from([b"data: x", b": c", b"\n", b"\n\n"])), st.data())
def test_frames_when_lines_end_in_lf_then_they_are_the_same_at_every_cut(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    assert split(cut(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))) == split([stream])


def test_rest_when_taken_then_forgotten() -> None:
    splitter = FrameSplitter()
    splitter.feed(b"data: a\n")
    assert splitter.rest() == b"data: a\n"
    assert splitter.rest() == b""
    assert splitter.feed(b"\ndata: b\n\n") == [b"\ndata: b\n\n"]


def test_feed_when_a_line_never_ends_then_refused_at_the_cap() -> None:
    splitter = FrameSplitter()
    for _ in range(MAX_FRAME_BYTES // 65536):
        assert splitter.feed(b"x" * 65536) == []
    with pytest.raises(InvalidResponse):
        splitter.feed(b"x")


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("lead", [b"", b"data: a\n\n"], ids=["alone", "after another"])
@pytest.mark.parametrize("place", [0, 1, 12, MAX_FRAME_BYTES // 2, MAX_FRAME_BYTES - 1, MAX_FRAME_BYTES, MAX_FRAME_BYTES + 10])
def test_feed_when_an_event_is_over_the_cap_then_refused_at_every_cut(end: bytes, lead: bytes, place: int) -> None:
    longest = lead + b"x" * (MAX_FRAME_BYTES - len(end)) + end
    frames, rest = split(cut(longest, [min(place, len(longest))]))
    assert b"".join(frames) + rest == longest
    too_long = lead + b"x" * (MAX_FRAME_BYTES - len(end) + 2) + end
    with pytest.raises(InvalidResponse):
        split(cut(too_long, [min(place, len(too_long))]))


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\n\n", b"a"),
        (b"data:  a\n\n", b" a"),
        (b"data: a \r\n\r\n", b"a "),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"data\ndata: b\n\n", b"\nb"),
        (b"data:\n\n", b""),
        (b"event: x\ndata: a\nid: 7\n\n", b"a"),
        (b"\xef\xbb\xbfdata: a\n\n", None),
        (b"\ndata: a\n\n", b"a"),
        (b": data: a\n\n", None),
        (b"event: ping\n\n", None),
        (b"metadata: a\n\n", None),
        (b"\n\n", None),
    ],
)
def test_data_when_read_from_a_frame_then_as_the_specification_says(frame: bytes, data: bytes | None) -> None:
    assert data_of(frame) == data


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (b"event: error\ndata: a\n\n", True),
        (b"event:error\r\ndata: a\r\n\r\n", True),
        (b"data: a\revent: error \t\r\r", True),
        (b"data: event: error\nid: 1\nevent: error\n\n", True),
        (b"event: x\ndata: error\n\n", False),
        (b"event: errors\ndata: a\n\n", False),
        (b"event:  error\ndata: a\n\n", False),
        (b"data: event: error\n\n", False),
        (b"event: error", False),
    ],
)
def test_frame_when_its_event_is_named_error_then_known(frame: bytes, named: bool) -> None:
    assert names_error(frame) == named


def test_frame_when_it_is_a_whole_picture_then_its_name_is_found_at_once() -> None:
    frame = b'event: picture\ndata: {"said":"no error","picture":"' + b"QUJD" * (6 * 1024 * 1024) + b'"}\n\n'
    started = thread_time()
    assert not names_error(frame)
    assert thread_time() - started < 0.15


@given(st.binary().filter(lambda data: b"\r" not in data))
@example(b"one\ntwo\n\nthree\n")
@example(b" leading space")
def test_frame_when_made_of_data_then_it_is_one_frame_with_that_data(data: bytes) -> None:
    frame = frame_of(data)
    assert split([frame]) == ([frame], b"")
    assert data_of(frame) == data


@pytest.mark.parametrize("frame", [b": ping\n\n", b":\n: a\r\n\r\n", b"\n", b"\r\n\r", b"\xef\xbb\xbf", b"\xef\xbb\xbf: a\n\n"])
def test_frame_when_it_is_a_comment_then_kept(frame: bytes) -> None:
    assert without_data(frame) == [frame]


@pytest.mark.parametrize("frame", [b"data:\n\n", b"data: \n\n", b"event: ping\n\n", b"id: 7\nretry: 5\r\n\r\n", b": a\ndata\n\n"])
def test_frame_when_clients_would_take_an_empty_event_out_of_it_then_left_out(frame: bytes) -> None:
    assert without_data(frame) == []
