"""Are the items of stored responses found by their ids, listed with all they must have, and no others'?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openresponses_types.types as spec
import pytest

from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_responses import CALL, NATIVE, TOOL, chat, define
from tests.live import LiveGateway, error_of

KINDS: dict[str, Any] = {
    "message": spec.Message,
    "function_call": spec.FunctionCall,
    "function_call_output": spec.FunctionCallOutput,
}
HELLO = {"type": "message", "role": "user", "content": "hi"}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


def ask(gateway: LiveGateway, given: Any, model: str = "r/chat", key: str | None = None, **fields: Any) -> httpx.Response:
    body = {"model": model, "input": given, **fields}
    return httpx.post(f"{gateway.base_url}/v1/responses", json=body, headers=gateway.headers(key), trust_env=False, timeout=15)


def named(item_id: str) -> dict[str, str]:
    return {"type": "item_reference", "id": item_id}


def listed(gateway: LiveGateway, response_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.http.get(f"/v1/responses/{response_id}/input_items?order=asc").json()["data"]
    return found


def messages(upstream: Vendor) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in upstream.last.json["messages"]]


# References


def test_reference_when_to_the_output_of_a_response_is_that_item(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": None, "tool_calls": [CALL]}, "tool_calls"))
    first = ask(gateway, [HELLO], tools=[TOOL]).json()
    (item,) = first["output"]
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "7"}
    answer = ask(gateway, [HELLO, named(item["id"]), output], tools=[TOOL])
    assert answer.status_code == 200, answer.text
    assert messages(upstream) == [("user", "hi"), ("assistant", None), ("tool", "7")]
    assert upstream.last.json["messages"][1]["tool_calls"][0]["id"] == "call_1"
    (said_item,) = answer.json()["output"]
    again = ask(gateway, [HELLO, named(said_item["id"]), {**HELLO, "content": "on"}])
    assert again.status_code == 200, again.text
    assert messages(upstream) == [("user", "hi"), ("assistant", "Hello."), ("user", "on")]
    assert [item["type"] for item in listed(gateway, again.json()["id"])] == ["message"] * 3


def test_reference_when_to_what_was_said_before_is_that_item(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    first = ask(gateway, [{**HELLO, "id": "msg_mine"}]).json()
    found = listed(gateway, first["id"])[0]["id"]
    assert found == "msg_mine"
    on = ask(gateway, [named(found)], previous_response_id=first["id"])
    assert on.status_code == 200, on.text
    assert messages(upstream) == [("user", "hi"), ("assistant", "Hello.")]
    second = ask(gateway, "bare").json()
    (listed_item,) = listed(gateway, second["id"])
    assert ask(gateway, [named(listed_item["id"])]).status_code == 200
    assert messages(upstream) == [("user", "bare")]


def test_reference_when_unknown_or_anothers_is_400_with_its_place(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    key = gateway.create_key("another, of items")["key"]
    gateway.wait_visible("r/chat", key=key)
    first = ask(gateway, "mine").json()
    (item,) = first["output"]
    asked = len(upstream.seen)
    for foreign in (named(item["id"]), named("msg_unknown"), named("msg_" + "0" * 48 + "o0"), named("")):
        answer = ask(gateway, [HELLO, foreign], key=key)
        assert (answer.status_code, error_of(answer)["code"], error_of(answer)["param"]) == (400, "item_not_found", "input[1]")
    assert len(upstream.seen) == asked
    assert gateway.http.delete(f"/v1/responses/{first['id']}").status_code == 200
    assert error_of(ask(gateway, [named(item["id"])]))["code"] == "item_not_found"


def test_reference_when_to_an_upstreams_item_goes_there_as_it_is(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    assert ask(gateway, [HELLO, named("msg_1")], model="r/native").status_code == 200
    assert upstream.last.json["input"] == [HELLO, named("msg_1")]


# Lists


def test_items_when_listed_have_all_that_they_must(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    given = [
        {**HELLO, "id": None, "status": None, "type": None},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": None},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "So.", "annotations": None}]},
        {"role": "user", "content": [{"type": "input_text", "text": "and?"}]},
    ]
    found = listed(gateway, ask(gateway, given, tools=[TOOL]).json()["id"])
    assert [item["type"] for item in found] == ["message", "function_call", "function_call_output", "message", "message"]
    for item in found:
        KINDS[item["type"]].model_validate(item)
        assert item["status"] == "completed"
    assert len({item["id"] for item in found}) == len(found)


# The model that is named


def test_response_when_its_model_is_named_is_found_and_under_another_is_not(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers[f"/v1/responses/{NATIVE['id']}"] = lambda seen: said(NATIVE)
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    for own, other in (("r/native", "r/chat"), ("r/chat", "r/native")):
        made = ask(gateway, "hi", model=own).json()["id"]
        asked = len(upstream.seen)
        for method, path in (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")):
            url = f"/v1/responses/{made}{path}"
            answer = gateway.http.request(method, url, headers={"x-model-name": other})
            assert (answer.status_code, error_of(answer)["code"]) == (404, "response_not_found"), url
            answer = gateway.http.request(method, url, headers={"x-model-name": "nope"})
            assert (answer.status_code, error_of(answer)["code"]) == (404, "model_not_found"), url
        assert len(upstream.seen) == asked
        for name in (own, f"tensorzero::model_name::{own}"):
            assert gateway.http.get(f"/v1/responses/{made}", headers={"x-model-name": name}).json()["id"] == made
