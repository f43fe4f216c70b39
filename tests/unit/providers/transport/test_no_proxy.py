"""Which upstreams does `NO_PROXY` name?"""

from __future__ import annotations

import pytest

from providers.transport import Origin
from providers.transport.no_proxy import NoProxy


@pytest.mark.parametrize(
    ("entries", "host", "port"),
    [
        (["*"], "api.example.com", 443),
        (["example.com"], "example.com", 443),
        (["example.com"], "a.b.EXAMPLE.com.", 443),
        ([".example.com"], "a.example.com", 443),
        ([".example.com"], "example.com", 443),
        (["*.example.com"], "a.example.com", 443),
        (["x, y".replace(",", ""), "localhost 127.0.0.1"], "localhost", 8000),
        (["127.0.0.1"], "127.0.0.1", 8000),
        (["10.0.0.0/8"], "10.1.2.3", 80),
        (["10.1.2.3/8"], "10.9.9.9", 80),
        (["::1"], "::1", 80),
        (["[::1]"], "::1", 80),
        (["[::1]:80"], "::1", 80),
        (["fd00::/8"], "fd12::3", 80),
        (["example.com:8000"], "a.example.com", 8000),
        (["127.0.0.1:8000"], "127.0.0.1", 8000),
        (["VLLM"], "vllm", 8000),
    ],
)
def test_upstream_when_named_then_asked_directly(entries: list[str], host: str, port: int) -> None:
    assert Origin("http", host, port) in NoProxy(entries)


@pytest.mark.parametrize(
    ("entries", "host", "port"),
    [
        ([], "127.0.0.1", 80),
        ([], "localhost", 80),
        (["example.com"], "badexample.com", 443),
        (["a.example.com"], "example.com", 443),
        (["example.com:8000"], "example.com", 443),
        (["127.0.0.1:8000"], "127.0.0.1", 8001),
        (["10.0.0.0/8"], "11.0.0.1", 80),
        (["10.0.0.0/8"], "::1", 80),
        (["10.0.0.0/99", "http://x", "", ":", "[", "1.2.3"], "10.0.0.1", 80),
        (["127"], "127.0.0.1", 80),
        (["localhost"], "127.0.0.1", 80),
    ],
)
def test_upstream_when_not_named_then_asked_through_the_proxy(entries: list[str], host: str, port: int) -> None:
    assert Origin("http", host, port) not in NoProxy(entries)
