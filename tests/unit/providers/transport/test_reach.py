"""Does a name lead only to where it may?"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from providers.errors import AddressRefused
from providers.transport import Transport
from providers.transport.httpx_transport import HttpxTransport
from providers.transport.reach import Reach
from providers.transport.slim import SlimTransport
from tests.unit.providers.transport.conftest import CONTEXT
from tests.unit.providers.transport.scripted import OK, ScriptedServer, answering, request_to

NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",
    "::",
    "::ffff:0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "ff02::1",
]
PRIVATE = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.8.9.1",
    "::1",
    "100.64.0.1",
    "fd12::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "192.0.2.1",
    "198.18.0.1",
    "240.0.0.1",
    "2001:db8::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
NAMED_PRIVATE = [
    "localhost",
    "vllm",
    "api.local",
    "db.corp.internal",
    "nas.lan",
    "x.home.arpa",
    "gpu.default.svc",
    "a.test",
    "A.LOCAL.",
]
NAMED_PUBLIC = ["api.openai.com", "internal.example.com", "localhost.example", "127.0.0.1.nip.io", "notlocal.xlocal", "10.1"]


@pytest.mark.parametrize("allowed", [(), ("*",), ("169.254.0.0/16",)])
@pytest.mark.parametrize("address", NEVER)
def test_address_when_no_upstream_may_have_it_is_refused_under_every_name(address: str, allowed: tuple[str, ...]) -> None:
    assert all(Reach(allowed).refuses(host, address) for host in [address, *NAMED_PRIVATE, *NAMED_PUBLIC])


@pytest.mark.parametrize("address", PRIVATE)
def test_address_when_private_is_refused_under_public_names_only(address: str) -> None:
    reach = Reach()
    assert all(reach.refuses(host, address) for host in NAMED_PUBLIC)
    assert not any(reach.refuses(host, address) for host in [address, *NAMED_PRIVATE])


@pytest.mark.parametrize("address", PUBLIC)
def test_address_when_public_is_never_refused(address: str) -> None:
    assert not any(Reach().refuses(host, address) for host in [address, *NAMED_PRIVATE, *NAMED_PUBLIC])


@pytest.mark.parametrize(
    ("allowed", "host", "address", "refused"),
    [
        ("api.openai.com", "API.openai.com", "10.0.0.1", False),
        ("api.openai.com", "eu.api.openai.com", "10.0.0.1", True),
        (".openai.com", "api.openai.com", "10.0.0.1", False),
        (".openai.com", "openai.com", "10.0.0.1", False),
        (".openai.com", "notopenai.com", "10.0.0.1", True),
        ("10.0.0.0/8", "api.openai.com", "10.0.0.1", False),
        ("10.0.0.0/8", "api.openai.com", "::ffff:10.0.0.1", False),
        ("10.0.0.0/8", "api.openai.com", "192.168.0.1", True),
        ("*", "api.openai.com", "10.0.0.1", False),
    ],
)
def test_address_when_private_is_allowed_as_the_operator_says(allowed: str, host: str, address: str, refused: bool) -> None:
    assert Reach([allowed]).refuses(host, address) is refused


@pytest.fixture(params=["slim", "httpx"])
async def looking_up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Makes a transport for which every name resolves to 127.0.0.1."""
    made: list[SlimTransport | HttpxTransport] = []

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def lookup(host: str, port: int, **options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("anyio._core._sockets.getaddrinfo", lookup)

    def make(*allowed: str) -> Transport:
        reach = Reach(allowed)
        made.append(
            SlimTransport(context=CONTEXT, resolve=resolve, reach=reach)
            if request.param == "slim"
            else HttpxTransport(context=CONTEXT, reach=reach)
        )
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


async def test_fetch_from_a_public_name_that_leads_to_a_private_address_sends_nothing(looking_up: Any) -> None:
    async with ScriptedServer(answering(OK)) as server:
        with pytest.raises(AddressRefused, match=r"rebound\.example\.com resolves to 127\.0\.0\.1"):
            await looking_up().fetch(request_to(server, host="rebound.example.com"))
        assert not server.requests


async def test_fetch_from_a_public_name_that_the_operator_has_named_is_answered(looking_up: Any) -> None:
    async with ScriptedServer(answering(OK)) as server:
        reply = await looking_up(".example.com").fetch(request_to(server, host="rebound.example.com"))
        assert reply.body == b"ok"
        assert server.requests
