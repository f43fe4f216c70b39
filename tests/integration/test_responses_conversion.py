"""Do the clients of today get through an upstream that only has chat, and are odd answers told, counted and kept right?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.integration.test_responses import NATIVE, UPSTREAM_ID, ask, chat, chunks
from tests.live import PROVIDER_KEY, LiveGateway, error_of
from tests.live import events as events_of

CHAT = "/v1/chat/completions"
HI = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
DEVELOPER = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "<permissions>rw</permissions>"}]}
EXEC = {"type": "custom", "name": "exec", "description": "Runs JavaScript.", "format": {"type": "text"}}
NAMESPACE = {"type": "namespace", "name": "functions", "description": "", "tools": [EXEC]}
BROUGHT = {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [NAMESPACE]}
CODEX: dict[str, Any] = {
    "instructions": "You are Codex.", "tool_choice": "auto", "parallel_tool_calls": False, "store": False,
    "include": ["reasoning.encrypted_content"], "prompt_cache_key": "thread-1", "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"verbosity": "low"},
}  # fmt: skip
BIG = "A" * 1_500_000
TEXT_IS_A_LIST = {
    **NATIVE,
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ["a"]}]}],
}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        both = ["chat", "responses"]
        shared_gateway.define_at("openai_compatible", base, {"v/chat": ("up-chat", both)}, name="conversion chat")
        same = {"v/one": ("up-one", ["responses"]), "v/two": ("up-two", ["responses"])}
        shared_gateway.define_at("openai", base, same, name="conversion native")
        providers = [
            {"name": "conversion odd", "type": "openai_responses", "api_base": base, "api_key": PROVIDER_KEY},
            {"name": "conversion good", "type": "deepseek", "api_base": base, "api_key": PROVIDER_KEY},
        ]
        routes = [{"provider": row["name"], "upstream_model": "up"} for row in providers]
        shared_gateway.operator.define(
            providers, [{"name": "v/odd", "num_retries": 0, "capabilities": ["chat"], "routes": routes}]
        )
        shared_gateway.wait_visible("v/odd")
        yield upstream


@pytest.fixture(autouse=True)
def _fresh(upstream: Vendor) -> None:
    upstream.answers.clear()
    upstream.seen.clear()
    upstream.answers |= {CHAT: lambda seen: said(chat({"content": "Hello."})), "/v1/responses": lambda seen: said(NATIVE)}


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def roles(upstream: Vendor) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in upstream.last.json["messages"]]


# Codex


def test_codex_when_it_brings_its_tools_in_the_input_calls_them_by_its_names(gateway: LiveGateway, upstream: Vendor) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "functions__exec", "arguments": '{"input":"1+1"}'}}
    upstream.answers[CHAT] = lambda seen: said(chat({"content": None, "tool_calls": [call]}, "tool_calls"))
    answer = ask(gateway, "v/chat", **{**CODEX, "input": [BROUGHT, DEVELOPER, HI]})
    assert answer.status_code == 200, answer.text
    sent = upstream.last.json
    assert roles(upstream) == [("system", "You are Codex.\n\n<permissions>rw</permissions>"), ("user", "hi")]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["functions__exec"]
    assert (sent["prompt_cache_key"], sent["verbosity"], sent["reasoning_effort"]) == ("thread-1", "low", "low")
    assert "x-gateway-lossy" not in answer.headers
    (item,) = answer.json()["output"]
    assert {name: item[name] for name in ("type", "namespace", "name", "input")} == {
        "type": "custom_tool_call", "namespace": "functions", "name": "exec", "input": "1+1",
    }  # fmt: skip
    result = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "2"}
    upstream.answers[CHAT] = lambda seen: said(chat({"content": "2."}))
    late = {**DEVELOPER, "content": [{"type": "input_text", "text": "be brief"}]}
    again = ask(gateway, "v/chat", **{**CODEX, "input": [BROUGHT, DEVELOPER, HI, item, result, result, late]})
    assert again.status_code == 200, again.text
    assert [role for role, _ in roles(upstream)] == ["system", "user", "assistant", "tool", "user"]
    assert roles(upstream)[-1] == ("user", "be brief")


def test_codex_when_it_searches_for_tools_gets_a_search_and_then_calls_what_it_found(client: OpenAI, upstream: Vendor) -> None:
    search: Any = {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": {"type": "object"}}
    call = {"id": "call_1", "type": "function", "function": {"name": "tool_search", "arguments": '{"query":"crm"}'}}
    upstream.answers[CHAT] = lambda seen: events(*chunks({"tool_calls": [{"index": 0, **call}]}, finish="tool_calls"), done=True)
    with client.responses.stream(model="v/chat", input="hi", tools=[search]) as stream:
        first = stream.get_final_response()
    (item,) = first.output
    assert item.type == "tool_search_call"
    assert (item.execution, item.arguments, item.call_id) == ("client", {"query": "crm"}, "call_1")
    crm = {
        "type": "namespace",
        "name": "crm",
        "description": "The CRM.",
        "tools": [{"type": "function", "name": "find", "parameters": {}}],
    }
    found: Any = {"type": "tool_search_output", "call_id": "call_1", "execution": "client", "status": "completed", "tools": [crm]}
    called = {"id": "call_2", "type": "function", "function": {"name": "crm__find", "arguments": "{}"}}
    upstream.answers[CHAT] = lambda seen: said(chat({"content": None, "tool_calls": [called]}, "tool_calls"))
    second = client.responses.create(model="v/chat", input=[found], previous_response_id=first.id, tools=[search])
    assert [tool["function"]["name"] for tool in upstream.last.json["tools"]] == ["tool_search", "crm__find"]
    (made,) = second.output
    assert made.type == "function_call"
    assert (made.namespace, made.name) == ("crm", "find")


# Fields


HINTS = {"service_tier": "flex", "prompt_cache_key": "k", "prompt_cache_retention": "24h", "safety_identifier": "s",
         "metadata": {"a": "b"}, "user": "u", "text": {"verbosity": "low"}}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_hints_when_chat_has_their_words_are_carried_and_when_refused_left_out_and_named(
    stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    good = events(*chunks({"content": "a"}), done=True) if stream else said(chat({"content": "a"}))
    upstream.answers[CHAT] = lambda seen: good
    answer = ask(gateway, "v/chat", stream=stream, **HINTS)
    sent = upstream.last.json
    assert {name: sent[name] for name in HINTS if name != "text"} == {
        name: said for name, said in HINTS.items() if name != "text"
    }
    assert (sent["verbosity"], "x-gateway-lossy" in answer.headers) == ("low", False)
    gateway.define_at(
        "openai_compatible", f"{upstream.base}/v1", {f"v/picky-{stream}": ("up", ["chat", "responses"])}, name=f"picky-{stream}"
    )

    def picky(seen: Seen) -> Said:
        unknown = [name for name in ("prompt_cache_key", "service_tier") if name in seen.json]
        return said({"error": {"message": f"property {unknown[0]!r} is unsupported"}}, 400) if unknown else good

    upstream.answers[CHAT] = picky
    upstream.seen.clear()
    for asked in (3, 4):
        answer = ask(gateway, f"v/picky-{stream}", stream=stream, **HINTS)
        assert (answer.status_code, answer.headers["x-gateway-lossy"]) == (200, "prompt_cache_key, service_tier")
        assert len(upstream.seen) == asked
    strict = gateway.http.post(
        "/v1/responses", json={"model": f"v/picky-{stream}", "input": "hi", **HINTS}, headers={"x-gateway-strict": "1"}
    )
    assert (strict.status_code, "prompt_cache_key" in error_of(strict)["message"]) == (400, True)


def test_refusal_when_it_is_of_no_hint_is_told_as_it_is(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: said({"error": {"message": "unsupported parameter: temperature"}}, 400)
    answer = ask(gateway, "v/chat", temperature=0.1, **HINTS)
    assert (answer.status_code, len(upstream.seen)) == (400, 1)


def test_strict_when_a_nested_field_has_no_word_is_400_that_names_it(gateway: LiveGateway, upstream: Vendor) -> None:
    strict = {"x-gateway-strict": "1"}
    odd = [{**HI, "content": [{"type": "input_text", "text": "a", "x_new": 1}]}]
    for given, param in ((odd, "input[].content[].x_new"), ([HI, {"type": "program", "id": "p"}], "input[1] (program)")):
        answer = gateway.http.post("/v1/responses", json={"model": "v/chat", "input": given}, headers=strict)
        assert (answer.status_code, error_of(answer)["param"]) == (400, param)
    null = [{**HI, "content": [{"type": "input_text", "text": "a", "prompt_cache_breakpoint": None}]}]
    assert gateway.http.post("/v1/responses", json={"model": "v/chat", "input": null}, headers=strict).status_code == 200


# Continuing


def test_response_when_continued_with_another_model_of_its_account_is_one_call(gateway: LiveGateway, upstream: Vendor) -> None:
    first = ask(gateway, "v/one").json()["id"]
    upstream.seen.clear()
    second = ask(gateway, "v/two", previous_response_id=first)
    assert second.status_code == 200, second.text
    (seen,) = upstream.seen
    assert seen.json == {"model": "up-two", "input": "hi", "previous_response_id": UPSTREAM_ID}
    upstream.answers[f"/v1/responses/{UPSTREAM_ID}"] = lambda seen: said(NATIVE)
    assert gateway.http.get(f"/v1/responses/{second.json()['id']}").json()["model"] == "v/two"


def test_response_when_continued_at_its_account_by_who_may_not_use_its_model_is_404(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    made = gateway.create_key("two only", "--models", "v/two")
    gateway.operator.update("ClientKey", {"pk": made["id"]}, {"all_models": True})
    gateway.wait_visible("v/one", key=made["key"])
    headers = gateway.headers(made["key"])
    first = gateway.http.post("/v1/responses", json={"model": "v/one", "input": "hi"}, headers=headers).json()["id"]
    gateway.operator.update("ClientKey", {"pk": made["id"]}, {"all_models": False})
    gateway._wait_served()
    upstream.seen.clear()
    answer = gateway.http.post(
        "/v1/responses", json={"model": "v/two", "input": "hi", "previous_response_id": first}, headers=headers
    )
    assert (error_of(answer)["code"], upstream.seen) == ("previous_response_not_found", [])


def test_output_when_sent_twice_after_a_kept_response_counts_once(client: OpenAI, upstream: Vendor) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    upstream.answers[CHAT] = lambda seen: said(chat({"content": None, "tool_calls": [call]}, "tool_calls"))
    tool: Any = {"type": "function", "name": "f", "parameters": {}, "strict": False}
    first = client.responses.create(model="v/chat", input="hi", tools=[tool])
    upstream.answers[CHAT] = lambda seen: said(chat({"content": "Done."}))
    output: Any = {"type": "function_call_output", "call_id": "call_1", "output": "7"}
    again: Any = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    client.responses.create(model="v/chat", input=[again, output, output], previous_response_id=first.id, tools=[tool])
    assert [role for role, _ in roles(upstream)] == ["user", "assistant", "tool"]


# Odd answers


def test_chat_when_the_response_holds_no_text_is_the_next_routes(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(TEXT_IS_A_LIST)
    answer = gateway.chat("v/odd")
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2"), answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."


def test_context_when_an_items_type_is_no_text_is_502(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[f"/v1/responses/{UPSTREAM_ID}"] = lambda seen: said(NATIVE)
    listed = {"object": "list", "data": [{"type": ["message"], "role": "user"}], "has_more": False}
    upstream.answers[f"/v1/responses/{UPSTREAM_ID}/input_items"] = lambda seen: said(listed)
    first = ask(gateway, "v/one").json()["id"]
    answer = ask(gateway, "v/chat", previous_response_id=first)
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


@pytest.mark.parametrize("stream", [False, True])
def test_picture_of_a_megabyte_when_converted_is_an_item(stream: bool, gateway: LiveGateway, upstream: Vendor) -> None:
    image = {"images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BIG}"}}]}
    upstream.answers[CHAT] = lambda seen: events(*chunks(image), done=True) if stream else said(chat({"content": "", **image}))
    answer = ask(gateway, "v/chat", stream=stream)
    response = events_of(answer)[-2]["response"] if stream else answer.json()
    (item,) = response["output"]
    assert (response["status"], item["type"], len(item["result"])) == ("completed", "image_generation_call", len(BIG))
    assert gateway.http.get(f"/v1/responses/{response['id']}").json() == response


@pytest.mark.parametrize("pieces", [("\ud83d", "\ude00"), ("Hi \ud83d", "\ude00!"), ("\ud83d", "!"), ("a", "\ude00")])
def test_character_when_cut_in_two_chunks_survives(pieces: tuple[str, ...], gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: events(*chunks(*({"content": piece} for piece in pieces)), done=True)
    *told, last, _ = events_of(ask(gateway, "v/chat", stream=True))
    expected = "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert last["response"]["status"] == "completed"
    assert last["response"]["output"][0]["content"][0]["text"] == expected
    assert "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta") == expected


# Usage


USAGES = [
    ({"prompt_tokens": 500, "completion_tokens": 200, "total_tokens": 700, "completion_tokens_details": []}, (500, 200, 0, 0)),
    ({"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100}, (66, 34, 0, 28)),
    ({"prompt_tokens": "9", "completion_tokens": 2.0, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5}, (9, 2, 4, 0)),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
@pytest.mark.parametrize("stream", [False, True])
def test_usage_when_odd_is_told_as_it_came_recorded_and_converted_alike(
    stream: bool, usage: dict[str, Any], expected: tuple[int, int, int, int], gateway: LiveGateway, upstream: Vendor
) -> None:
    streamed = [*chunks({"content": "a"})[:-1], {"id": "c", "model": "up", "choices": [], "usage": usage}]
    upstream.answers[CHAT] = lambda seen: (
        events(*streamed, done=True) if stream else said({**chat({"content": "a"}), "usage": usage})
    )
    asked = gateway.chat("v/chat", stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
    assert (events_of(asked)[-2] if stream else asked.json())["usage"] == usage
    converted = ask(gateway, "v/chat", stream=stream)
    told = (events_of(converted)[-2]["response"] if stream else converted.json())["usage"]
    sent, received, cached, thought = expected
    assert (told["input_tokens"], told["output_tokens"], told["total_tokens"]) == (sent, received, sent + received)
    assert (told["input_tokens_details"]["cached_tokens"], told["output_tokens_details"]["reasoning_tokens"]) == (cached, thought)
    for answer in (asked, converted):
        (row,) = rows(gateway, request_id=answer.headers["x-request-id"])
        assert (row["input_tokens"], row["output_tokens"], row["cached_tokens"], row["reasoning_tokens"]) == expected
        assert not row["estimated"]


def test_usage_when_odd_in_a_response_is_chats_in_whole_numbers(gateway: LiveGateway, upstream: Vendor) -> None:
    usage = {
        "input_tokens": "5",
        "output_tokens": 2.0,
        "total_tokens": [],
        "input_tokens_details": [],
        "output_tokens_details": None,
    }
    upstream.answers["/v1/responses"] = lambda seen: said({**NATIVE, "usage": usage})
    told = json.loads(gateway.chat("v/odd").text)["usage"]
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (5, 2, 7)
