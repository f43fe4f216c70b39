"""Does `/v1/models` tell a key what it may use and what that can do, and nothing more?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from openai import OpenAI

from tests.fakes.vendor import Vendor, vendor
from tests.live import PROVIDER_KEY, LiveGateway, error_of

ODD = ["ml/org/model", "ml a b", "ml%20b", "ml/é ü/模型", "ml?x=1#y", "ml/", "ml//double", "ml/..%2f..", "ml+plus&and"]


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    """A vendor with chat alone and one that can embed, which must not be asked."""
    with vendor({}) as upstream:
        at = {"api_base": f"{upstream.base}/v1", "api_key": PROVIDER_KEY}
        providers = [{"name": "ml-chat", "type": "xai", **at}, {"name": "ml-all", "type": "openai_compatible", **at}]
        both = [{"provider": "ml-chat"}, {"provider": "ml-all"}]
        described = {
            "context_length": 8192,
            "input_price": "2.5",
            "output_price": "10",
            "description": "Fast.\nCheap: ü.",
            "metadata": {"team": "a"},
        }
        models: list[dict[str, Any]] = [
            {"name": "ml/told", "routes": both, "capabilities": ["chat", "moderation", "realtime"], **described},
            {"name": "ml/chat", "routes": both[:1], "capabilities": ["chat", "moderation"]},
            {"name": "ml/foreign", "routes": both[1:], "capabilities": ["moderation"]},
            *({"name": name, "routes": both[1:]} for name in ODD),
        ]
        shared_gateway.operator.define(providers, models)
        shared_gateway.wait_visible("ml/told", *ODD)
        yield upstream


@pytest.fixture(scope="module")
def limited(shared_gateway: LiveGateway, upstream: Vendor) -> str:
    """A key for two of the models."""
    key: str = shared_gateway.create_key("ml", "--models", "ml/told,ml/chat")["key"]
    shared_gateway.wait_visible("ml/told", key=key)
    return key


def get(gateway: LiveGateway, path: str, key: str | None = None) -> httpx.Response:
    return httpx.get(f"{gateway.base_url}{path}", headers=gateway.headers(key), trust_env=False, timeout=5)


def test_model_when_described_then_the_card_says_it_and_only_what_is_served(gateway: LiveGateway, upstream: Vendor) -> None:
    card = get(gateway, "/v1/models/ml/told").json()
    assert abs(card.pop("created") - time.time()) < 3600
    assert card == {
        "id": "ml/told",
        "object": "model",
        "owned_by": "signalbox",
        "capabilities": ["chat", "moderation"],
        "pricing": {"currency": "USD", "input_per_million": 2.5, "output_per_million": 10.0},
        "context_length": 8192,
        "description": "Fast.\nCheap: ü.",
        "metadata": {"team": "a"},
    }
    bare = get(gateway, "/v1/models/ml/foreign").json()
    assert set(bare) == {"id", "object", "created", "owned_by", "capabilities"}


def test_list_when_asked_with_a_limited_key_then_it_has_those_models_and_the_sdk_reads_them(
    gateway: LiveGateway, limited: str
) -> None:
    with OpenAI(api_key=limited, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        listed = list(client.models.list())
        assert [model.id for model in listed] == ["ml/chat", "ml/told"]
        assert [model.owned_by for model in listed] == ["signalbox"] * 2
        assert listed[1].model_extra is not None
        assert listed[1].model_extra["context_length"] == 8192
        assert client.models.retrieve("ml/told") == listed[1]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("safe", ["", "/"], ids=["encoded", "with slashes"])
def test_model_when_retrieved_then_its_name_may_be_percent_encoded(
    gateway: LiveGateway, upstream: Vendor, name: str, safe: str
) -> None:
    answer = get(gateway, f"/v1/models/{quote(name, safe=safe)}")
    assert (answer.status_code, answer.json()["id"]) == (200, name)


def test_model_when_its_name_is_encoded_twice_or_not_at_all_then_not_found(gateway: LiveGateway, upstream: Vendor) -> None:
    for path in ("ml%252Forg%252Fmodel", "ml%20b", "ml/%FF", "ml%00", "ml%2520%2520b"):
        assert error_of(get(gateway, f"/v1/models/{path}"))["code"] == "model_not_found"


def test_model_when_foreign_then_answers_byte_for_byte_like_an_unknown_one(
    gateway: LiveGateway, limited: str, upstream: Vendor
) -> None:
    def answer(path: str) -> tuple[int, bytes, set[str]]:
        found = get(gateway, path, limited)
        return found.status_code, found.content.replace(b"unknown", b"foreign"), set(found.headers)

    for start in ("/v1/models/ml/", "/v1/models/ml%2F", "/models/ml/"):
        foreign = answer(f"{start}foreign")
        assert foreign == answer(f"{start}unknown")
        assert foreign[0] == 404


def test_capability_when_no_route_has_it_then_400_names_this_keys_models_and_nobody_is_asked(
    gateway: LiveGateway, limited: str, upstream: Vendor
) -> None:
    body = {"model": "ml/chat", "input": "hi"}
    answer = httpx.post(
        f"{gateway.base_url}/v1/moderations", json=body, headers=gateway.headers(limited), trust_env=False, timeout=5
    )
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (400, "capability_not_supported", "model")
    assert error["message"] == "The model 'ml/chat' does not support moderation. Models that do: ml/told."
    key = gateway.create_key("ml more", "--models", "ml/told,ml/chat,ml/foreign")["key"]
    gateway.wait_visible("ml/foreign", key=key)
    more = httpx.post(f"{gateway.base_url}/v1/moderations", json=body, headers=gateway.headers(key), trust_env=False, timeout=5)
    assert error_of(more)["message"].endswith("Models that do: ml/foreign, ml/told.")
    nobody = httpx.post(
        f"{gateway.base_url}/v1/rerank",
        json={"model": "ml/chat", "query": "a", "documents": ["a"]},
        headers=gateway.headers(limited),
        trust_env=False,
        timeout=5,
    )
    assert error_of(nobody)["message"] == "The model 'ml/chat' does not support rerank. None of your models does."
    assert upstream.seen == []


CODEX_NEEDS = {
    "slug": str,
    "display_name": str,
    "supported_reasoning_levels": list,
    "shell_type": str,
    "visibility": str,
    "supported_in_api": bool,
    "priority": int,
    "base_instructions": str,
    "supports_reasoning_summaries": bool,
    "support_verbosity": bool,
    "truncation_policy": dict,
    "supports_parallel_tool_calls": bool,
    "experimental_supported_tools": list,
}
"""Fields without which Codex refuses the whole list (`codex-rs/protocol/src/openai_models.rs`), and what they must be."""


def test_list_when_codex_asks_then_every_entry_is_whole_and_the_metadata_has_the_last_word(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    own = {"codex": {"base_instructions": "Be a poet.", "supported_reasoning_levels": [{"effort": "low", "description": "x"}]}}
    routes = [{"provider": "ml-all"}]
    models: list[dict[str, Any]] = [
        {"name": "mx/own", "routes": routes, "capabilities": ["responses"], "metadata": own, "context_length": 9000},
        {"name": "mx/plain", "routes": routes, "capabilities": ["chat", "responses"], "metadata": {"codex": "no object"}},
        {"name": "mx/other", "routes": routes, "capabilities": ["chat"]},
    ]
    gateway.operator.define([], models)
    gateway.wait_visible("mx/own", "mx/plain", "mx/other")
    key = gateway.create_key("mx", "--models", "mx/own,mx/plain,mx/other")["key"]
    gateway.wait_visible("mx/own", key=key)
    told = get(gateway, "/models?client_version=0.171.0", key).json()
    assert [card["id"] for card in told["data"]] == ["mx/other", "mx/own", "mx/plain"]
    entries = {entry["slug"]: entry for entry in told["models"]}
    assert set(entries) == {"mx/own", "mx/plain"}
    for entry in entries.values():
        assert {name: type(entry.get(name)) for name in CODEX_NEEDS} == CODEX_NEEDS
    assert entries["mx/own"]["base_instructions"] == "Be a poet."
    assert entries["mx/own"]["context_window"] == 9000
    assert entries["mx/own"]["supported_reasoning_levels"]
    assert entries["mx/plain"]["base_instructions"]
    assert "models" not in get(gateway, "/v1/models?other=1&xclient_version=1", key).json()
