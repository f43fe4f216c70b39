"""Do responses work with every kind of upstream: one that has them, and one that only has chat?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import openresponses_types.types as spec
import pytest
from openai import OpenAI

from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.live import LiveGateway, words
from tests.live import events as events_of

UPSTREAM_ID = "resp_0123456789abcdef0123456789abcdef0123456789abcdef"
NATIVE: dict[str, Any] = {
    "id": UPSTREAM_ID,
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "up-native",
    "output": [
        {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "Hello.", "annotations": [], "logprobs": []}]}],
    "usage": {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2,
              "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7},
    "previous_response_id": None,
    "unknown": {"kept": [1.50]},
}  # fmt: skip
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
TOOL: Any = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}


def native_events() -> list[dict[str, Any]]:
    begun = {**NATIVE, "status": "in_progress", "output": [], "usage": None}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return [
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.in_progress", "sequence_number": 1, "response": begun},
        {"type": "response.output_text.delta", "sequence_number": 2, **place, "delta": "Hello.", "logprobs": []},
        {"type": "response.vendor.extension", "sequence_number": 3, "x": [1]},
        {"type": "response.completed", "sequence_number": 4, "response": NATIVE},
    ]


def chat(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "up-chat", "choices": [choice], "usage": usage}


def chunks(*deltas: dict[str, Any], finish: str | None = "stop") -> list[dict[str, Any]]:
    made = [{"id": "c", "model": "up", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if finish:
        made.append({"id": "c", "model": "up", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return [*made, {"id": "c", "model": "up", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}]


def define(gateway: LiveGateway, upstream: Vendor) -> None:
    """A model for each kind of upstream."""
    base = f"{upstream.base}/v1"
    gateway.define_at("openai", base, {"r/native": ("up-native", ["responses"])}, name="native")
    only = {"r/reverse": ("up-only", ["chat", "responses"])}
    gateway.define_at("openai_responses", base, only, name="responses only")
    gateway.define_at("groq", base, {"r/forgetful": ("up-forgetful", ["responses"])}, name="forgetful")
    gateway.define_at("deepseek", base, {"r/chat": ("up-chat", ["chat", "responses"])}, name="chat only")


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def ask(gateway: LiveGateway, model: str, **fields: Any) -> httpx.Response:
    return gateway.http.post("/v1/responses", json={"model": model, "input": "hi", **fields})


def at(path: str) -> str:
    return f"/v1/responses/{UPSTREAM_ID}{path}"


# An upstream that has responses


def test_native_response_when_asked_for_is_the_upstreams_under_our_names(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    answer = ask(gateway, "r/native", unknown=[1])
    found = answer.json()
    assert found == {**NATIVE, "id": found["id"], "model": "r/native"}
    assert found["id"].startswith("resp_")
    assert UPSTREAM_ID not in answer.text
    assert upstream.last.json == {"model": "up-native", "input": "hi", "unknown": [1]}


def test_native_response_when_continued_goes_to_the_upstream_that_has_it(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    first = ask(gateway, "r/native").json()["id"]
    upstream.answers["/v1/responses"] = lambda seen: said({**NATIVE, "previous_response_id": UPSTREAM_ID})
    second = ask(gateway, "r/native", previous_response_id=first).json()
    assert upstream.last.json["previous_response_id"] == UPSTREAM_ID
    assert second["previous_response_id"] == first


def test_native_stream_when_relayed_is_the_upstreams_but_for_our_names(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events(), names=True)
    answer = ask(gateway, "r/native", stream=True)
    *told, done = events_of(answer)
    assert done == "[DONE]"
    expected = copy.deepcopy(native_events())
    for event in expected:
        if "response" in event:
            event["response"] |= {"id": told[0]["response"]["id"], "model": "r/native"}
    assert told == expected
    assert UPSTREAM_ID not in answer.text


def test_native_stream_when_cut_ends_with_a_failed_response(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events()[:3], names=True)
    *told, last, done = events_of(ask(gateway, "r/native", stream=True))
    assert (last["type"], last["sequence_number"], done) == ("response.failed", 3, "[DONE]")
    assert last["response"]["id"] == told[0]["response"]["id"]
    assert last["response"]["status"] == "failed"
    assert last["response"]["error"]["code"] == "upstream_stream_truncated"


# An upstream that only has chat


def test_converted_response_when_asked_for_keeps_the_specification(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    answer = ask(gateway, "r/chat", instructions="be kind", unknown=1, max_output_tokens=20)
    found = answer.json()
    spec.ResponseResource.model_validate(found)
    assert (found["model"], found["status"], found["output"][0]["content"][0]["text"]) == ("r/chat", "completed", "Hello.")
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (3, 4)
    assert answer.headers["x-gateway-lossy"] == "unknown"
    assert upstream.last.json == {
        "model": "up-chat",
        "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}],
        "max_tokens": 20,
    }


def test_converted_stream_when_accumulated_by_the_sdk_is_the_response(client: OpenAI, upstream: Vendor) -> None:
    pieces = [{"role": "assistant", "content": ""}, {"reasoning_content": "hm"}, {"content": "Hel"}, {"content": "lo."}]
    upstream.answers["/v1/chat/completions"] = lambda seen: events(*chunks(*pieces), done=True)
    with client.responses.stream(model="r/chat", input="hi") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text == final.output_text == "Hello."
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert final.usage is not None
    assert final.usage.output_tokens == 4


def test_tool_loop_when_over_previous_response_id_reaches_a_chat_only_upstream(client: OpenAI, upstream: Vendor) -> None:
    def answer(seen: Seen) -> Said:
        called = any(message["role"] == "tool" for message in seen.json["messages"])
        return said(chat({"content": "It is 1."}) if called else chat({"content": None, "tool_calls": [CALL]}, "tool_calls"))

    upstream.answers["/v1/chat/completions"] = answer
    first = client.responses.create(model="r/chat", input="go", tools=[TOOL])
    (call,) = first.output
    assert (call.type, call.call_id if call.type == "function_call" else "") == ("function_call", "call_1")
    result: Any = [{"type": "function_call_output", "call_id": "call_1", "output": "1"}]
    second = client.responses.create(model="r/chat", input=result, previous_response_id=first.id, tools=[TOOL])
    assert (second.output_text, second.previous_response_id) == ("It is 1.", first.id)
    assert upstream.last.json["messages"] == [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
    ]


def test_converted_stream_when_it_continues_names_the_response_before_in_every_event(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    first = ask(gateway, "r/chat").json()["id"]
    upstream.answers["/v1/chat/completions"] = lambda seen: events(*chunks({"content": "Hi."}), done=True)
    told = [event["response"] for event in events_of(ask(gateway, "r/chat", previous_response_id=first, stream=True))[:-1]
            if "response" in event]  # fmt: skip
    assert {response["previous_response_id"] for response in told} == {first}
    assert len({response["id"] for response in told}) == 1
    assert {response["model"] for response in told} == {"r/chat"}
    assert gateway.http.get(f"/v1/responses/{told[-1]['id']}").json() == told[-1]


def test_converted_stream_when_cut_ends_with_a_failed_response(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: events(*chunks({"content": "Hel"}, finish=None)[:1])
    *told, last, done = events_of(ask(gateway, "r/chat", stream=True))
    assert (last["type"], last["response"]["status"], done) == ("response.failed", "failed", "[DONE]")
    assert [event["sequence_number"] for event in [*told, last]] == list(range(len(told) + 1))


# Chat, where the upstream only has responses


def test_chat_when_the_upstream_only_has_responses_is_made_of_one(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    answer = client.chat.completions.create(model="r/reverse", messages=[{"role": "user", "content": "hi"}])
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason, answer.model) == ("Hello.", "stop", "r/reverse")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 2)
    assert upstream.last.json["model"] == "up-only"
    assert upstream.last.json["store"] is False


@pytest.mark.parametrize("usage", [True, False])
def test_chat_stream_when_the_upstream_only_has_responses_is_made_of_one(
    usage: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events(), names=True)
    answer = gateway.chat("r/reverse", stream=True, **({"stream_options": {"include_usage": True}} if usage else {}))
    *told, done = events_of(answer)
    assert done == "[DONE]"
    assert words(answer) == "Hello."
    assert {chunk["model"] for chunk in told} == {"r/reverse"}
    assert bool([chunk for chunk in told if chunk.get("usage")]) is usage


def test_chat_stream_when_the_response_is_cut_ends_with_an_error(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events()[:3], names=True)
    *_, last, done = events_of(gateway.chat("r/reverse", stream=True))
    assert (last["error"]["code"], done) == ("upstream_stream_truncated", "[DONE]")


# An upstream that has responses and forgets them


def test_forgetful_upstream_when_continued_is_told_what_went_before(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    first = client.responses.create(model="r/forgetful", input="hi")
    assert first.id != UPSTREAM_ID
    assert client.responses.retrieve(first.id) == first
    second = client.responses.create(model="r/forgetful", input="and?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    sent = upstream.last.json
    assert "previous_response_id" not in sent
    assert [(item["role"], item["content"][0]["text"]) for item in sent["input"][:2]] == [("user", "hi"), ("assistant", "Hello.")]
    assert sent["input"][2]["content"] == "and?"


def test_azure_when_asked_for_a_response_knows_its_place(gateway: LiveGateway, upstream: Vendor) -> None:
    gateway.define_at("azure_openai", upstream.base, {"r/azure": ("up-azure", ["responses"])}, name="azure")
    upstream.answers["/openai/responses"] = lambda seen: said(NATIVE)
    made = ask(gateway, "r/azure").json()["id"]
    assert upstream.last.path == "/openai/responses?api-version=2025-04-01-preview"
    upstream.answers[f"/openai/responses/{UPSTREAM_ID}"] = lambda seen: said(NATIVE)
    assert gateway.http.get(f"/v1/responses/{made}?include=a").json()["id"] == made
    assert upstream.last.path == f"/openai/responses/{UPSTREAM_ID}?include=a&api-version=2025-04-01-preview"


def test_route_when_its_provider_cannot_leaves_it_to_the_next(gateway: LiveGateway, upstream: Vendor) -> None:
    routes = [{"provider": "chat only", "upstream_model": "up-chat"}, {"provider": "native", "upstream_model": "up-native"}]
    gateway.define_models({"r/either": routes}, capabilities=["responses"])
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    answer = ask(gateway, "r/either", input=[{"type": "telepathy"}])
    assert (answer.status_code, answer.headers["x-gateway-provider"]) == (200, "native")
    assert upstream.last.json["input"] == [{"type": "telepathy"}]


def test_native_stream_when_it_ends_twice_ends_once(gateway: LiveGateway, upstream: Vendor) -> None:
    again = {
        **native_events()[-1],
        "sequence_number": 5,
        "response": {**NATIVE, "usage": {"input_tokens": 900, "output_tokens": 900}},
    }
    late = {"type": "response.output_text.delta", "sequence_number": 6, "delta": "more"}
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events(), again, late, names=True)
    answer = ask(gateway, "r/native", stream=True)
    *told, done = events_of(answer)
    assert [event["type"] for event in told] == [event["type"] for event in native_events()]
    assert done == "[DONE]"
    (row,) = rows(gateway, answer.headers["x-request-id"])
    assert (row["input_tokens"], row["output_tokens"]) == (5, 2)
