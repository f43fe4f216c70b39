"""Whose address counts when a proxy stands in front?"""

from __future__ import annotations

import ipaddress

import pytest

from gateway_project.client_address import client_address, counted_as

TRUSTED = [ipaddress.ip_network(network) for network in ("10.0.0.0/8", "::1", "127.0.0.1")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # nobody trusts the one who says so
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.5", "203.0.113.1, 198.51.100.7", "198.51.100.7"),  # the first is what the client made up
        ("10.0.0.5", "198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("10.0.0.5", "10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("10.0.0.5", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.5", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.5", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.5", "::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.5", "198.51.100.7", "198.51.100.7"),
        ("::1", " 198.51.100.7 ", "198.51.100.7"),
        ("10.0.0.5", "198.51.100.7, unknown", "10.0.0.5"),
        ("10.0.0.5", "198.51.100.7,", "10.0.0.5"),
        ("10.0.0.5", "1" * 5000, "10.0.0.5"),
        ("fe80::1%eth0", "", "fe80::1"),
    ],
)
def test_address_when_forwarded_then_it_is_the_last_that_no_trusted_proxy_has(peer: str, forwarded: str, client: str) -> None:
    found = client_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}, TRUSTED)
    assert str(found) == client


def test_address_when_the_server_does_not_know_it_then_none() -> None:
    assert client_address({}, TRUSTED) is None
    assert counted_as(None) is None


def test_addresses_when_counted_then_those_of_one_ipv6_network_are_one() -> None:
    one, other = (counted_as(ipaddress.ip_address(text)) for text in ("2001:db8:1:2::7", "2001:db8:1:2:ffff::9"))
    assert one == other == "2001:db8:1:2::"
    assert counted_as(ipaddress.ip_address("192.0.2.7")) == "192.0.2.7"
