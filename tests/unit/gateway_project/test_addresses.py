"""Is an address shown, judged and bound rightly?"""

from __future__ import annotations

import socket

import pytest

from gateway_project import addresses


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:3000"),
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("", "http://127.0.0.1:3000"),
        ("::", "http://[::1]:3000"),
        ("::1", "http://[::1]:3000"),
        ("gateway.local", "http://gateway.local:3000"),
    ],
)
def test_base_url_when_made_then_programs_on_this_machine_can_use_it(host: str, url: str) -> None:
    assert addresses.base_url(host, 3000) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_is_loopback_when_only_this_machine_reaches_it_then_true(host: str) -> None:
    assert addresses.is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.7", "2001:db8::1", "no.such.host.invalid"])
def test_is_loopback_when_others_may_reach_it_or_nobody_knows_then_false(host: str) -> None:
    assert not addresses.is_loopback(host)


def test_listen_when_the_port_is_free_then_connections_are_accepted() -> None:
    with addresses.listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), timeout=2):
        pass


def test_listen_when_the_port_is_taken_then_it_fails() -> None:
    with addresses.listen("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        addresses.listen("127.0.0.1", listener.getsockname()[1])
