"""Is a stream of JSON lines cut into frames without losing or changing a byte?"""

from __future__ import annotations

from itertools import pairwise
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.bytes.ndjson import LineSplitter, data_of, frame_of, with_data
from providers.bytes.sse import MAX_FRAME_BYTES
from providers.errors import InvalidResponse

CORPUS = {
    "lf": b'{"a":1}\n{"b":2}\n',
    "crlf": b'{"a":1}\r\n{"b":2}\r\n',
    "bom": b'\xef\xbb\xbf{"a":1}\n{"b":2}\n',
    "blank lines": b'\n\n{"a":1}\n\r\n\n{"b":2}\n\n',
    "no end": b'{"a":1}\n{"b":2}',
    "utf-8": '{"a":"é模😀"}\n{"b":2}\n'.encode(),
    "not utf-8": b'{"a":"\xff"}\n{"b":2}\n',
    "cr alone": b'{"a":\r1}\n{"b":2}\n',
    "empty": b"",
}


def split(chunks: list[bytes]) -> tuple[list[bytes], bytes]:
    splitter = LineSplitter()
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    return frames, splitter.rest()


def check(stream: bytes, chunks: list[bytes]) -> None:
    frames, rest = split(chunks)
    assert b"".join(frames) + rest == stream
    assert all(frame.endswith(b"\n") and b"\n" not in frame[:-1] for frame in frames)
    assert b"\n" not in rest


@pytest.mark.parametrize("stream", CORPUS.values(), ids=CORPUS)
def test_lines_when_cut_at_any_two_places_then_joined_they_are_the_stream(stream: bytes) -> None:
    check(stream, [stream])
    check(stream, [stream[i : i + 1] for i in range(len(stream))])
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            check(stream, [stream[:first], stream[first:second], stream[second:]])


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"{}", b" ", "é".encode(), b"[1]\n"]), max_size=12), st.data())
def test_lines_when_random_and_cut_anywhere_then_joined_they_are_the_stream(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    check(stream, [stream[a:b] for a, b in pairwise([0, *places, len(stream)])])


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        (b'{"a":1}\n', b'{"a":1}'),
        (b' {"a":1} \r\n', b'{"a":1}'),
        (b'\xef\xbb\xbf{"a":1}\n', b'{"a":1}'),
        (b'{"a":1}', b'{"a":1}'),
        (b"\n", None),
        (b" \t\r\n", None),
        (b"", None),
    ],
)
def test_data_when_a_line_has_some_then_it_is_that_without_space(frame: bytes, data: bytes | None) -> None:
    assert data_of(frame) == data


def test_line_when_its_text_is_changed_then_its_end_stays() -> None:
    assert with_data(b' {"a":1}\r\n', b'{"a":1}', b'{"a":2}') == b' {"a":2}\r\n'


@pytest.mark.parametrize("data", [b'{"a":1}', b'{\n "a":1\n}', b'{"a":\r\n1}'])
def test_line_when_made_of_any_json_text_then_it_is_one(data: bytes) -> None:
    made = frame_of(data)
    assert LineSplitter().feed(made) == [made]
    assert made.count(b"\n") == 1


@pytest.mark.parametrize("chunk", [b"x" * 11, b"x" * 11 + b"\n", b"{}\n" + b"x" * 11])
def test_line_when_over_the_limit_then_it_is_refused_and_not_held(chunk: bytes) -> None:
    splitter = LineSplitter(10)
    with pytest.raises(InvalidResponse):
        splitter.feed(chunk)
    assert splitter.waiting == 0
    assert splitter.feed(b"{}\n") == [b"{}\n"]


def test_line_when_as_long_as_the_limit_then_it_is_taken() -> None:
    splitter = LineSplitter(10)
    assert splitter.feed(b"x" * 9) == []
    assert splitter.waiting == 9
    assert splitter.feed(b"\n") == [b"x" * 9 + b"\n"]
    assert MAX_FRAME_BYTES >= 2**26


def test_long_line_when_it_comes_in_small_pieces_then_it_is_not_searched_again_for_each() -> None:
    def seconds(pieces: int) -> float:
        splitter = LineSplitter()
        start = thread_time()
        for _ in range(pieces):
            splitter.feed(b"x" * 256)
        splitter.feed(b"\n")
        return thread_time() - start

    seconds(100)
    assert min(seconds(16_000) for _ in range(3)) < 40 * max(min(seconds(1_000) for _ in range(3)), 1e-4)
