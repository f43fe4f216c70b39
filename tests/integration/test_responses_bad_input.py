"""What is a client told whose request for a response is wrong, or names what is not there or not its own?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_responses import NATIVE, UPSTREAM_ID, ask, at, chat, define, native_events
from tests.live import LiveGateway, error_of
from tests.live import events as events_of
from tests.live_fixtures import StartGateway


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


@pytest.mark.parametrize("previous", ["resp_unknown", "resp_" + "0" * 48, "../files", "x" * 300, "é"])
@pytest.mark.parametrize("model", ["r/native", "r/chat"])
def test_previous_response_when_unknown_is_400_and_nothing_is_asked(
    previous: str, model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = len(upstream.seen)
    answer = ask(gateway, model, previous_response_id=previous)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "previous_response_not_found")
    assert len(upstream.seen) == asked


@pytest.mark.parametrize("model", ["r/native", "r/chat"])
def test_previous_response_when_anothers_is_like_unknown(model: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    mine = ask(gateway, model).json()["id"]
    key = gateway.create_key(f"other {model}")["key"]
    gateway.wait_visible(model, key=key)
    other = gateway.headers(key)
    body = {"model": model, "input": "hi", "previous_response_id": mine}
    answer = httpx.post(f"{gateway.base_url}/v1/responses", json=body, headers=other, trust_env=False)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "previous_response_not_found")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1", "conversation": "conv_1"}, "previous_response_id"),
        ({"background": True, "store": False}, "background"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]}, "input[0]"),
        ({"input": [{"type": "telepathy"}]}, "input[0]"),
        ({"input": 7}, "input"),
    ],
)
def test_request_when_bad_is_400_that_names_the_field(
    fields: dict[str, Any], param: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = ask(gateway, "r/chat", **fields)
    assert (answer.status_code, error_of(answer)["param"]) == (400, param)


@pytest.mark.parametrize("model", ["r/chat", "r/forgetful"])
@pytest.mark.parametrize(("said_now", "status", "param"), [([1], 400, "input[0]"), (7, 400, "input"), (None, 200, None)])
def test_continuation_when_its_input_is_bad_is_400_that_names_it(
    model: str, said_now: Any, status: int, param: str | None, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    first = ask(gateway, model).json()["id"]
    answer = ask(gateway, model, previous_response_id=first, input=said_now)
    assert answer.status_code == status, answer.text
    if param:
        assert error_of(answer)["param"] == param


@pytest.mark.parametrize("said_now", [[1], None])
def test_forgetful_upstream_when_it_takes_what_cannot_be_kept_is_still_heard(
    said_now: Any, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    assert ask(gateway, "r/forgetful", input=said_now).status_code == 200


def test_request_when_it_names_no_model_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1/responses", content=json.dumps({"input": "hi"}))
    assert (answer.status_code, error_of(answer)["param"]) == (400, "model")


@pytest.mark.parametrize("kind", ["native", "chat"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "?stream=true"), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")],
)
def test_response_when_anothers_is_byte_for_byte_like_one_that_nobody_has(
    method: str, path: str, kind: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    mine: str = ask(gateway, f"r/{kind}").json()["id"]
    key = gateway.create_key(f"other {kind} {method} {path or '/'}")["key"]
    gateway.wait_visible(f"r/{kind}", key=key)
    asked = len(upstream.seen)

    def told(response_id: str) -> tuple[int, bytes]:
        url = f"{gateway.base_url}/v1/responses/{response_id}{path}"
        answer = httpx.request(method, url, headers=gateway.headers(key), trust_env=False)
        return answer.status_code, answer.content.replace(response_id.encode(), b"ID")

    assert told(mine) == told("resp_" + "0" * (len(mine) - 5))
    assert told(mine)[0] == 404
    assert len(upstream.seen) == asked


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=²", "limit"), (f"limit={'9' * 5000}", "limit"), ("order=up", "order"),
     ("after=none", "after")],
)  # fmt: skip
def test_items_when_asked_for_oddly_is_400_that_names_it(query: str, param: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    made = ask(gateway, "r/chat").json()["id"]
    answer = gateway.http.get(f"/v1/responses/{made}/input_items?{query}")
    assert (answer.status_code, error_of(answer)["param"]) == (400, param)


@pytest.mark.parametrize("named", [{"prompt": {"id": "pmpt_1"}}, {"conversation": "conv_1"}])
def test_request_when_it_names_no_model_and_there_is_none_by_default_is_400(
    named: dict[str, Any], start_gateway: StartGateway
) -> None:
    gateway = start_gateway()
    answer = gateway.http.post("/v1/responses", json={"input": "hi", **named})
    told = error_of(answer)
    assert (answer.status_code, told["code"], told["param"]) == (400, "missing_required_parameter", "model")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")])
def test_response_when_its_upstream_has_it_no_more_is_like_one_that_nobody_has(
    method: str, path: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    made = ask(gateway, "r/native").json()["id"]
    gone = {"error": {"message": f"Response with id '{UPSTREAM_ID}' not found.", "type": "x", "param": None, "code": None}}
    upstream.answers[at(path)] = lambda seen: said(gone, status=404)
    answer = gateway.http.request(method, f"/v1/responses/{made}{path}")
    unknown = "resp_" + "0" * (len(made) - 5)
    like = gateway.http.request(method, f"/v1/responses/{unknown}{path}")
    assert (answer.status_code, answer.text.replace(made, "ID")) == (404, like.text.replace(unknown, "ID"))


def test_upstreams_refusal_when_it_names_its_own_id_tells_ours(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    made = ask(gateway, "r/native").json()["id"]
    refusal = {
        "error": {"message": f"Cannot cancel {UPSTREAM_ID}.", "type": "invalid_request_error", "param": None, "code": None}
    }
    upstream.answers[at("/cancel")] = lambda seen: said(refusal, status=400)
    answer = gateway.http.post(f"/v1/responses/{made}/cancel")
    assert (answer.status_code, error_of(answer)["message"]) == (400, f"Cannot cancel {made}.")
    gone = {
        "message": f"{UPSTREAM_ID} not found.",
        "type": "invalid_request_error",
        "param": None,
        "code": "previous_response_not_found",
    }
    upstream.answers["/v1/responses"] = lambda seen: said({"error": gone}, status=400)
    answer = ask(gateway, "r/native", previous_response_id=made)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "previous_response_not_found")
    assert UPSTREAM_ID not in answer.text


def test_native_stream_when_it_ends_as_cancelled_has_our_names_and_ends(gateway: LiveGateway, upstream: Vendor) -> None:
    begun, *_ = native_events()
    response = {**NATIVE, "status": "cancelled"}
    told = [begun, {"type": "response.vendor.note", "sequence_number": 1, "response": NATIVE}]
    told.append({"type": "response.cancelled", "sequence_number": 2, "response": response})
    upstream.answers["/v1/responses"] = lambda seen: events(*told, names=True)
    answer = ask(gateway, "r/native", stream=True)
    *seen, done = events_of(answer)
    assert ([event["type"] for event in seen], done) == ([event["type"] for event in told], "[DONE]")
    assert UPSTREAM_ID not in answer.text


def test_item_when_bad_in_a_continuation_is_400_with_its_place_in_the_request(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    first = ask(gateway, "r/chat", input=[{"role": "user", "content": text} for text in "abc"]).json()["id"]
    items = [{"role": "user", "content": "d"}, {"type": "telepathy"}]
    answer = ask(gateway, "r/chat", previous_response_id=first, input=items)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "input[1]")
