"""Is every request told exactly once, with its tokens, attempts and outcome, and never with a secret?"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body

WRITTEN_WITHIN_S = 2.0


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define(
        "ok", "ok-usage-100-20", "status-503", "status-400", "stream-cut-after-3", "stream-no-usage", "stream-stall-after-3"
    )
    shared_gateway.define_models({"second": [{"upstream_model": "status-500"}, {"upstream_model": "ok"}]})


def rows(gateway: LiveGateway, request_id: str) -> list[dict[str, Any]]:
    """The rows of a request, once there is one."""
    eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", {"request_id": request_id}), WRITTEN_WITHIN_S, 0.05)
    return gateway.operator.rows("openai_api.UsageRecord", {"request_id": request_id})


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "chaos/ok",
        {},
        {"status": 200, "input_tokens": 11, "output_tokens": 3, "cached_tokens": 4, "reasoning_tokens": 2, "tries": 1},
    ),
    ("chaos/ok", {"stream": True}, {"status": 200, "stream": True, "input_tokens": 11, "output_tokens": 3, "estimated": False}),
    ("chaos/ok-usage-100-20", {"stream": True}, {"input_tokens": 100, "output_tokens": 20}),
    ("chaos/stream-no-usage", {"stream": True}, {"status": 200, "estimated": True, "error": None}),
    ("second", {}, {"status": 200, "tries": 2, "model": "second", "upstream_model": "ok", "error": None}),
    ("chaos/status-503", {}, {"status": 503, "tries": 1, "error": "upstream_overloaded", "input_tokens": None}),
    ("chaos/status-400", {}, {"status": 400, "tries": 1, "error": "invalid_value"}),
    (
        "chaos/stream-cut-after-3",
        {"stream": True},
        {"status": 200, "error": "upstream_stream_truncated", "client_aborted": False},
    ),
    ("nope", {}, {"status": 404, "tries": 0, "error": "model_not_found"}),
]


@pytest.mark.parametrize(("model", "fields", "expected"), CASES)
def test_request_when_ended_is_one_row(
    gateway: LiveGateway, model: str, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = gateway.chat(model, **fields)
    (row,) = rows(gateway, answer.headers["x-request-id"])
    assert {name: row[name] for name in expected} == expected
    assert (row["client_name"], row["path"]) == ("tests", "/v1/chat/completions")
    assert row["total_ms"] > 0
    assert gateway.key not in json.dumps(row)


def test_request_when_its_model_has_prices_has_its_cost(gateway: LiveGateway) -> None:
    gateway.define_models({"priced": [{"upstream_model": "ok-usage-100-20"}]}, input_price="2.5", output_price="10")
    for stream in (False, True):
        (row,) = rows(gateway, gateway.chat("priced", stream=stream).headers["x-request-id"])
        assert Decimal(row["cost_usd"]) == Decimal("0.00045")  # 100 of a million at 2.5, 20 of a million at 10
    (row,) = rows(gateway, gateway.chat("chaos/ok").headers["x-request-id"])
    assert row["cost_usd"] is None


def test_request_when_its_first_target_fails_tells_every_try(gateway: LiveGateway) -> None:
    gateway.define_models({"two tries": [{"provider": "dead"}, {"upstream_model": "ok"}]})
    (row,) = rows(gateway, gateway.chat("two tries").headers["x-request-id"])
    first, second = json.loads(row["attempts"])
    assert (first["provider"], first["outcome"], first["failure"]) == ("dead", "upstream_connect_failed", "unreachable")
    assert (second["provider"], second["upstream_model"], second["outcome"]) == ("chaos", "ok", "ok")
    assert row["upstream_ms"] == pytest.approx((first["upstream_s"] + second["upstream_s"]) * 1000)


@pytest.mark.parametrize(
    ("first", "maybe"),
    [
        ({"upstream_model": "reset-before-head"}, True),
        ({"upstream_model": "hang"}, True),
        ({"upstream_model": "html-200"}, True),
        ({"upstream_model": "status-500"}, False),
        ({"provider": "dead"}, False),
    ],
)
def test_request_when_it_may_have_been_served_twice_says_so(gateway: LiveGateway, first: dict[str, Any], maybe: bool) -> None:
    gateway.define_models({"maybe twice": [first, {"upstream_model": "ok"}], "maybe once": [first]}, first_byte_timeout_s=0.4)
    (row,) = rows(gateway, gateway.chat("maybe twice").headers["x-request-id"])
    assert (row["status"], row["tries"], row["possible_duplicate"]) == (200, 2, maybe)
    (row,) = rows(gateway, gateway.chat("maybe once").headers["x-request-id"])
    assert not row["possible_duplicate"]


def test_request_when_the_client_left_is_one_row_with_499(gateway: LiveGateway) -> None:
    request = body("chaos/stream-stall-after-3", stream=True)
    with gateway.http.stream("POST", "/v1/chat/completions", json=request, headers={"x-request-id": "left-early"}) as response:
        next(response.iter_lines())
    (row,) = rows(gateway, "left-early")
    assert (row["status"], row["client_aborted"], row["estimated"]) == (499, True, True)
    assert row["output_tokens"] > 0


def test_request_when_the_key_is_refused_is_no_row_and_tells_no_key(gateway: LiveGateway) -> None:
    headers = {"authorization": "Bearer sk-refused-canary-1f2e3d4c", "x-request-id": "refused"}
    assert httpx.get(f"{gateway.base_url}/v1/models", headers=headers, trust_env=False).status_code == 401
    after = gateway.chat("chaos/ok").headers["x-request-id"]
    assert rows(gateway, after)
    assert gateway.operator.rows("openai_api.UsageRecord", {"request_id": "refused"}) == []
    assert "refused-canary" not in gateway.settled_log()


def test_access_log_when_on_has_one_line_for_a_request(gateway: LiveGateway) -> None:
    request_id = gateway.chat("second").headers["x-request-id"]
    gateway.wait_logged(request_id)
    (line,) = [json.loads(line) for line in gateway.log_text().splitlines() if request_id in line]
    assert (line["status"], line["model"], line["key"]) == (200, "second", "tests")
    assert len(line["attempts"]) == 2


def test_metrics_when_scraped_count_the_requests(gateway: LiveGateway) -> None:
    gateway.chat("chaos/ok")
    page = httpx.get(f"{gateway.base_url}/metrics", trust_env=False)
    assert page.status_code == 200
    assert "chaos/ok" in page.text
    assert gateway.key not in page.text
