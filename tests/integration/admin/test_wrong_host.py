"""Does somebody who opens the admin under a name that is not allowed learn what to do?"""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/login/", "/ui", "/nowhere"])
@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("gateway.corp.example", "gateway.corp.example"),
        ("192.0.2.7:3000", "192.0.2.7"),
        ("[2001:db8::1]:3000", "[2001:db8::1]"),
        ("a_b.example", "a_b.example"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * 300, "x" * 255),
        ("\x80", "(not a valid name)"),
        ("a\tb", "(not a valid name)"),
    ],
)
def test_page_when_the_host_is_not_allowed_then_text_names_it_and_the_setting(
    client: Client, path: str, host: str, named: str
) -> None:
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    text = answer.content.decode()
    assert f"under the host name {named}.\n" in text
    assert "GATEWAY_ALLOWED_HOSTS" in text
