"""Are the bytes of a request exactly those that were asked for?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import AdapterFailed
from providers.transport import Head, Origin, UpstreamRequest
from providers.transport.request import render, render_head
from providers.types import Timeouts

ORIGIN = Origin("https", "api.example.test", 443)


def request(body: bytes, *headers: tuple[bytes, bytes], method: str = "POST") -> UpstreamRequest:
    return UpstreamRequest(Head(method, ORIGIN, "/v1", (("x-a", "1"),)), body, Timeouts(1, 1, 1, 1), headers)


def test_request_with_a_body_has_head_own_headers_length_and_body() -> None:
    assert render(request(b"{}", (b"x-b", b"2"), (b"x-c", b"3"))) == (
        b"POST /v1 HTTP/1.1\r\nhost: api.example.test\r\nx-a: 1\r\nx-b: 2\r\nx-c: 3\r\ncontent-length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_request_that_may_have_a_body_but_has_none_says_so(method: str) -> None:
    assert render(request(b"", method=method)).endswith(b"x-a: 1\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_request_without_a_body_ends_with_its_headers(method: str) -> None:
    assert render(request(b"", method=method)).endswith(b"x-a: 1\r\n\r\n")


@pytest.mark.parametrize("method", ["HEAD", "CONNECT"])
def test_request_whose_answer_could_not_be_framed_is_refused(method: str) -> None:
    with pytest.raises(AdapterFailed):
        render(request(b"", method=method))


values = st.binary(max_size=20)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=4))
def test_header_with_a_line_break_is_refused_and_no_other(headers: list[tuple[bytes, bytes]]) -> None:
    bad = any(mark in part for header in headers for part in header for mark in (b"\r", b"\n", b"\0"))
    try:
        head = render_head(request(b"{}", *headers))
    except AdapterFailed:
        assert bad
    else:
        assert not bad
        assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == 5 + len(headers)
