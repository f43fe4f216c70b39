"""Is an answer read the same however the network cuts it, and are its limits kept?"""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import InvalidResponse, ProtocolViolation, ProviderError, ResponseTooLarge
from providers.transport import MAX_HEADER_BYTES, MAX_HEADERS
from providers.transport.answer import MANY_CHUNKS, MAX_INTERIM, Answer

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def read(*pieces: bytes, whole: bool = True) -> Answer:
    answer = Answer("test:1")
    answer.begin(whole)
    for piece in pieces:
        answer.feed(piece)
        if answer.error:
            break
    return answer


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if end > start]


bodies = st.lists(st.binary(min_size=1, max_size=300), max_size=8)
fields = st.lists(
    st.tuples(
        st.from_regex(r"x-[a-zA-Z0-9-]{1,20}", fullmatch=True),
        st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40),
    ),
    max_size=10,
)
cuts = st.lists(st.integers(0, 10_000), max_size=30)


@given(bodies, fields, cuts, st.sampled_from(["length", "chunked", "trailers", "close"]), st.integers(0, 3))
def test_answer_cut_anywhere_is_read_the_same(
    body: list[bytes], headers: list[tuple[str, str]], places: list[int], framing: str, interim: int
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
    content = b"".join(body)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in body)
    rest = {
        "length": b"Content-Length: %d\r\n\r\n" % len(content) + content,
        "chunked": b"Transfer-Encoding: Chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
        "trailers": b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n",
        "close": b"\r\n" + content,
    }[framing]
    data = b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * interim + b"HTTP/1.1 200 OK\r\n" + lines + rest
    answer = read(*cut(data, places))
    assert answer.error is None
    assert answer.head
    assert answer.status == 200
    assert answer.headers[: len(headers)] == [(name.lower().encode(), value.encode()) for name, value in headers]
    assert answer.size == len(content)
    assert answer.take() == content
    assert answer.size == 0
    if framing == "close":
        assert (answer.complete, answer.until_close, answer.keep) == (False, True, False)
    else:
        assert (answer.complete, answer.until_close, answer.keep) == (True, False, True)


@given(st.lists(st.tuples(bodies, cuts), min_size=2, max_size=4))
def test_answer_after_answer_on_one_connection_keep_apart(exchanges: list[tuple[list[bytes], list[int]]]) -> None:
    answer = Answer("test:1")
    for number, (body, places) in enumerate(exchanges):
        answer.begin(True)
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in body)
        data = CHUNKED.replace(b"\r\n\r\n", b"\r\nx-number: %d\r\n\r\n" % number) + chunks + b"0\r\nx-trailer: 1\r\n\r\n"
        for piece in cut(data, places):
            answer.feed(piece)
        assert (answer.error, answer.complete, answer.take()) == (None, True, b"".join(body))
        assert answer.headers == [(b"transfer-encoding", b"chunked"), (b"x-number", b"%d" % number)]


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: CHUNKED + tail), cuts)
def test_anything_is_read_without_raising_and_the_same_however_it_is_cut(data: bytes, places: list[int]) -> None:
    at_once, in_pieces = read(data), read(*cut(data, places))
    assert type(at_once.error) is type(in_pieces.error)
    assert (at_once.complete, at_once.head) == (in_pieces.complete, in_pieces.head)
    assert at_once.take() == in_pieces.take()


@given(cuts, st.sampled_from([OK, b"x", b"HTTP/1.1 200 OK\r\ncontent-le"]))
def test_bytes_behind_the_end_are_an_error_and_never_content(places: list[int], surplus: bytes) -> None:
    answer = read(*cut(OK + surplus, places))
    assert isinstance(answer.error, ProtocolViolation)
    assert not answer.complete
    assert answer.take() == b"ok"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\n\r\n", InvalidResponse),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: identity, gzip\r\n\r\n", InvalidResponse),
        (b"HTTP/1.1 101 Switching\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 101 Switching\r\n\r\n" + OK, ProtocolViolation),
        (b"HTTP/1.1 104 Odd\r\ncontent-length: 3\r\n\r\nabc" + OK, ProtocolViolation),
        (b"HTTP/1.1 100 Continue\r\ntransfer-encoding: chunked\r\n\r\n" + OK, ProtocolViolation),
        (b"HTTP/1.1 099 Odd\r\n\r\n" + OK, ProtocolViolation),
        (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nok", ProtocolViolation),
        (b"220 mail.example.com ESMTP\r\n", ProtocolViolation),
        (b"<html>", ProtocolViolation),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1) + OK, ProtocolViolation),
    ],
)
def test_answer_against_the_rules_is_an_error(data: bytes, error: type[ProviderError]) -> None:
    assert type(read(data).error) is error
    assert type(read(*[data[index : index + 1] for index in range(len(data))]).error) is error


def test_answer_after_as_many_interim_answers_as_are_allowed_is_read() -> None:
    answer = read(b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_INTERIM + OK)
    assert (answer.error, answer.status, answer.take()) == (None, 200, b"ok")


def head_of(size: int) -> bytes:
    """A head whose headers count `size` bytes, as name, value and four more each."""
    length = b"content-length: 2\r\n"
    return b"HTTP/1.1 200 OK\r\n" + length + b"x: " + b"a" * (size - len(length) - 5) + b"\r\n\r\n"


@pytest.mark.parametrize("step", [1_000_000, 10_000])
def test_head_as_long_as_allowed_is_read_and_a_longer_one_is_refused(step: int) -> None:
    fits = head_of(MAX_HEADER_BYTES if step > MAX_HEADER_BYTES else MAX_HEADER_BYTES - 100) + b"ok"
    over = head_of(MAX_HEADER_BYTES + 1) + b"ok"
    assert read(*[fits[at : at + step] for at in range(0, len(fits), step)]).error is None
    assert isinstance(read(*[over[at : at + step] for at in range(0, len(over), step)]).error, ProtocolViolation)


def test_as_many_headers_as_allowed_are_read_and_one_more_is_refused() -> None:
    fits = b"HTTP/1.1 200 OK\r\n" + b"x: a\r\n" * (MAX_HEADERS - 1) + b"content-length: 2\r\n\r\nok"
    assert len(read(fits).headers) == MAX_HEADERS
    assert isinstance(read(fits.replace(b"x: a\r\n", b"x: a\r\nx: a\r\n", 1)).error, ProtocolViolation)


@pytest.mark.parametrize("flood", [b"x-trailer: 1\r\n", b"x-" + b"a" * 998])
def test_flood_of_trailers_is_cut(flood: bytes) -> None:
    pieces = [CHUNKED + b"2\r\nok\r\n0\r\n"] + [flood] * (2 * MAX_HEADER_BYTES // len(flood))
    assert isinstance(read(*pieces).error, ProtocolViolation)


def test_flood_of_chunk_extensions_is_cut() -> None:
    pieces = [CHUNKED + b"2;x="] + [b"a" * 1000] * 70
    assert isinstance(read(*pieces).error, ProtocolViolation)


def test_pauses_in_the_content_however_many_are_not_a_flood() -> None:
    pieces = [CHUNKED, *[b"1", b"\r\n", b"x", b"\r\n"] * (MAX_HEADER_BYTES // 2), b"0\r\n\r\n"]
    answer = read(*pieces)
    assert (answer.error, answer.complete, len(answer.take())) == (None, True, MAX_HEADER_BYTES // 2)


def test_tiny_chunks_take_little_more_memory_than_they_hold() -> None:
    answer = Answer("test:1")
    answer.begin(True)
    answer.feed(CHUNKED)
    batch = b"2\r\nab\r\n" * 1000
    tracemalloc.start()
    for _ in range(500):
        answer.feed(batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(answer.chunks) < 2 * MANY_CHUNKS
    assert peak < 2_500_000
    assert answer.take() == b"ab" * 500_000


def test_whole_answer_over_the_cap_is_refused_and_a_stream_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.transport.answer.MAX_REPLY_BYTES", 10)
    long = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n" + b"x" * 11
    assert isinstance(read(long).error, ResponseTooLarge)
    assert isinstance(read(*[long[index : index + 1] for index in range(len(long))]).error, ResponseTooLarge)
    assert isinstance(read(long[:-11]).error, ResponseTooLarge)
    assert read(long, whole=False).error is None
    assert read(long.replace(b"11", b"10")[:-1]).error is None
