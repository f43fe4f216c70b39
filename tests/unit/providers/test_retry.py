"""Is the pause that a provider asks for understood in every form, and kept within reason?"""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.retry import BASE_S, backoff, retry_after_of


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({b"retry-after": b"3"}, 3.0),
        ({b"retry-after": b"2.5"}, 2.5),
        ({b"retry-after": b" 4 "}, 4.0),
        ({b"retry-after": b"0"}, 1.0),
        ({b"retry-after": b"-1"}, 1.0),
        ({b"retry-after": b"1000000000"}, 60.0),
        ({b"retry-after": b"inf"}, None),
        ({b"retry-after": b"nan"}, None),
        ({b"retry-after": b"soon"}, None),
        ({b"retry-after": b""}, None),
        ({b"retry-after": b"\xff"}, None),
        ({b"retry-after-ms": b"1500"}, 1.5),
        ({b"retry-after-ms": b"20"}, 1.0),
        ({b"retry-after-ms": b"1e12"}, 60.0),
        ({b"retry-after-ms": b"2000", b"retry-after": b"9"}, 2.0),
        ({b"retry-after-ms": b"text", b"retry-after": b"9"}, 9.0),
        ({b"retry-after": b"Wed, 21 Oct 2015 07:28:00 GMT"}, 1.0),
        ({b"retry-after": b"Fri, 31 Dec 9999 23:59:59 GMT"}, 60.0),
        ({b"retry-after": b"Fri, 99 Foo 9999 99:99:99 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_when_of_this_form_then_these_seconds(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert retry_after_of(list(headers.items())) == seconds


def test_retry_after_when_a_date_to_come_then_the_seconds_until_it() -> None:
    date = formatdate(time.time() + 30, usegmt=True).encode()
    assert retry_after_of([(b"retry-after", date)]) == pytest.approx(30, abs=2)


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_retry_after_when_anything_is_sent_then_none_or_within_bounds(value: bytes, milliseconds: bytes) -> None:
    seconds = retry_after_of([(b"retry-after", value), (b"retry-after-ms", milliseconds)])
    assert seconds is None or 1.0 <= seconds <= 60.0


@given(st.integers(1, 40), st.floats(0, 100))
def test_backoff_when_drawn_then_between_zero_and_the_capped_step(number: int, max_delay_s: float) -> None:
    assert 0.0 <= backoff(number, max_delay_s) <= min(BASE_S * 2 ** (number - 1), max_delay_s)


def test_backoff_when_drawn_often_then_spread_over_the_whole_step() -> None:
    pauses = [backoff(3, 10.0) for _ in range(500)]
    assert min(pauses) < 0.1
    assert max(pauses) > 0.9
