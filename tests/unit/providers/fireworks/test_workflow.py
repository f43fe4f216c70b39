"""From where may the image of a workflow be fetched, and with what headers?"""

from __future__ import annotations

import pytest

from providers.errors import InvalidResponse
from providers.fireworks.workflow import head_of_sample
from providers.transport import Head, Origin

PUBLIC = Origin("https", "api.fireworks.ai", 443)
KEYED = (("content-type", "application/json"), ("user-agent", "signalbox"), ("authorization", "Bearer fw-key"))


def own(origin: Origin = PUBLIC) -> Head:
    return Head("POST", origin, "/inference/v1/x", KEYED)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/1.png",
        "http://127.0.0.1/1.png",
        "https://[::1]/1.png",
        "https://localhost/1.png",
        "https://a.localhost/1.png",
        "https://10.1.2.3/1.png",
        "https://192.168.0.1/1.png",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/1.png",
        "https://[::ffff:10.0.0.1]/1.png",
        "https://intranet/1.png",
        "http://store.example/1.png",
        "http://api.fireworks.ai/1.png",
        "https:///1.png",
        "not an address",
        "",
    ],
)
def test_address_when_not_public_then_refused(url: str) -> None:
    with pytest.raises(InvalidResponse):
        head_of_sample(url, own())


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://store.example/a/b.png?sig=a%2Bb&se=1", "/a/b.png?sig=a%2Bb&se=1"),
        ("https://store.example", "/"),
        ("https://8.8.8.8:8443/x", "/x"),
        ("https://store.example/a b\u00e9", "/a%20b%C3%A9"),
        ("https://store.example/a\r\nx-evil: 1", "/ax-evil:%201"),
    ],
)
def test_address_when_public_then_fetched_without_the_key(url: str, path: str) -> None:
    head = head_of_sample(url, own())
    assert (head.method, head.origin.scheme, head.path) == ("GET", "https", path)
    assert b"fw-key" not in head.wire


def test_address_when_it_is_the_vendors_own_then_fetched_with_the_key() -> None:
    head = head_of_sample("https://api.fireworks.ai/files/1.png", own())
    assert head.headers == KEYED[1:]
    assert b"fw-key" not in head_of_sample("https://api.fireworks.ai:8443/files/1.png", own()).wire


def test_address_when_on_loopback_then_only_for_a_vendor_that_is_there_too() -> None:
    near = own(Origin("http", "127.0.0.1", 9000))
    assert b"fw-key" not in head_of_sample("http://localhost:9001/1.png", near).wire
    with pytest.raises(InvalidResponse):
        head_of_sample("http://10.0.0.1:9001/1.png", near)
