"""What if a request must bring the provider's key, and does not? The client is told which, and nobody else pays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Answer, Said, Seen, Vendor, events, said, vendor
from tests.integration.test_listening import FILE
from tests.integration.test_responses import NATIVE, chat, chunks
from tests.integration.test_target_log import lines
from tests.live import LiveGateway, error_in, error_of
from tests.live import body as chat_body
from tests.socket_client import dial

Json = dict[str, Any]
CHAT, RESPONSES, LISTEN = "/chat/completions", "/responses", "/audio/transcriptions"
CREDENTIALS = "tensorzero::credentials"
GOOD, WRONG = "sk-good-key-of-the-team", "sk-wrong-key-of-the-team"
ABLE = ["chat", "responses", "audio_transcription"]


def answer(good: Callable[[Seen], Said]) -> Answer:
    """An upstream that knows one key."""
    refused = said({"error": {"message": "no such key", "type": "invalid_request_error", "code": "invalid_api_key"}}, 401)
    return lambda seen: good(seen) if seen.headers.get("authorization") == f"Bearer {GOOD}" else refused


def completion(seen: Seen) -> Said:
    return events(*chunks({"content": "Hi."}), done=True) if seen.json.get("stream") else said(chat({"content": "Hi."}))


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    """`/own`, `/other` and `/native` know only the key of the team; `/paid` takes any."""
    with vendor({}) as upstream:
        own, other, paid = (
            {"name": name, "type": "vllm" if name == "native" else "deepseek", "api_base": f"{upstream.base}/{name}"}
            for name in ("own", "other", "paid")
        )
        native = {"name": "native", "type": "openai", "api_base": f"{upstream.base}/native", "dynamic": "team"}
        listens = {"name": "listens", "type": "openai", "api_base": f"{upstream.base}/listens", "dynamic": "team"}
        providers = [{**own, "dynamic": "team"}, {**other, "dynamic": "second"}, {**paid, "api_key": "sk-paid-key-of-ours"}]
        shared_gateway.operator.define([*providers, native, listens], [])
        routes = {
            "own/alone": ["own"],
            "own/paid": ["own", "paid"],
            "own/two": ["own", "other", "paid"],
            "own/behind": ["paid", "own"],
            "own/native": ["native"],
            "own/listens": ["listens"],
        }
        models = {
            name: [{"provider": provider, "upstream_model": "up"} for provider in listed] for name, listed in routes.items()
        }
        shared_gateway.define_models({"own/spare": [{"provider": "paid", "upstream_model": "up"}]}, capabilities=ABLE)
        shared_gateway.define_models(
            models, capabilities=ABLE, fallbacks={"own/alone": ["own/spare"], "own/listens": ["own/spare"]}
        )
        yield upstream


@pytest.fixture(autouse=True)
def answers(upstream: Vendor) -> None:
    upstream.seen.clear()
    upstream.answers.update({f"/{name}{CHAT}": answer(completion) for name in ("own", "other")})
    upstream.answers[f"/native{RESPONSES}"] = answer(lambda seen: said(NATIVE))
    upstream.answers[f"/listens{LISTEN}"] = answer(lambda seen: said({"text": "hi"}))
    upstream.answers[f"/paid{CHAT}"] = completion


def bringing(key: str | None, name: str = "team") -> Json:
    return {} if key is None else {CREDENTIALS: {name: key}}


def whole(gateway: LiveGateway, key: str | None) -> httpx.Response:
    return gateway.chat("own/paid", **bringing(key))


def streamed(gateway: LiveGateway, key: str | None) -> httpx.Response:
    return gateway.chat("own/alone", stream=True, **bringing(key))


def converted(gateway: LiveGateway, key: str | None) -> httpx.Response:
    return gateway.http.post("/v1/responses", json={"model": "own/paid", "input": "hi", "stream": True, **bringing(key)})


def native(gateway: LiveGateway, key: str | None) -> httpx.Response:
    return gateway.http.post("/v1/responses", json={"model": "own/native", "input": "hi", **bringing(key)})


def form(gateway: LiveGateway, key: str | None) -> httpx.Response:
    data = {"model": "own/listens", **{name: json.dumps(value) for name, value in bringing(key).items()}}
    return gateway.http.post("/v1/audio/transcriptions", data=data, files={"file": FILE})


WAYS = (whole, streamed, converted, native, form)


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    ("key", "code"), [(None, "missing_credential"), ("", "missing_credential"), (WRONG, "credential_refused")]
)
def test_credential_when_missing_or_refused_is_the_clients_fault_and_nobody_else_pays(
    key: str | None, code: str, ask: Callable[..., httpx.Response], gateway: LiveGateway, upstream: Vendor
) -> None:
    start = gateway.log_path.stat().st_size
    for _ in range(8):
        refused = ask(gateway, key)
        told = error_of(refused)
        assert (refused.status_code, told["code"], told["param"]) == (400, code, CREDENTIALS)
        assert "'team'" in told["message"]
        assert CREDENTIALS in told["message"]
    assert len(upstream.seen) == (8 if key else 0)
    assert not any(seen.path.startswith("/paid") for seen in upstream.seen)
    assert ask(gateway, GOOD).status_code == 200
    assert [line for line in lines(gateway, start) if line["level"] != "debug"] == []
    assert WRONG not in gateway.log_text(start)


def test_credential_when_the_stream_refuses_it_with_its_first_event_is_the_clients_fault(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[f"/own{CHAT}"] = lambda seen: events({"error": {"message": "no", "type": "authentication_error"}})
    refused = streamed(gateway, WRONG)
    assert (refused.status_code, error_of(refused)["code"]) == (400, "credential_refused")
    assert [seen.path for seen in upstream.seen] == [f"/own{CHAT}"]


def test_turn_over_a_websocket_when_its_credential_is_missing_is_told_which(gateway: LiveGateway, upstream: Vendor) -> None:
    with dial(gateway) as socket:
        socket.ask("own/paid")
        assert error_in({"error": socket.event()["error"]})["code"] == "missing_credential"
        assert socket.turn("own/paid", **bringing(GOOD))[-1]["type"] == "response.completed"


def test_response_in_the_background_when_its_credential_is_refused_says_so(gateway: LiveGateway, upstream: Vendor) -> None:
    asked = {"model": "own/paid", "input": "hi", "background": True, **bringing(WRONG)}
    place = f"/v1/responses/{gateway.http.post('/v1/responses', json=asked).json()['id']}"
    assert eventually(lambda: gateway.http.get(place).json()["status"] == "failed", 5)
    assert gateway.http.get(place).json()["error"]["code"] == "credential_refused"
    assert [seen.path for seen in upstream.seen] == [f"/own{CHAT}"]


def test_credential_of_another_target_when_brought_is_used(gateway: LiveGateway, upstream: Vendor) -> None:
    assert gateway.chat("own/two", **bringing(GOOD, "second")).status_code == 200
    assert [seen.path for seen in upstream.seen] == [f"/other{CHAT}"]
    upstream.seen.clear()
    both = gateway.chat("own/two", **{CREDENTIALS: {"team": WRONG, "second": GOOD}})
    assert both.status_code == 200
    assert [seen.path for seen in upstream.seen] == [f"/own{CHAT}", f"/other{CHAT}"]


def test_target_of_a_client_when_behind_one_of_the_operators_needs_no_credential(gateway: LiveGateway, upstream: Vendor) -> None:
    assert gateway.chat("own/behind").status_code == 200
    upstream.answers[f"/paid{CHAT}"] = lambda seen: said({"error": {"message": "down"}}, 500)
    failed = gateway.chat("own/behind")
    assert (failed.status_code, error_of(failed)["code"]) == (502, "upstream_server_error")
    assert gateway.chat("own/behind", **bringing(GOOD)).status_code == 200


@pytest.mark.parametrize(("status", "code"), [(429, "upstream_rate_limited"), (402, "upstream_quota_exceeded")])
def test_account_of_a_client_when_it_is_used_up_is_429_for_that_client_alone(
    status: int, code: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    limited = said({"error": {"message": "no more", "type": "x"}}, status, retry_after="30")
    good = answer(completion)
    poor = "sk-poor-key-of-somebody"
    upstream.answers[f"/own{CHAT}"] = lambda seen: limited if poor in seen.headers["authorization"] else good(seen)
    for _ in range(6):
        refused = whole(gateway, poor)
        assert (refused.status_code, error_of(refused)["code"]) == (429, code)
        assert "gateway" not in error_of(refused)["message"]
        assert whole(gateway, GOOD).status_code == 200
    assert {seen.path for seen in upstream.seen} == {f"/own{CHAT}"}


def test_target_of_a_client_when_its_upstream_fails_goes_on_to_the_next(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[f"/own{CHAT}"] = lambda seen: said({"error": {"message": "down"}}, 500)
    assert gateway.http.post("/v1/chat/completions", json=chat_body("own/paid", **bringing(GOOD))).status_code == 200
    assert [seen.path for seen in upstream.seen] == [f"/own{CHAT}", f"/paid{CHAT}"]
