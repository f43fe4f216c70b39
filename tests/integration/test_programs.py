"""Which program has asked? By what it says of itself, in the row of its request and nowhere else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body


@pytest.fixture(autouse=True)
def defined(gateway: LiveGateway) -> None:
    gateway.define("ok")


def ask(gateway: LiveGateway, **headers: str) -> httpx.Response:
    named = {**gateway.headers(), **{name.replace("_", "-"): value for name, value in headers.items()}}
    url = f"{gateway.base_url}/v1/chat/completions"
    return httpx.post(url, json=body("chaos/ok"), headers=named, trust_env=False, timeout=10)


def row_of(gateway: LiveGateway, answer: httpx.Response) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = gateway.operator.rows("openai_api.UsageRecord", {"request_id": answer.headers["x-request-id"]})
        return bool(found)

    assert eventually(look, 5, 0.1)
    return found[0]


@pytest.mark.parametrize(
    ("headers", "app"),
    [
        ({"x_title": "My app"}, "My app"),
        ({"x_openrouter_title": "My other app", "http_referer": "https://a.test/x"}, "My other app"),
        ({"http_referer": "https://user:secret@app.test/path?token=secret"}, "https://app.test"),
        ({"x_app": "cli"}, "cli"),
        ({"x_title": "x" * 500}, "x" * 200),
        ({}, None),
    ],
    ids=["title", "other_title", "referer", "kind", "long", "none"],
)
def test_program_when_it_says_its_name_then_the_row_has_it_and_no_upstream(
    headers: dict[str, str], app: str | None, gateway: LiveGateway
) -> None:
    answer = ask(gateway, user_agent="agent/1.0", **headers)
    row = row_of(gateway, answer)
    assert (row["app"], row["user_agent"]) == (app, "agent/1.0")
    seen = {name.lower() for name, _ in gateway.chaos.log()[-1]["headers"]}
    assert not seen & {"x-title", "x-openrouter-title", "http-referer", "x-app"}


def test_program_when_it_puts_its_key_into_its_name_then_it_is_not_recorded(gateway: LiveGateway) -> None:
    answer = ask(gateway, x_title=f"app {gateway.key}", user_agent=gateway.key)
    row = row_of(gateway, answer)
    assert (row["app"], row["user_agent"]) == ("app ***", "***")
