"""Are AWS's event streams cut, checked and read as AWS's own library does it?"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID
from zlib import crc32

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from providers.bytes.event_stream import AWS_EVENTS, EventStreamSplitter, Header, event_frame, frame_of, message_of, read
from providers.errors import InvalidResponse, StreamTruncated

HEADERS: dict[str, Header] = {
    "yes": True,
    "no": False,
    "number": -(2**40),
    "data": b"\x00\xff",
    "text": "é模😀",
    "time": datetime(2026, 11, 29, 12, 0, 0, 5000, tzinfo=UTC),
    "id": UUID("12345678-1234-5678-1234-567812345678"),
}
ONE = event_frame("contentBlockDelta", b'{"delta":{"text":"a"}}')
texts, ids = st.text(max_size=20), st.uuids().map(lambda made: UUID(bytes=made.bytes))
values = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=50), texts, ids)
frames = st.builds(
    frame_of,
    st.binary(max_size=200),
    st.dictionaries(st.text(min_size=1, max_size=20).filter(lambda name: len(name.encode()) < 256), values, max_size=5),
)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(stream) + 1) for place in places)
    return [stream[a:b] for a, b in pairwise([0, *ends, len(stream)])]


@given(st.lists(frames, max_size=5), st.lists(st.integers(0, 10**6), max_size=8))
def test_stream_when_cut_anywhere_then_its_frames_are_those_that_were_sent(sent: list[bytes], places: list[int]) -> None:
    splitter = EventStreamSplitter()
    found = [frame for chunk in cut(b"".join(sent), places) for frame in splitter.feed(chunk)]
    assert found == sent
    assert splitter.waiting == 0
    assert splitter.rest() == b""


@given(frames)
def test_frame_when_read_then_as_the_library_of_aws_reads_it(frame: bytes) -> None:
    theirs = EventStreamBuffer()
    theirs.add_data(frame)
    (event,) = list(theirs)
    headers, payload = message_of(frame)
    said = {name: value.bytes if isinstance(value, UUID) else value for name, value in headers.items()}
    assert said == event.headers
    assert payload == event.payload


def test_headers_when_of_all_types_then_they_come_back() -> None:
    assert message_of(frame_of(b"{}", HEADERS)) == (HEADERS, b"{}")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [(2, b"\xff", -1), (3, b"\xff\xfe", -2), (4, b"\x00\x00\x01\x00", 256)],
)
def test_header_when_a_short_number_then_it_is_read(kind: int, value: bytes, expected: int) -> None:
    assert message_of(made_of(b"\x01n" + bytes((kind,)) + value)).headers == {"n": expected}


def made_of(headers: bytes, payload: bytes = b"{}") -> bytes:
    """A frame of these bytes of headers, with good CRCs."""
    begun = (16 + len(headers) + len(payload)).to_bytes(4) + len(headers).to_bytes(4)
    frame = begun + crc32(begun).to_bytes(4) + headers + payload
    return frame + crc32(frame).to_bytes(4)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"\x05ab", id="name cut off"),
        pytest.param(b"\x01a", id="no type"),
        pytest.param(b"\x01a\x0a", id="unknown type"),
        pytest.param(b"\x01a\x07\x00\x05ab", id="text cut off"),
        pytest.param(b"\x01a\x05\x00\x00", id="number cut off"),
        pytest.param(b"\x01a\x09" + bytes(8), id="id cut off"),
        pytest.param(b"\x01a\x08" + b"\x7f" * 8, id="time out of range"),
        pytest.param(b"\x01\xff\x00", id="name not UTF-8"),
        pytest.param(b"\x01a\x07\x00\x01\xff", id="text not UTF-8"),
    ],
)
def test_headers_when_malformed_then_the_answer_is_invalid(headers: bytes) -> None:
    (frame,) = EventStreamSplitter().feed(made_of(headers))
    with pytest.raises(InvalidResponse):
        message_of(frame)


def taken(stream: bytes) -> list[bytes]:
    """The frames of a whole stream."""
    splitter = EventStreamSplitter()
    return splitter.feed(stream) + ([rest] if (rest := splitter.rest()) else [])


@given(frames, st.integers(0, 10**6), st.integers(1, 255))
def test_frame_when_a_byte_is_another_then_never_taken(frame: bytes, place: int, change: int) -> None:
    broken = bytearray(frame)
    broken[place % len(frame)] ^= change
    with pytest.raises(InvalidResponse):
        taken(bytes(broken))


@pytest.mark.parametrize("place", [8, -1], ids=["of the beginning", "of the whole"])
def test_crc_when_wrong_then_told_after_the_frames_before_it(place: int) -> None:
    broken = bytearray(ONE)
    broken[place] ^= 1
    splitter = EventStreamSplitter()
    assert splitter.feed(ONE + ONE + bytes(broken) + ONE) == [ONE, ONE]
    with pytest.raises(InvalidResponse, match="CRC"):
        splitter.feed(ONE)
    with pytest.raises(InvalidResponse, match="CRC"):
        splitter.rest()


@pytest.mark.parametrize("length", [1, 11, 12, len(ONE) - 1])
def test_stream_when_it_ends_within_a_frame_then_truncated(length: int) -> None:
    splitter = EventStreamSplitter()
    assert splitter.feed(ONE + ONE[:length]) == [ONE]
    assert splitter.waiting == length
    with pytest.raises(StreamTruncated):
        splitter.rest()


def test_frame_when_longer_than_the_limit_then_refused_by_its_beginning() -> None:
    frame = frame_of(bytes(1000), {})
    with pytest.raises(InvalidResponse, match="too long"):
        EventStreamSplitter(limit=1000).feed(frame[:12])
    assert EventStreamSplitter(limit=len(frame)).feed(frame) == [frame]


@pytest.mark.parametrize(("total", "headers"), [(15, 0), (20, 5), (2**20, 128 * 1024 + 1)])
def test_lengths_when_they_do_not_fit_then_refused_by_the_beginning(total: int, headers: int) -> None:
    begun = total.to_bytes(4) + headers.to_bytes(4)
    with pytest.raises(InvalidResponse, match="lengths"):
        EventStreamSplitter().feed(begun + crc32(begun).to_bytes(4))


def test_event_when_read_then_its_data_and_its_name() -> None:
    assert read(ONE) == (b'{"delta":{"text":"a"}}', "contentBlockDelta")


@given(st.one_of(frames, st.builds(event_frame, texts, st.binary(max_size=20), st.sampled_from(["event", "exception"]))))
def test_frame_when_looked_at_as_one_of_a_framing_then_as_it_is_read(frame: bytes) -> None:
    assert (AWS_EVENTS.data_of(frame), AWS_EVENTS.name_of(frame)) == read(frame)


def test_frame_when_its_data_is_changed_then_its_headers_stay() -> None:
    changed = AWS_EVENTS.with_data(ONE, b"", b"{}")
    assert message_of(changed) == (message_of(ONE).headers, b"{}")
    assert AWS_EVENTS.last(b"") == b""
    assert AWS_EVENTS.data_of(b"") is None


def test_exception_when_read_then_named_by_its_type() -> None:
    frame = event_frame("throttlingException", b'{"message":"slow down"}', "exception")
    assert read(frame) == (b'{"message":"slow down"}', "throttlingException")


def test_error_when_read_then_code_and_message_are_its_data() -> None:
    frame = frame_of(b"", {":message-type": "error", ":error-code": "500", ":error-message": "it broke"})
    data, name = read(frame)
    assert name == "error"
    assert msgspec.json.decode(data) == {"code": "500", "message": "it broke"}


def test_frame_when_without_headers_then_it_has_no_name() -> None:
    assert read(frame_of(b"{}", {})) == (b"{}", "")
