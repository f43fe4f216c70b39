"""Is a response found again that a fallback model, or one of several routes, has made?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.vendor import Seen, Vendor, said, vendor
from tests.integration.test_responses import NATIVE, UPSTREAM_ID, at
from tests.live import PROVIDER_KEY, LiveGateway, error_of

ITEMS = {"object": "list", "data": [], "has_more": False}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"f/native": ("up-native", ["responses"])}, name="fallback native")
        providers = [
            {"name": "fallback down", "type": "deepseek", "api_base": shared_gateway.dead_url, "api_key": PROVIDER_KEY},
            {"name": "fallback forgetful", "type": "groq", "api_base": base, "api_key": PROVIDER_KEY},
            {"name": "fallback keeps", "type": "openai", "api_base": base, "api_key": PROVIDER_KEY},
        ]
        down = [{"provider": "fallback down", "upstream_model": "up-down"}]
        mixed = [
            {"provider": "fallback forgetful", "upstream_model": "up-forgetful"},
            {"provider": "fallback keeps", "upstream_model": "up-keeps"},
        ]
        common = {"num_retries": 0, "capabilities": ["responses"]}
        models = [
            {"name": "f/falls", **common, "routes": down, "fallbacks": ["f/native"]},
            {"name": "f/mixed", **common, "routes": mixed},
        ]
        shared_gateway.operator.define(providers, models)
        shared_gateway.wait_visible("f/falls", "f/mixed")
        yield upstream


@pytest.fixture(autouse=True)
def _fresh(upstream: Vendor) -> None:
    upstream.answers.clear()
    upstream.seen.clear()
    upstream.answers |= {"/v1/responses": lambda seen: said(NATIVE), at("/input_items"): lambda seen: said(ITEMS)}
    upstream.answers |= {at(path): lambda seen: said(NATIVE) for path in ("", "/cancel")}


@pytest.fixture
def only(gateway: LiveGateway) -> Iterator[httpx.Client]:
    """A client whose key may use the model that falls over, and not the one that it falls to."""
    made = gateway.create_key("falls only", "--models", "f/falls")
    gateway.wait_visible("f/falls", key=made["key"])
    with httpx.Client(base_url=gateway.base_url, headers=gateway.headers(made["key"]), trust_env=False) as client:
        yield client


def create(client: httpx.Client, model: str = "f/falls", **fields: Any) -> httpx.Response:
    return client.post("/v1/responses", json={"model": model, "input": "hi", **fields})


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/cancel"), ("GET", "/input_items"), ("DELETE", "")])
def test_response_of_a_fallback_model_when_asked_for_again_is_found(
    method: str, path: str, only: httpx.Client, upstream: Vendor
) -> None:
    made = create(only).json()
    answer = only.request(method, f"/v1/responses/{made['id']}{path}")
    assert answer.status_code == 200, answer.text
    assert (upstream.last.method, upstream.last.path) == (method, at(path))
    if path != "/input_items":
        assert answer.json()["id"] == made["id"]
        assert answer.json()["model"] == "f/falls"


def test_response_of_a_fallback_model_when_the_key_may_use_all_tells_the_model_that_was_asked_for(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    for model in ("f/falls", "f/native", "tensorzero::model_name::f/native"):
        made = create(gateway.http, model).json()
        found = gateway.http.get(f"/v1/responses/{made['id']}").json()
        assert (found["id"], found["model"], made["model"]) == (made["id"], model, model)


def test_response_of_a_fallback_model_when_continued_goes_to_the_upstream_that_has_it(
    only: httpx.Client, upstream: Vendor
) -> None:
    made = create(only).json()["id"]
    asked = len(upstream.seen)
    answer = create(only, previous_response_id=made)
    assert answer.status_code == 200, answer.text
    assert [(seen.method, seen.path) for seen in upstream.seen[asked:]] == [("POST", "/v1/responses")]
    assert upstream.last.json["previous_response_id"] == UPSTREAM_ID


def test_response_of_a_fallback_model_when_another_key_asks_is_404(
    only: httpx.Client, gateway: LiveGateway, upstream: Vendor
) -> None:
    made = create(only).json()["id"]
    asked = len(upstream.seen)
    answer = gateway.http.get(f"/v1/responses/{made}")
    assert (answer.status_code, error_of(answer)["code"]) == (404, "response_not_found")
    assert len(upstream.seen) == asked


def test_background_when_a_route_forgets_responses_is_asked_of_the_one_that_keeps_them(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    def answer(seen: Seen) -> Any:
        return said({**NATIVE, "status": "queued", "output": []})

    upstream.answers["/v1/responses"] = answer
    made = create(gateway.http, "f/mixed", background=True)
    assert (made.status_code, made.json()["status"]) == (200, "queued")
    assert [seen.json["model"] for seen in upstream.seen] == ["up-keeps"]
    assert gateway.http.get(f"/v1/responses/{made.json()['id']}").status_code == 200
