"""Are bad keys counted by source, for a minute, and in a bounded memory?"""

from __future__ import annotations

import time

import pytest

from openai_api.limits.guesses import Guesses, source_of


def test_keys_when_there_are_too_many_then_the_rest_of_the_minute_is_told() -> None:
    guesses = Guesses(3)
    assert [guesses.count("192.0.2.1") for _ in range(5)] == [0, 0, 0, 60, 60]
    assert guesses.count("192.0.2.2") == 0


def test_keys_when_there_is_no_limit_then_nothing_is_remembered() -> None:
    guesses = Guesses(0)
    assert [guesses.count("192.0.2.1") for _ in range(5)] == [0] * 5
    assert not guesses._seen


def test_minute_when_it_is_over_then_counted_anew() -> None:
    guesses = Guesses(1, minute=0.05)
    assert (guesses.count("192.0.2.1"), guesses.count("192.0.2.1")) == (0, 1)
    time.sleep(0.06)
    assert (guesses.count("192.0.2.1"), guesses.count("192.0.2.1")) == (0, 1)


def test_sources_when_there_are_too_many_then_the_oldest_is_forgotten() -> None:
    guesses = Guesses(1, sources=2)
    for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):
        guesses.count(peer)
    assert list(guesses._seen) == ["192.0.2.1", "192.0.2.3"]
    assert guesses.count("192.0.2.1") > 0
    assert guesses.count("192.0.2.2") == 0


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_source_when_the_address_is_given_then_what_its_owner_cannot_change(peer: str, source: str) -> None:
    assert source_of(peer) == source
