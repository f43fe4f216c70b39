"""Does a model whose name ends in a star serve the names that begin like it, and no others?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.live import PROVIDER_KEY, LiveGateway, body, error_of
from tests.live_fixtures import StartGateway

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "upstream",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def answered(seen: Seen) -> Said:
    return said(ANSWER)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Vendor]:
    with vendor({"/v1/chat/completions": answered, "/openai/deployments/eu-4o/chat/completions": answered}) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def wild(start_gateway: StartGateway, upstream: Vendor) -> LiveGateway:
    gateway = start_gateway()
    providers = [
        {"name": "all", "type": "openai_compatible", "api_base": f"{upstream.base}/v1", "api_key": PROVIDER_KEY},
        {"name": "azure", "type": "azure_openai", "api_base": upstream.base, "api_key": PROVIDER_KEY},
    ]
    models: list[dict[str, Any]] = [
        {"name": "openai/*", "routes": [{"provider": "all", "upstream_model": "*"}], "capabilities": ["chat", "embedding"]},
        {"name": "openai/gpt-4*", "routes": [{"provider": "all", "upstream_model": "four-*"}]},
        {"name": "openai/exact", "routes": [{"provider": "all", "upstream_model": "one"}]},
        {"name": "openai/off", "routes": [{"provider": "all", "upstream_model": "off"}], "enabled": False},
        {"name": "openai/old-*", "routes": [{"provider": "all", "upstream_model": "*"}], "enabled": False},
        {"name": "azure/*", "routes": [{"provider": "azure", "upstream_model": "eu-*"}]},
        {"name": "any/*", "routes": [{"provider": "all", "upstream_model": "always"}]},
        {"name": "spare/*", "routes": [{"provider": "all", "upstream_model": "*"}], "fallbacks": ["openai/exact"]},
    ]
    gateway.operator.define(providers, models)
    gateway.wait_visible("openai/*", "openai/exact", "azure/*")
    return gateway


@pytest.mark.parametrize(
    ("asked", "upstream_model"),
    [
        ("openai/o3", "o3"),
        ("openai/meta/llama 3:free", "meta/llama 3:free"),
        ("openai/gpt-4o", "four-o"),
        ("openai/gpt-4", "four-"),
        ("openai/exact", "one"),
        ("any/thing", "always"),
        ("tensorzero::model_name::openai/o3", "o3"),
    ],
)
def test_name_when_a_pattern_fits_is_asked_of_the_longest(
    asked: str, upstream_model: str, wild: LiveGateway, upstream: Vendor
) -> None:
    answer = wild.chat(asked)
    assert (answer.status_code, answer.json()["model"]) == (200, asked)
    assert upstream.last.json["model"] == upstream_model


def test_deployment_of_a_pattern_stands_in_the_path(wild: LiveGateway, upstream: Vendor) -> None:
    assert wild.chat("azure/4o").status_code == 200
    assert upstream.last.path.startswith("/openai/deployments/eu-4o/chat/completions")


@pytest.mark.parametrize(
    "asked",
    [
        "openai/",
        "openai",
        "other/o3",
        "openai/off",
        "openai/old-3",
        "openai/../admin",
        "openai/a?b=1",
        "openai/a#b",
        "openai/a\\b",
        "openai/a\nb",
        "openai/" + "x" * 300,
        "openai/*",
    ],
)
def test_name_when_no_pattern_may_serve_it_is_not_found(asked: str, wild: LiveGateway, upstream: Vendor) -> None:
    before = len(upstream.seen)
    assert error_of(wild.chat(asked))["code"] == "model_not_found"
    assert len(upstream.seen) == before


def test_name_that_the_upstream_does_not_have_is_not_found(wild: LiveGateway, upstream: Vendor) -> None:
    gone = {"message": "The model does not exist", "type": "invalid_request_error", "param": None, "code": "model_not_found"}
    upstream.answers["/v1/chat/completions"] = lambda seen: said({"error": gone}, 404)
    try:
        answer = wild.chat("openai/nobody")
    finally:
        upstream.answers["/v1/chat/completions"] = answered
    assert (answer.status_code, error_of(answer)["code"]) == (404, "model_not_found")


def test_capability_that_the_pattern_lacks_is_named(wild: LiveGateway) -> None:
    answer = wild.http.post("/v1/embeddings", json={"model": "openai/gpt-4o", "input": "a"})
    error = error_of(answer)
    assert error["code"] == "capability_not_supported"
    assert "openai/*" in error["message"]


def test_patterns_are_listed_as_such_and_one_name_has_its_own_card(wild: LiveGateway) -> None:
    assert {"openai/*", "openai/gpt-4*", "openai/exact"} <= (wild.listed() or set())
    assert wild.http.get("/v1/models/openai/o3").json()["id"] == "openai/o3"


def test_key_for_a_pattern_may_use_every_name_that_fits_it_and_no_other(wild: LiveGateway) -> None:
    key = wild.create_key("patterns", "--models", "openai/*")["key"]
    wild.wait_visible("openai/*", key=key)
    codes = {
        name: httpx.post(
            f"{wild.base_url}/v1/chat/completions", json=body(name), headers=wild.headers(key), trust_env=False
        ).status_code
        for name in ("openai/o3", "openai/gpt-4o", "openai/exact", "any/thing", "azure/4o")
    }
    assert codes == {"openai/o3": 200, "openai/gpt-4o": 200, "openai/exact": 200, "any/thing": 404, "azure/4o": 404}
    assert wild.listed(key) == {"openai/*", "openai/gpt-4*", "openai/exact"}


def test_key_for_one_model_may_not_use_the_pattern_around_it(wild: LiveGateway) -> None:
    key = wild.create_key("exact", "--models", "openai/exact")["key"]
    wild.wait_visible("openai/exact", key=key)
    answer = httpx.post(
        f"{wild.base_url}/v1/chat/completions", json=body("openai/o3"), headers=wild.headers(key), trust_env=False
    )
    assert answer.status_code == 404


def test_fallback_of_a_pattern_is_tried_when_its_route_fails(wild: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(ANSWER) if seen.json["model"] == "one" else Said(b"", 503)
    try:
        answer = wild.chat("spare/x")
    finally:
        upstream.answers["/v1/chat/completions"] = answered
    assert (answer.status_code, answer.json()["model"]) == (200, "spare/x")


def test_records_name_the_model_and_metrics_the_pattern(wild: LiveGateway) -> None:
    request_id = wild.chat("openai/counted-once").headers["x-request-id"]
    wild.check_rows()
    (row,) = wild.operator.rows("openai_api.UsageRecord", {"request_id": request_id})
    assert (row["model"], row["upstream_model"]) == ("openai/counted-once", "counted-once")
    metrics = wild.http.get("/metrics").text
    assert 'model="openai/*"' in metrics
    assert "counted-once" not in metrics


def test_pattern_that_is_switched_off_serves_no_name_any_more(wild: LiveGateway) -> None:
    providers = [{"name": "gone", "type": "dummy"}]
    wild.operator.define(providers, [{"name": "gone/*", "routes": [{"provider": "gone", "upstream_model": "echo"}]}])
    wild.wait_visible("gone/*")
    assert wild.chat("gone/x").status_code == 200
    wild.operator.define(providers, [{"name": "gone/*", "routes": [{"provider": "gone"}], "enabled": False}])
    wild._wait_served()
    assert wild.chat("gone/x").status_code == 404
